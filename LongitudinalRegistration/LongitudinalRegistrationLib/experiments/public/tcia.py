"""DICOM folders as The Cancer Imaging Archive's tools leave them: a CT series for each patient and date."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

from TableRemovalLib.errors import InputError

from ...scan.dicom_slices import read_tags
from ...scan.read import read_image
from ...scan.write import write_image
from ...system.files import ready_folder
from .cohort_files import write_manifest

PATIENT, DATE, MODALITY, SERIES, KIND = "0010|0020", "0008|0020", "0008|0060", "0020|000e", "0008|0008"
LEAST_SLICES = 20


def import_tcia(source: Path, out: Path, series: Collection[str] = ()) -> tuple[Path, list[str]]:
    """Convert the CT series below a folder, and write their manifest.

    Parameters
    ----------
    source
        Folder with DICOM files, each series in a folder of its own.
    out
        Of the cohort.
    series
        Series instance UIDs that are wanted; empty: for each patient and date the one with the most slices.

    Returns
    -------
    manifest, notes
        Its path; a sentence for each series that could not be taken.

    Raises
    ------
    InputError
        If there is no CT series, or a series that is wanted is not there.
    """
    found = _ct_series(source)
    missing = set(series) - {uid for _, _, uid in found}
    if missing:
        raise InputError(f"{source} has no CT series {min(missing)}: check the download.")
    chosen: dict[tuple[str, str], tuple[str, Path, int]] = {}
    for (patient, date, uid), (folder, count) in sorted(found.items()):
        if series and uid not in series or not series and count < LEAST_SLICES:
            continue
        if (patient, date) not in chosen or count > chosen[patient, date][2]:
            chosen[patient, date] = uid, folder, count
    rows, notes = [], []
    for (patient, date), (uid, folder, _) in chosen.items():
        day = f"{date[:4]}-{date[4:6]}-{date[6:8]}"
        try:
            image = read_image(folder, uid)
        except InputError as error:
            notes.append(f"{patient}, {day}: {error}")
            continue
        ready_folder(out / patient)
        write_image(image, out / patient / f"{day}.nii.gz")
        rows.append({"patient": patient, "time_point": day, "image": f"{patient}/{day}.nii.gz"})
    if not rows:
        raise InputError(f"{source} holds no CT series that can be read: give the folder of the download.")
    return write_manifest(out, rows), notes


def _ct_series(source: Path) -> dict[tuple[str, str, str], tuple[Path, int]]:
    """Patient, date (YYYYMMDD) and series UID of every CT series, to its folder and number of files; no localisers."""
    counts: dict[tuple[str, str, str], int] = defaultdict(int)
    folders: dict[tuple[str, str, str], Path] = {}
    for root, _, names in os.walk(source):
        for name in sorted(names):
            key = _key(Path(root) / name)
            if key is not None:
                counts[key] += 1
                folders[key] = Path(root)
    return {key: (folders[key], count) for key, count in counts.items()}


def _key(path: Path) -> tuple[str, str, str] | None:
    value = read_tags(path)
    if value is None or value(MODALITY) != "CT" or "LOCALIZER" in value(KIND) or len(value(DATE)) != 8:
        return None
    return value(PATIENT), value(DATE), value(SERIES)
