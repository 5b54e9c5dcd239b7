"""Faults of `longct register` that only root can make: a disk that is full, the system's out-of-memory killer."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aftermath import check_nobody_runs, check_nothing_left, check_results, require, results_of
from command_faults import BAD_INPUT, DONE, FAILED, LONGEST_S, CommandFaults

JOIN = "import os\nwith open({path!r}, 'w') as group:\n    group.write(str(os.getpid()))\n"
GROUPS = (Path("/sys/fs/cgroup"), "memory.max"), (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes")
"""Where control groups are made, and the file of a group's bound: of the second and the first version."""
SMALL_MB, LARGE_MB = 40, 700


class SystemFaults:
    """Rounds over the results of other faults.

    Parameters
    ----------
    commands
        Whose results, scans and runs they are.
    """

    def __init__(self, commands: CommandFaults):
        self._commands = commands

    @property
    def kinds(self) -> dict[str, Callable[[], None]]:
        """Each fault by its name, of those that this system lets us make."""
        found: dict[str, Callable[[], None]] = {}
        with suppress(OSError, subprocess.CalledProcessError), _disk(self._commands.folder / "small", 1 << 20):
            found["small disk full"] = self.small_disk
        with suppress(OSError), _memory_group(1 << 30):
            found["out-of-memory killer"] = self.out_of_memory
        return found

    def small_disk(self) -> None:
        """A file system with room for the earlier results and between nothing and all of the new ones."""
        commands = self._commands
        earlier = sum(path.stat().st_size for path in commands.out.iterdir())
        size = int(earlier * commands.rng.uniform(1.05, 2.5))
        with _disk(commands.folder / "small", size) as disk:
            out = shutil.copytree(commands.out, disk / "out")
            before = results_of(out)
            self._finish(commands.start(out=out), {DONE, BAD_INPUT}, out, before)

    def out_of_memory(self) -> None:
        """A bound on memory that is told to nobody: the system kills who goes beyond it."""
        commands = self._commands
        before = results_of(commands.out)
        with _memory_group(int(commands.rng.uniform(SMALL_MB, LARGE_MB) * 1e6)) as group:
            process = commands.start(JOIN.format(path=str(group / "cgroup.procs")))
            self._finish(process, {DONE, BAD_INPUT, FAILED, -signal.SIGKILL}, commands.out, before)

    def _finish(self, process, codes: set[int], out: Path, before: dict[str, str]) -> None:
        said = process.communicate(LONGEST_S)
        require(process.returncode in codes, f"exit code {process.returncode}: {said[-500:]}")
        require("Traceback" not in said, said[-500:])
        check_nobody_runs(self._commands.token)
        new = check_results(out, before)
        require(new or process.returncode != DONE, "a run that ended well has written nothing")
        check_nothing_left(out, self._commands.temporary)


@contextmanager
def _disk(place: Path, size: int) -> Iterator[Path]:
    """A file system of so many bytes for the time of a block."""
    place.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    subprocess.run(command, check=True, capture_output=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)
        place.rmdir()


@contextmanager
def _memory_group(size: int) -> Iterator[Path]:
    """A control group with a bound of so many bytes for the time of a block."""
    parent, bound = next((way for way in GROUPS if (way[0] / "cgroup.procs").exists() and _bounds(*way)), GROUPS[0])
    group = parent / f"longct-soak-{os.getpid()}"
    group.mkdir()
    try:
        (group / bound).write_text(str(size))
        yield group
    finally:
        end = time.monotonic() + 5
        while group.exists() and time.monotonic() < end:
            with suppress(OSError):
                group.rmdir()
            time.sleep(0.01)


def _bounds(parent: Path, bound: str) -> bool:
    """Whether groups below a folder have a bound of this name."""
    return any((folder / bound).exists() for folder in (parent, *parent.glob("*/")))
