"""Programs that take the worker's place, and small requests for them."""

import sys
import time

import numpy as np

STAND_IN = [sys.executable, "-m", "LongitudinalRegistrationSlicer.process.stand_in_worker"]
"""Registers every pair at once by a shift; NiftyReg never ends."""


def add_volume(name, seed=1, shape=(10, 30, 30)):
    import slicer

    array = np.random.default_rng(seed).integers(-1000, 1000, shape).astype(np.int16)
    return slicer.util.addVolumeFromArray(array, ijkToRAS=np.diag([-3.0, -3.0, 3.0, 1.0]), name=name)


def make_request(**options):
    from LongitudinalRegistrationSlicer.process.request import RegistrationRequest

    return RegistrationRequest(add_volume("Baseline"), add_volume("Follow-up", 2), **options)


def wait(logic, until, seconds=60):
    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:
        logic.poll()
        time.sleep(0.02)
    assert until(), logic.log


def program(code):
    """A command that runs Python code in place of the worker once it is asked to register, with `say` and `job`.

    Code that sleeps ends as the real worker does: when its input is closed.
    """
    head = (
        "import json, os, pathlib, subprocess, sys, time\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "say = lambda event, **what: print(json.dumps({'event': event, **what}), flush=True)\n"
        "command = {'do': ''}\n"
        "while command['do'] != 'register':\n"
        "    command = json.loads(sys.stdin.readline())\n"
        "job = command['job']\n"
        "def sleep():\n"
        "    for _ in sys.stdin:\n"
        "        pass\n"
    )
    return [sys.executable, "-c", head + code]


def slow_to_resample(seconds):
    """A command for a process whose registered volume comes later than its transform."""
    code = (
        "import time\n"
        "from LongitudinalRegistrationSlicer.process import stand_in_worker as worker\n"
        "resample = worker.sitk.Resample\n"
        f"worker.sitk.Resample = lambda *images: time.sleep({seconds}) or resample(*images)\n"
        "worker.main()\n"
    )
    return [sys.executable, "-c", code]
