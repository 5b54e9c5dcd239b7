"""A few rounds of each fault of Testing/Soak/faults.py; 200 are `make soak`."""

import subprocess
import sys

import numpy as np
import pytest
from jobs import STAND_IN, make_request, wait
from places import ROOT

pytest.importorskip("trame_slicer")
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
SOAK = ROOT / "Testing" / "Soak"


def test_the_command_survives_a_few_faults():
    kinds = "longct KILL", "longct TERM", "disk", "writable"
    command = [sys.executable, SOAK / "faults.py", "--rounds", "4", "--kinds", *kinds]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and '"rounds": 4' in done.stdout, done.stdout[-1000:] + done.stderr[-2000:]


def test_the_scene_survives_each_fault(make_logic, monkeypatch):
    monkeypatch.syspath_prepend(SOAK)
    from scene_faults import SceneFaults

    faults = SceneFaults(np.random.default_rng(4), make_logic(STAND_IN))
    for fault in faults.kinds.values():
        fault()
    faults.close()


def test_a_process_that_died_unseen_is_replaced_when_it_is_needed(make_logic):
    logic = make_logic(STAND_IN)
    logic.warmUp()
    wait(logic, lambda: logic._job.ready)
    process = logic._job._process._process
    process.kill()
    process.wait()
    logic.startRegistration(make_request())
    wait(logic, lambda: not logic.busy)
    assert logic.state.value == "done", logic.log
