"""What must hold after a fault: results whole, nothing left, nobody running."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path

import SimpleITK as sitk
from TableRemovalLib.owned_folders import sweep

TOKEN = "LONGCT_SOAK"
RESULTS = frozenset({"registered.nii.gz", "dvf.nii.gz", "transform.h5", "report.json", "report.html"})
PATIENCE_S = 5.0


class FaultError(AssertionError):
    """Something did not hold."""


def require(holds: object, what: str) -> None:
    """Raise FaultError with these words unless something holds."""
    if not holds:
        raise FaultError(what)


def results_of(folder: Path) -> dict[str, str]:
    """Every file of a folder, hidden ones too, with the SHA-256 of its content."""
    if not folder.is_dir():
        return {}
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}


def check_results(folder: Path, before: dict[str, str]) -> bool:
    """Check that a folder holds the results it had, or a whole set of new ones; returns whether they are new."""
    sweep(folder)
    found = results_of(folder)
    if found == before:
        return False
    require(set(found) == RESULTS, f"the results are {sorted(found)}")
    changed = [name for name in RESULTS if found[name] != before.get(name)]
    require("report.json" in changed, f"of two runs mixed: new are {changed}")
    require("seconds" in json.loads((folder / "report.json").read_text(encoding="utf-8")), "the report is cut off")
    sitk.ReadTransform(str(folder / "transform.h5"))
    for name in ("registered.nii.gz", "dvf.nii.gz"):
        sitk.ReadImage(str(folder / name))
    return True


def check_nothing_left(*folders: Path) -> None:
    """Check that folders hold nothing of ours once they were swept."""
    for folder in folders:
        sweep(folder)
        left = [str(path.relative_to(folder)) for path in folder.rglob("*longct-*")]
        left += [str(path.relative_to(folder)) for name in left for path in (folder / name).rglob("*")]
        require(not left, f"left in {folder}: {left}")


def check_nobody_runs(token: str) -> None:
    """Check that no process lives whose environment has this token (Linux)."""
    end = time.monotonic() + PATIENCE_S
    while (living := _processes_with(f"{TOKEN}={token}".encode())) and time.monotonic() < end:
        time.sleep(0.05)
    require(not living, f"processes that still run: {living}")


def _processes_with(entry: bytes) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            mine = int(folder.name) == os.getpid()
            if not mine and entry in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found
