"""What the tests ask of other processes; `children` on Linux only."""

import os
from contextlib import suppress
from pathlib import Path


def runs(pid):
    """Whether a process is there and is more than an exit code that nobody has fetched."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        os.kill(int(pid), 0)
        return not stat.parents[1].exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(pid):
    """The processes that a process's threads have started and that are there, as numbers."""
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that ended while we looked
            found += Path(f"/proc/{pid}/task/{task}/children").read_text().split()
    return [int(child) for child in found]
