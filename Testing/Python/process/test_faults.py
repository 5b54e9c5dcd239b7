"""A few rounds of each fault of Testing/Soak/faults.py; 200 are `make soak`."""

import subprocess
import sys
import time

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


@pytest.mark.parametrize("answer, state, words", [("field", "failed", "stopped"), ("warped", "done", "")])
def test_an_answer_whose_process_died_before_it_was_heard_is_told_as_lost(make_logic, answer, state, words):
    logic = make_logic(STAND_IN)
    logic.startRegistration(make_request())
    wait(logic, lambda: logic.state.value == ("running" if answer == "field" else "done"))
    job, end = logic._job, time.monotonic() + 30
    while not list(job.folder.glob(f"{answer}-*.npy")) and time.monotonic() < end:
        time.sleep(0.01)
    job._process._process.kill()
    job._process._process.wait()
    logic.poll()
    assert logic.state.value == state and words in job.message and not job.pending
    logic.startRegistration(make_request())
    wait(logic, lambda: not logic.busy and not logic.needsPolling)
    assert logic.state.value == "done" and logic.results.registered is not None
