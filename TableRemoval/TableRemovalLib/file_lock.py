"""Locks that the system lets go when the process that holds them ends, however it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def take_lock(handle: int) -> bool:
    """Lock an open file for this process, without waiting.

    Parameters
    ----------
    handle
        File descriptor; of a folder too, but for Windows. The lock goes when it is closed.

    Returns
    -------
    bool
        False where another holds the lock, or the file system has no locks.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(handle, 0, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def folder_lock(folder: Path) -> Iterator[bool]:
    """Hold a folder, so that no other process that asks for the same gets it; on Windows folders cannot be held.

    Parameters
    ----------
    folder
        That is there.

    Yields
    ------
    bool
        False where another process holds it.

    Raises
    ------
    OSError
        If the folder cannot be opened.
    """
    if sys.platform == "win32":
        yield True
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield take_lock(handle)
    finally:
        os.close(handle)
