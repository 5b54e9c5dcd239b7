"""Write files so that no half-written one is ever left: temporary name beside the target, then rename."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from TableRemovalLib.errors import InputError


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
def results_folder(folder: Path, files: Iterable[str] = (), overwrite: bool = False) -> Iterator[Path]:
    """Make a folder for results, as ready_folder; where nothing is written into it after all, it is taken away again.

    Parameters
    ----------
    files
        The names that may not be there.
    overwrite
        Whether they may all the same; remove_earlier takes them away.

    Raises
    ------
    InputError
        As ready_folder; and where one of the files is there and may not be overwritten.
    """
    folder = Path(folder)
    there = [name for name in files if (folder / name).exists()]
    if there and not overwrite:
        raise InputError(f"{folder} has {there[0]} already: choose another folder, or give --overwrite.")
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        yield ready_folder(folder)
    except BaseException:
        with suppress(OSError):
            for path in new:
                path.rmdir()
        raise


def remove_earlier(folder: Path, files: Iterable[str]) -> None:
    """Remove an earlier run's files, so that none is left beside those of the next."""
    for name in files:
        (folder / name).unlink(missing_ok=True)


def write_atomically(path: Path, suffix: str, write: Callable[[str], object]) -> Path:
    """Call `write` with a temporary name in the target's folder, then rename it to the target.

    Raises
    ------
    InputError
        If the file cannot be written (disk full, no permission); nothing is left then.
    """
    path = Path(path)
    handle, temporary = tempfile.mkstemp(prefix=".longct-", suffix=suffix, dir=path.parent)
    os.close(handle)
    try:
        write(temporary)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise InputError(f"{path} could not be written ({reason}): check free space and permissions.") from error
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)
    return path


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
