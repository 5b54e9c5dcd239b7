"""Faults of `longct register`: killed, short of memory or disk, unwritable, twice, the clock, NiftyReg, the model."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from aftermath import TOKEN, check_nobody_runs, check_nothing_left, check_results, require, results_of
from LongitudinalRegistrationLib.methods.network.model_store import MODELS_FOLDER
from small_pair import write_small_pair
from warm_longct import SCANS, run_longct, words_for

LIMIT = "import resource\nresource.setrlimit(resource.RLIMIT_{name}, ({bytes}, {bytes}))\n"
JUMPS = (
    "import random, time\nrng, now = random.Random({seed}), time.time\n"
    "time.time = lambda: now() + rng.uniform(-1e6, 1e6)\n"
)
MODELS = (
    "from pathlib import Path\nfrom LongitudinalRegistrationLib.methods.network import model_store\n"
    "model_store.MODELS_FOLDER = Path({folder!r})\n"
)
DONE, FAILED, BAD_INPUT, STOPPED = 0, 1, 2, 130
LONGEST_S = 300.0


@dataclass(frozen=True)
class Run:
    """A run under way, and the file with what it says on standard error."""

    process: multiprocessing.process.BaseProcess
    said: Path

    @property
    def pid(self) -> int:
        """Its process."""
        return self.process.pid

    @property
    def returncode(self) -> int:
        """Its exit code; less than 0: the signal that ended it."""
        return self.process.exitcode

    def runs(self) -> bool:
        """Whether it has not ended."""
        return self.process.is_alive()

    def wait(self, seconds: float) -> None:
        """Wait for its end, or so long."""
        self.process.join(seconds)

    def send_signal(self, how: signal.Signals) -> None:
        """Signal it, where it has not ended."""
        if self.runs():
            os.kill(self.pid, how)

    def communicate(self, seconds: float) -> str:
        """Wait for its end; returns what it has said."""
        self.wait(seconds)
        require(not self.runs(), "it hangs")
        return self.said.read_text(encoding="utf-8", errors="replace") if self.said.exists() else ""


@dataclass
class CommandFaults:
    """One folder of results over which runs go again and again, each with a fault.

    Parameters
    ----------
    folder
        Empty; for scans, results, temporary files.
    rng
        Of all moments and amounts.
    """

    folder: Path
    rng: np.random.Generator
    usual_s: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.out, self.temporary = self.folder / "out", self.folder / "tmp"
        self.temporary.mkdir()
        self.scans = write_small_pair(self.folder, int(self.rng.integers(1 << 30)))
        self.token = f"{os.getpid()}-{int(self.rng.integers(1 << 30))}"
        self.environment = {"TMPDIR": str(self.temporary), TOKEN: self.token}
        self.numbers = itertools.count()
        os.environ[SCANS] = str(self.folder)
        os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
        self.server = multiprocessing.get_context("forkserver")
        self.server.set_forkserver_preload(["warm_longct"])
        self.start("raise SystemExit").communicate(LONGEST_S)
        begun = time.monotonic()
        self.check_works()
        self.usual_s = time.monotonic() - begun

    @property
    def kinds(self) -> dict[str, Callable[[], None]]:
        """Each fault by its name."""
        return {
            "longct TERM": lambda: self.killed(signal.SIGTERM),
            "longct KILL": lambda: self.killed(signal.SIGKILL),
            "longct KILL as it starts": self.killed_as_it_starts,
            "memory": self.short_of_memory,
            "disk full": self.disk_full,
            "output not writable": self.unwritable,
            "clock jumps": self.clock_jumps,
            "two runs at once": self.twice,
            "NiftyReg KILL": self.niftyreg_killed,
            "model cut off or swapped": self.model_damaged,
        }

    def start(self, before: str = "", method: str = "refinement", out: Path | None = None) -> Run:
        """Start `longct register` over the results, after some code."""
        words = words_for(self.folder, out or self.out, method)
        arguments = before, words, self.environment, str(self.folder / f"said-{next(self.numbers)}")
        process = self.server.Process(target=run_longct, args=arguments)
        process.start()
        return Run(process, Path(arguments[-1]))

    def check_works(self) -> None:
        """Check that a run without a fault ends well."""
        before = results_of(self.out)
        self.finish(self.start(), {DONE}, before)
        require(results_of(self.out) != before, "a run without a fault has written nothing")

    def finish(self, process: Run, codes: set[int], before: dict[str, str], noisy: bool = False) -> int:
        """Wait for a run, and check what it has said and left; returns its exit code. Noisy: libraries say more."""
        said = process.communicate(LONGEST_S)
        code = process.returncode
        require(code in codes, f"exit code {code}: {said[-500:]}")
        if code >= 0:
            require("Traceback" not in said and "defect" not in said, said[-500:])
            ours = [line for line in said.splitlines() if not noisy or line.startswith("longct: ")]
            require(len(ours) == (code != DONE), f"with code {code} it said: {said[-500:]}")
        check_nobody_runs(self.token)
        new = check_results(self.out, before)
        require(new or code != DONE, "a run that ended well has written nothing")
        check_nothing_left(self.out, self.temporary, self.folder)
        return code

    def killed(self, how: signal.Signals) -> None:
        """A signal at a random moment."""
        before, process = results_of(self.out), self.start()
        process.wait(float(self.rng.uniform(0, self.usual_s)))
        process.send_signal(how)
        self.finish(process, {DONE, STOPPED, -how}, before)

    def killed_as_it_starts(self) -> None:
        """A process that is started anew, killed while it imports or later."""
        before = results_of(self.out)
        command = [sys.executable, "-m", "LongitudinalRegistrationLib.cli.main", *words_for(self.folder, self.out)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, env={**os.environ, **self.environment}, **quiet) as process:
            with suppress(subprocess.TimeoutExpired):
                process.wait(float(self.rng.uniform(0, 5)))
            process.kill()
        check_nobody_runs(self.token)
        check_results(self.out, before)
        check_nothing_left(self.out, self.temporary, self.folder)

    def short_of_memory(self) -> None:
        """A bound on the address space between too little and enough; what aborts in a library counts as killed."""
        limit = int(self.rng.uniform(0.8e9, 4e9))
        aborted = {-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGKILL, FAILED}
        before, process = results_of(self.out), self.start(LIMIT.format(name="AS", bytes=limit))
        said = process.communicate(LONGEST_S)
        require(process.returncode in {DONE, BAD_INPUT, *aborted}, f"exit code {process.returncode}: {said[-500:]}")
        check_nobody_runs(self.token)
        check_results(self.out, before)
        check_nothing_left(self.out, self.temporary, self.folder)

    def disk_full(self) -> None:
        """No file may be larger than a random number of bytes."""
        limit = int(10 ** self.rng.uniform(3.5, 6))  # what it says must fit too
        before = results_of(self.out)
        self.finish(self.start(LIMIT.format(name="FSIZE", bytes=limit)), {DONE, BAD_INPUT}, before, True)

    def unwritable(self) -> None:
        """A folder that nobody can write to."""
        before = results_of(self.out)
        self.finish(self.start(out=Path("/proc/longct")), {BAD_INPUT}, before)

    def clock_jumps(self) -> None:
        """The clock goes days forth and back at every look."""
        before = results_of(self.out)
        self.finish(self.start(JUMPS.format(seed=int(self.rng.integers(1000)))), {DONE}, before)

    def twice(self) -> None:
        """Two runs into one folder: one is refused, or comes after the other."""
        before = results_of(self.out)
        first = self.start()
        time.sleep(float(self.rng.uniform(0, 0.7 * self.usual_s)))
        second = self.start()
        said = second.communicate(LONGEST_S)
        require(second.returncode in (DONE, BAD_INPUT), said[-500:])
        require(second.returncode == DONE or "Another run is writing to" in said, said[-500:])
        if second.returncode == DONE:  # then the first one was over, or was refused itself
            self.finish(first, {DONE, BAD_INPUT}, before)
        else:
            self.finish(first, {DONE}, before)

    def niftyreg_killed(self) -> None:
        """A program of NiftyReg is killed from outside, or longct with it."""
        before, process = results_of(self.out), self.start(method="niftyreg")
        end, wait = time.monotonic() + LONGEST_S, float(self.rng.uniform(0, 0.5 * self.usual_s))
        while not (found := _niftyreg_below(process.pid)) and process.runs() and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(wait)
        with suppress(ProcessLookupError):
            os.kill((found or [process.pid])[0] if self.rng.random() < 0.7 else process.pid, signal.SIGKILL)
        self.finish(process, {DONE, FAILED, -signal.SIGKILL}, before)

    def model_damaged(self) -> None:
        """The network's file is cut off at a random byte, or its bytes are others."""
        models = shutil.copytree(MODELS_FOLDER, self.folder / "models")
        path = models / "cvpyramid_compiled.npz"
        content = bytearray(path.read_bytes())
        place = int(self.rng.integers(len(content)))
        if self.rng.random() < 0.5:
            content = content[:place]
        else:
            content[place] ^= 0xFF
        path.write_bytes(content)
        before = results_of(self.out)
        try:
            self.finish(self.start(MODELS.format(folder=str(models)), method="cost-volume"), {BAD_INPUT}, before)
        finally:
            shutil.rmtree(models)


def _niftyreg_below(pid: int) -> list[int]:
    """The programs of NiftyReg that a process has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):
            name, rest = stat.read_text().split("(", 1)[1].rsplit(")", 1)
            if name.startswith("reg_") and int(rest.split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found
