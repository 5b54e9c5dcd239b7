"""The folder with this extension's own packages: what is in it, whether it is whole, removing it.

One folder for each version of the application and of Python, as compiled packages fit only one:

    packages-*      an installation; INSTALLED, its last file, tells what it holds. The newest whole one counts
    staging-*       an installation under way, or what is left of one that was interrupted
    lock            held by the process that installs

An installation is never changed: another takes its place, so that processes which use the old one can go on. What was
removed or replaced has a file REMOVED and goes at once, or, where a process still uses it (Windows), with the next
`clean`.
"""

from __future__ import annotations

import csv
import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from TableRemovalLib.data_folder import data_folder
from TableRemovalLib.errors import InputError
from TableRemovalLib.file_lock import take_lock

INSTALLED, REMOVED, LOCK = "installed.json", "removed", "lock"
BASE = ("numpy", "scipy")
"""The application's packages that compiled ones depend on: they are taken as they are, never replaced."""


@dataclass(frozen=True)
class Installation:
    """What an installation holds.

    requirements: as they were asked for. versions: of the distributions in the folder. base: versions of the
    application's packages that it was made for, None where it has none. lent: import names that the panel's process
    may use too.
    """

    folder: Path
    requirements: tuple[str, ...]
    versions: dict[str, str]
    base: dict[str, str | None] = field(default_factory=dict)
    lent: tuple[str, ...] = ()


def packages_root(application: str) -> Path:
    """Where the packages for an application (such as "slicer-5.10") and this Python are."""
    python = f"python-{sys.version_info.major}.{sys.version_info.minor}-{platform.machine().lower() or 'any'}"
    return data_folder() / "packages" / f"{application}-{python}"


def base_versions() -> dict[str, str | None]:
    """Versions of the application's packages in BASE, None where it has none."""
    return {name: installed_version(name) for name in BASE}


def installed_version(name: str) -> str | None:
    """The version of a distribution on this process's path, None where there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def is_satisfied(requirement: str) -> bool:
    """Whether this process's path holds what a pip requirement asks for."""
    try:
        from packaging.requirements import Requirement
    except ImportError:
        from pip._vendor.packaging.requirements import Requirement  # type: ignore[assignment]  # the same class, vendored
    wanted = Requirement(requirement)
    found = installed_version(wanted.name)
    return found is not None and wanted.specifier.contains(found, prereleases=True)


def current(root: Path) -> Installation | None:
    """The installation that counts: the newest that is whole; None where there is none."""
    return max((i for i in map(read_installation, _folders(root)) if i), key=_age_key, default=None)


def interrupted(root: Path) -> list[Path]:
    """The `unfinished` folders, where no installation is under way."""
    return [] if is_locked(root) else unfinished(root)


def unfinished(root: Path) -> list[Path]:
    """Folders of installations that have not come to their end, or have lost files."""
    damaged = [folder for folder in _folders(root) if read_installation(folder) is None]
    return _folders(root, "staging-*") + ([] if current(root) else damaged)


def read_installation(folder: Path) -> Installation | None:
    """What a folder holds, None where it is not whole."""
    try:
        record = json.loads((folder / INSTALLED).read_text(encoding="utf-8"))
        installation = Installation(
            folder, tuple(record["requirements"]), record["versions"], record["base"], tuple(record["lent"])
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return installation if _is_whole(installation) else None


def write_installation(installation: Installation) -> None:
    """Write INSTALLED, which makes the folder an installation."""
    record = {name: value for name, value in asdict(installation).items() if name != "folder"}
    part = installation.folder / f"{INSTALLED}.new"
    part.write_text(json.dumps(record, indent=1), encoding="utf-8")
    os.replace(part, installation.folder / INSTALLED)


def remove(root: Path) -> int:
    """Remove all installations and what is left of interrupted ones; returns how many bytes that freed.

    Raises
    ------
    InputError
        If packages are being installed, or a folder cannot be removed.
    """
    with locked(root):
        before = size(root)
        for folder in (*root.glob("packages-*"), *root.glob("staging-*")):
            discard(folder)
        return before - size(root)


def clean(root: Path) -> None:
    """Remove what was removed or replaced while it was in use. Nothing happens while packages are installed."""
    if not is_locked(root):
        for mark in root.glob(f"*/{REMOVED}"):
            shutil.rmtree(mark.parent, ignore_errors=True)


def retire(folder: Path) -> None:
    """Mark an installation as removed: it does not count any more.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    try:
        (folder / REMOVED).touch()
        (folder / INSTALLED).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be removed ({error.strerror}): remove it by hand.") from error


def discard(folder: Path) -> None:
    """Remove a folder as far as no process uses it; it does not count any more.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    retire(folder)
    kept = folder / REMOVED
    for entry in folder.iterdir():
        if entry != kept:
            shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else _unlink(entry)
    if list(folder.iterdir()) == [kept]:
        shutil.rmtree(folder, ignore_errors=True)


def size(folder: Path) -> int:
    """Bytes in a folder."""
    total = 0
    for path, _folders_in_it, names in os.walk(folder):
        for name in names:
            total += os.lstat(os.path.join(path, name)).st_size
    return total


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the folder's lock; the system lets it go when the process ends, however it ends.

    Raises
    ------
    InputError
        If another process holds it, or the folder cannot be written.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = open(root / LOCK, "a+b")
    except OSError as error:
        raise InputError(f"{root} cannot be written ({error.strerror}): mend its permissions and try again.") from error
    with lock:
        if not take_lock(lock.fileno()):
            raise InputError("Packages are being installed, perhaps by another Slicer: wait until that is done.")
        yield


def is_locked(root: Path) -> bool:
    """Whether packages are being installed."""
    if not (root / LOCK).exists():
        return False
    try:
        with locked(root):
            return False
    except InputError:
        return True


def _folders(root: Path, pattern: str = "packages-*") -> list[Path]:
    return sorted(folder for folder in root.glob(pattern) if not (folder / REMOVED).exists())


def _age_key(installation: Installation) -> float:
    return (installation.folder / INSTALLED).stat().st_mtime


def _is_whole(installation: Installation) -> bool:
    """Whether every distribution is there with all files that its RECORD names, each as large as it says."""
    records = {_normal(path.parent.name.split("-")[0]): path for path in installation.folder.glob("*.dist-info/RECORD")}
    if not {_normal(name) for name in installation.versions} <= set(records):
        return False
    return all(map(_as_recorded, records.values()))


def _as_recorded(record: Path) -> bool:
    folder = record.parents[1]
    with open(record, encoding="utf-8", newline="") as lines:
        for name, _digest, length in csv.reader(lines):
            if name.startswith("..") or not length:
                continue
            try:
                if os.stat(folder / name).st_size != int(length):
                    return False
            except OSError:
                return False
    return True


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _unlink(path: Path) -> None:
    try:
        path.unlink()
    except OSError:
        return
