"""The manifest of an imported cohort."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...system.csv_text import csv_text
from ...system.files import write_text

COLUMNS = ("patient", "time_point", "image", "labels")


def write_manifest(folder: Path, rows: Sequence[dict[str, str]]) -> Path:
    """Write manifest.csv.

    Parameters
    ----------
    folder
        Of the cohort.
    rows
        patient, time_point, image and, where there are any, labels; files relative to the folder, or absolute.

    Returns
    -------
    pathlib.Path
        The manifest.
    """
    return write_text(
        csv_text([{name: row.get(name, "") for name in COLUMNS} for row in rows]), folder / "manifest.csv"
    )
