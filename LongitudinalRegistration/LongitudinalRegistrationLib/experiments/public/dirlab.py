"""DIR-Lab 4DCT: raw images and landmarks of ten lungs, inhale (T00) and exhale (T50)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from ...scan.write import write_image
from ...system.csv_text import csv_text
from ...system.files import ready_folder, write_text
from .cohort_files import write_manifest

CASES = {
    1: ((256, 256, 94), 0.97),
    2: ((256, 256, 112), 1.16),
    3: ((256, 256, 104), 1.15),
    4: ((256, 256, 99), 1.13),
    5: ((256, 256, 106), 1.10),
    6: ((512, 512, 128), 0.97),
    7: ((512, 512, 136), 0.97),
    8: ((512, 512, 128), 0.97),
    9: ((512, 512, 128), 0.97),
    10: ((512, 512, 120), 0.97),
}
"""Case to voxels (i, j, k) and their size in plane, mm."""
SLICE_MM = 2.5
AIR = 1024
PHASES = ("T00", "T50")


def import_dirlab(source: Path, out: Path) -> tuple[Path, list[str]]:
    """Convert all cases below a folder, and write their manifest: a case is a patient, T00 the baseline.

    Parameters
    ----------
    source
        With the unpacked cases, Case1Pack to Case10Pack.
    out
        Of the cohort; for each case also caseNN_landmarks.csv, LPS, mm: x, y, z of T00, then of T50.

    Returns
    -------
    manifest, notes
        Its path; a sentence for each case that could not be taken.

    Raises
    ------
    InputError
        If there is no case, or a file has another size than its case should.
    """
    images = {_case_phase(path): path for path in sorted(source.rglob("*.img")) if _case_phase(path)}
    rows, notes = [], []
    for case, (size, spacing) in CASES.items():
        pair = [images.get((case, phase)) for phase in PHASES]
        if pair == [None, None]:
            continue
        if None in pair:
            notes.append(f"case {case}: one of its phases is missing")
            continue
        ready_folder(out)
        for number, (phase, path) in enumerate(zip(PHASES, pair, strict=True)):
            name = f"case{case:02d}_{phase}.nii.gz"
            write_image(_read(path, size, spacing) if path else sitk.Image(), out / name)
            rows.append({"patient": f"case{case:02d}", "time_point": str(number), "image": name})
        points = [_landmarks(source, case, phase, spacing) for phase in PHASES]
        if all(each is not None for each in points):
            columns = [f"{phase}_{axis}" for phase in PHASES for axis in "xyz"]
            table = np.hstack([each for each in points if each is not None]).round(3).tolist()
            write_text(
                csv_text([dict(zip(columns, row, strict=True)) for row in table]), out / f"case{case:02d}_landmarks.csv"
            )
    if not rows:
        raise InputError(f"{source} holds no DIR-Lab case: give the folder with Case1Pack and the others.")
    return write_manifest(out, rows), notes


def _case_phase(path: Path) -> tuple[int, str] | None:
    found = re.search(r"case(\d+).*?(T\d0)", path.name, re.IGNORECASE)
    return (int(found.group(1)), found.group(2).upper()) if found else None


def _read(path: Path, size: tuple[int, int, int], spacing: float) -> sitk.Image:
    """A raw image in HU; the first slice is the upper one."""
    values = np.fromfile(path, "<i2")
    if values.size != np.prod(size):
        raise InputError(f"{path} has {values.size} voxels, not {' x '.join(map(str, size))}: unpack it again.")
    image = sitk.GetImageFromArray((values.reshape(size[::-1]) - AIR).clip(-AIR, 3071).astype(np.int16))
    image.SetSpacing((spacing, spacing, SLICE_MM))
    image.SetDirection((1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0))
    return image


def _landmarks(source: Path, case: int, phase: str, spacing: float) -> np.ndarray | None:
    """(n, 3), LPS, mm; the files count voxels from 1. None where there is no such file."""
    pattern = re.compile(rf"case{case}_.*{phase}.*\.txt", re.IGNORECASE)
    files = sorted(path for path in source.rglob("*.txt") if pattern.fullmatch(path.name))
    if not files:
        return None
    voxels = np.loadtxt(max(files, key=lambda path: path.stat().st_size)).reshape(-1, 3) - 1
    return voxels * [spacing, spacing, -SLICE_MM]
