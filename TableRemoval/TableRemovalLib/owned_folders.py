"""Folders for what is under way, which only this user can read and which do not outlive their process for long.

The owner holds a lock on the file OWNER in its folder; the system lets it go when the process ends, however it ends.
Whoever makes a folder sweeps those beside it whose owner is gone. What such a folder has in READY is whole: it is
moved beside the folder, where its owner was about to move it. OWNER is the first file of a folder and the last to go,
so that of a process killed at any moment nothing is left but what the next one may sweep: an empty folder may have an
owner to come, who makes another then.
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
ATTEMPTS = 5

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
    for attempt in range(ATTEMPTS):
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        if _hold(folder, anyhow=attempt + 1 == ATTEMPTS):
            break
    return folder


def _hold(folder: Path, anyhow: bool) -> bool:
    """Make and lock the owner's file; False if another process sweeps the folder meanwhile.

    Anyhow: what cannot be locked is held all the same, as some file systems have no locks, and nobody sweeps there.
    """
    try:
        handle = os.open(folder / OWNER, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileNotFoundError:
        if anyhow:
            raise
        return False
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if (take_lock(handle) and (folder / OWNER).exists()) or anyhow:
        _held[folder] = handle
        return True
    os.close(handle)
    _clear(folder)
    return False


def _clear(folder: Path) -> None:
    """Remove a folder as far as that can be done, its owner's file last: a part of it can be swept as the whole can."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name == OWNER:
                continue
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                with suppress(OSError):
                    os.unlink(entry.path)
        if set(os.listdir(folder)) <= {OWNER}:
            (folder / OWNER).unlink(missing_ok=True)
            folder.rmdir()


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
    _clear(folder)
    while folder.exists() and time.monotonic() < end:
        time.sleep(0.01)
        _clear(folder)


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
        except FileNotFoundError:
            _sweep_unowned(folder)
            return
        try:
            if not take_lock(handle):
                return
            settle(folder)
            if sys.platform != "win32":  # which removes no open file
                _clear(folder)
        finally:
            os.close(handle)
        _clear(folder)


def _sweep_unowned(folder: Path) -> None:
    """Remove a folder that is empty, as its maker was killed, or will make another; or old, of another version."""
    if time.time() - folder.stat().st_mtime > UNOWNED_FOR_S:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        folder.rmdir()


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
