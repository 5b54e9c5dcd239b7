"""Folders for what is under way, which only this user can read and which do not outlive their process for long.

The owner holds a lock on the file OWNER in its folder; the system lets it go when the process ends, however it ends.
Whoever makes a folder sweeps those beside it whose owner is gone. What such a folder has in READY is whole: it is
moved beside the folder, where its owner was about to move it.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from TableRemovalLib.file_lock import take_lock

PREFIX, HIDDEN_PREFIX = "longct-", ".longct-"
OWNER, READY, STALE = ".owner", "ready", "stale"
UNOWNED_FOR_S = 86400.0
PATIENCE_S = 10.0

_held: dict[Path, int] = {}


def make_owned_folder(parent: Path, prefix: str = HIDDEN_PREFIX) -> Path:
    """Make a folder of mode 0700 that this process owns; what dead processes have left beside it goes.

    Parameters
    ----------
    parent
        That is there.
    prefix
        Of the folder's name: PREFIX, or HIDDEN_PREFIX among a user's files.

    Returns
    -------
    pathlib.Path
        The folder, for remove_owned_folder.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    sweep(parent)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        _hold(folder)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def _hold(folder: Path) -> None:
    """Lock the owner's file before it has its name, so that nobody takes the folder for one that was left."""
    unnamed = folder / f"{OWNER}.new"
    handle = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    if sys.platform == "win32":  # which renames no open file
        os.close(handle)
        os.replace(unnamed, folder / OWNER)
        handle = os.open(folder / OWNER, os.O_RDWR)
        take_lock(handle)
    else:
        take_lock(handle)
        os.replace(unnamed, folder / OWNER)
    _held[folder] = handle


def remove_owned_folder(folder: Path) -> None:
    """Remove a folder, also where a thread of this process still puts a file there, for ten seconds at most.

    Parameters
    ----------
    folder
        From make_owned_folder, in this process or another; it may have gone.
    """
    if (handle := _held.pop(folder, None)) is not None:
        os.close(handle)
    end = time.monotonic() + PATIENCE_S
    shutil.rmtree(folder, ignore_errors=True)
    while folder.exists() and time.monotonic() < end:
        time.sleep(0.01)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def owned_folder(parent: Path | None = None, prefix: str = PREFIX) -> Iterator[Path]:
    """Have a folder for the time of a block.

    Parameters
    ----------
    parent
        None: the system's folder for temporary files.
    prefix
        As in make_owned_folder.

    Yields
    ------
    pathlib.Path
        The folder.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    folder = make_owned_folder(Path(tempfile.gettempdir()) if parent is None else parent, prefix)
    try:
        yield folder
    finally:
        remove_owned_folder(folder)


def sweep(parent: Path) -> None:
    """Finish or remove what dead processes of this user have left in a folder.

    Parameters
    ----------
    parent
        Of which only folders with one of the prefixes are looked at.
    """
    with suppress(OSError), os.scandir(parent) as entries:
        left = [Path(entry) for entry in entries if _is_ours(entry)]
        for folder in left:
            _sweep_one(folder)


def _is_ours(entry: os.DirEntry[str]) -> bool:
    named = entry.name.startswith((PREFIX, HIDDEN_PREFIX)) and entry.is_dir(follow_symlinks=False)
    if not named or sys.platform == "win32":
        return named
    return entry.stat(follow_symlinks=False).st_uid == os.getuid()


def _sweep_one(folder: Path) -> None:
    with suppress(OSError):
        try:
            handle = os.open(folder / OWNER, os.O_RDWR)
        except FileNotFoundError:  # killed as it made the folder, or an older version's
            if time.time() - folder.stat().st_mtime > UNOWNED_FOR_S:
                shutil.rmtree(folder, ignore_errors=True)
            return
        try:
            if not take_lock(handle):
                return
            settle(folder)
        finally:
            os.close(handle)
        shutil.rmtree(folder, ignore_errors=True)


def settle(folder: Path) -> None:
    """Move what a folder has ready beside it, in place of what is there; nothing where it has nothing ready.

    Parameters
    ----------
    folder
        Its STALE names, a line each, the files beside it that go; its READY holds those that come.

    Raises
    ------
    OSError
        If a file cannot be moved.
    """
    ready, stale = folder / READY, folder / STALE
    if not ready.is_dir():
        return
    for name in stale.read_text(encoding="utf-8").splitlines() if stale.exists() else ():
        (folder.parent / Path(name).name).unlink(missing_ok=True)
    for path in sorted(ready.iterdir()):
        os.replace(path, folder.parent / path.name)
