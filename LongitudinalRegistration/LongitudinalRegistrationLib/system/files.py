"""Write files so that no half-written one is ever left: a hidden folder beside the target, then rename."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from TableRemovalLib.errors import InputError
from TableRemovalLib.file_lock import folder_lock
from TableRemovalLib.owned_folders import HIDDEN_PREFIX, owned_folder, sweep


def ready_folder(folder: Path) -> Path:
    """Make a folder for results, and check that it can be written to.

    Raises
    ------
    InputError
        If it cannot be made or written to.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(f"The folder {folder} cannot be written to ({reason}): choose another.") from error
    return folder


@contextmanager
def held_folder(folder: Path) -> Iterator[Path]:
    """Make a folder for results, as ready_folder, and hold it against other runs for the time of a block.

    What a killed run has left in it is finished, where it was whole, or removed.

    Raises
    ------
    InputError
        As ready_folder; and where another run holds the folder.
    """
    with folder_lock(ready_folder(folder)) as ours:
        if not ours:
            raise InputError(f"Another run is writing to {folder}: wait until it is done, or choose another folder.")
        sweep(folder)
        yield folder


@contextmanager
def results_folder(folder: Path, files: Iterable[str] = (), overwrite: bool = False) -> Iterator[Path]:
    """Have a folder for results, as held_folder; where nothing is written into it after all, it is taken away again.

    Parameters
    ----------
    files
        The names that may not be there.
    overwrite
        Whether they may all the same; see staged_files.StagedFiles.publish.

    Raises
    ------
    InputError
        As held_folder; and where one of the files is there and may not be overwritten.
    """
    folder = Path(folder)
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    with held_folder(folder):
        try:
            there = [name for name in files if (folder / name).exists()]
            if there and not overwrite:
                raise InputError(f"{folder} has {there[0]} already: choose another folder, or give --overwrite.")
            yield folder
        except BaseException:
            with suppress(OSError):
                for path in new:
                    path.rmdir()
            raise


def write_atomically(path: Path, suffix: str, write: Callable[[str], object]) -> Path:
    """Call `write` with a name in a hidden folder beside the target, then rename it to the target.

    Raises
    ------
    InputError
        If the file cannot be written (disk full, no permission); nothing is left then.
    """
    path = Path(path)
    try:
        with owned_folder(path.parent, HIDDEN_PREFIX) as folder:
            temporary = folder / f"written{suffix}"
            write(str(temporary))
            os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise InputError(f"{path} could not be written ({reason}): check free space and permissions.") from error
    return path


def reserve(path: Path, size: int) -> None:
    """Check that there is room for a file, by taking it up.

    Parameters
    ----------
    path
        Of the file, which is of no content yet; whoever writes it begins at its start.
    size
        Bytes.

    Raises
    ------
    OSError
        If there is no room.
    """
    with open(path, "wb") as stream:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(stream.fileno(), 0, max(size, 1))
        else:
            stream.truncate(size)
            stream.flush()


def write_text(text: str, path: Path) -> Path:
    """Write UTF-8 text."""
    return write_atomically(path, ".txt", lambda name: Path(name).write_text(text, encoding="utf-8"))


def write_json(content: dict, path: Path) -> Path:
    """Write JSON; NaN becomes null."""
    return write_text(json.dumps(without_nan(content), indent=2, ensure_ascii=False) + "\n", path)


def without_nan(value: Any) -> Any:
    """The same content with None for every NaN, which JSON does not know."""
    if isinstance(value, dict):
        return {key: without_nan(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(part) for part in value]
    return None if isinstance(value, float) and value != value else value
