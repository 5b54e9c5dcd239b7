"""How much memory there is for what is to come, so that a scan too large is told before the work; giving it back."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

from TableRemovalLib.errors import InputError

TOO_LITTLE_MEMORY = "The memory does not suffice: close other programs, or crop the scans."
_GROUP = Path("/sys/fs/cgroup")
_LIMITS = (
    ("memory.max", "memory.current", "memory.stat"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
)
_FILE_CACHE = ("active_file", "inactive_file")
"""Counted as used, but given back when memory is asked for: without them a program that has read scans seems full."""


def available_bytes() -> int | None:
    """Say how much more memory this process can have: the least of what the system has free, what is left of its
    container's share, and what is left of the bound on its address space; None where nothing of it is known."""
    known = [*_of_system(), *_of_container(), *_of_process()]
    return min(known, default=None)


def check_memory(needed_bytes: float, what: str) -> None:
    """Refuse what this machine has no memory for; what is not known is taken for enough.

    Parameters
    ----------
    needed_bytes
        On top of what this process holds.
    what
        What the message calls it.

    Raises
    ------
    InputError
        If less is available.
    """
    free = available_bytes()
    if free is not None and free < needed_bytes:
        raise InputError(
            f"{what} need about {needed_bytes / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free: close other "
            "programs, or crop the scans."
        )


def give_memory_back() -> None:
    """Have the C library return to the system what was freed, which Linux's keeps for itself; elsewhere nothing."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def _of_system() -> list[int]:
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return [1024 * int(line.split()[1])]
    if sys.platform != "win32" and "SC_AVPHYS_PAGES" in os.sysconf_names:
        return [os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    return []


def _of_container() -> list[int]:
    for most, used, parts in _LIMITS:
        with suppress(OSError, ValueError):
            left = int((_GROUP / most).read_text()) - int((_GROUP / used).read_text())
            rows = [line.split() for line in (_GROUP / parts).read_text().splitlines()]
            return [left + sum(int(row[1]) for row in rows if row[0] in _FILE_CACHE)]
    return []


def _of_process() -> list[int]:
    if sys.platform == "win32":
        return []
    import resource

    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    with suppress(OSError, ValueError, IndexError):
        used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        return [] if most == resource.RLIM_INFINITY else [most - used]
    return []
