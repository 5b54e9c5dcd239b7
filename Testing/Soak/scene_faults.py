"""Faults of a registration in the scene: its process killed or frozen, the scene closed, a volume deleted meanwhile.

The process is the tests' stand-in, which does all that the real one says and writes, at once; the scene is real.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from aftermath import require

STAND_IN = [sys.executable, "-m", "LongitudinalRegistrationSlicer.process.stand_in_worker"]
LONGEST_S = 60.0
SHAPE, SPACING_MM = (10, 30, 30), 3.0


class SceneFaults:
    """One logic, whose scene gets a pair of scans for every round.

    Parameters
    ----------
    rng
        Of voxels and moments.
    logic
        The module's, with STAND_IN in the place of its process.
    """

    def __init__(self, rng: np.random.Generator, logic):
        import slicer

        self.rng, self.slicer, self.logic = rng, slicer, logic
        self.folders: set[Path] = set()
        self.processes: set[int] = set()

    @property
    def kinds(self) -> dict[str, Callable[[], None]]:
        """Each fault by its name."""
        return {
            "worker TERM": lambda: self.signalled(signal.SIGTERM),
            "worker KILL": lambda: self.signalled(signal.SIGKILL),
            "scene closed": self.scene_closed,
            "volume deleted": self.volume_deleted,
            "cancelled": self.cancelled,
        }

    def request(self):
        """A request for a new pair."""
        from LongitudinalRegistrationSlicer.process.request import RegistrationRequest

        return RegistrationRequest(*(self._volume(name) for name in ("Baseline", "Follow-up")))

    def _volume(self, name: str):
        array = self.rng.integers(-1000, 1000, SHAPE).astype(np.int16)
        matrix = np.diag([-SPACING_MM, -SPACING_MM, SPACING_MM, 1.0])
        return self.slicer.util.addVolumeFromArray(array, ijkToRAS=matrix, name=name)

    def begin(self):
        """Start a registration and follow it for a random time; returns its request."""
        request = self.request()
        self.logic.startRegistration(request)
        self._note()
        self.poll_for(float(self.rng.uniform(0, 1.5)))
        return request

    def poll_for(self, seconds: float) -> None:
        """Follow what the process says for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.logic.poll()
            self._note()
            time.sleep(0.01)

    def _note(self) -> None:
        job = self.logic._job
        if job.folder is not None:
            self.folders.add(Path(job.folder))
        if job._process is not None:
            self.processes.add(job._process._process.pid)

    def check_works(self) -> None:
        """Check that a registration without a fault ends well, with its volume."""
        self.logic.startRegistration(self.request())
        end = time.monotonic() + LONGEST_S
        while (self.logic.busy or self.logic.needsPolling) and time.monotonic() < end:
            self.poll_for(0.05)
        require(self.logic.state.value == "done", f"the next registration is {self.logic.state}: {self.logic.log}")
        require(self.logic.results.registered is not None, "the next registration has no volume")
        self.clear()

    def signalled(self, how: signal.Signals) -> None:
        """The process ends by a signal at a random moment."""
        self.begin()
        process = self.logic._job._process
        if process is not None:
            os.kill(process._process.pid, how)
            process._process.wait(LONGEST_S)
        self.settle()

    def scene_closed(self) -> None:
        """The scene is closed while it registers."""
        self.begin()
        self.slicer.mrmlScene.Clear(0)
        self.logic.forget()
        self.settle()

    def volume_deleted(self) -> None:
        """One of the scans is removed while it registers."""
        request = self.begin()
        self.slicer.mrmlScene.RemoveNode(request.fixed if self.rng.random() < 0.5 else request.moving)
        self.settle()

    def cancelled(self) -> None:
        """The user cancels."""
        self.begin()
        self.logic.cancel()
        self.settle()

    def settle(self) -> None:
        """Follow what comes until nothing does, check that it has ended, and that the next one works."""
        end = time.monotonic() + LONGEST_S
        while (self.logic.busy or self.logic.needsPolling) and time.monotonic() < end:
            self.poll_for(0.05)
        require(not self.logic.busy and not self.logic.needsPolling, f"it hangs: {self.logic.state}, {self.logic.log}")
        self.clear()
        self.check_works()
        living = self.logic._job.folder
        left = [folder for folder in self.folders if folder.exists() and folder != living]
        require(not left, f"folders left: {left}")

    def clear(self) -> None:
        """Close the scene."""
        self.slicer.mrmlScene.Clear(0)
        self.logic.forget()

    def close(self) -> None:
        """End the process, and check that nothing is left of any."""
        self.logic.shutDown()
        require(not [folder for folder in self.folders if folder.exists()], "folders are left")
        running = [pid for pid in self.processes if Path(f"/proc/{pid}").exists()]
        require(not running, f"processes still run: {running}")
