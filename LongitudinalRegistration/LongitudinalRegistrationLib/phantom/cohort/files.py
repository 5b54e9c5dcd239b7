"""A cohort of phantoms on disk: scans with labels and truth, a manifest, a table of lesions."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from TableRemovalLib.errors import InputError

from ...scan.labels import label_name
from ...scan.write import write_image, write_transform
from ...system.files import write_text
from ..skeleton import SCLEROTIC
from .plan import CohortOptions, PatientPlan
from .scans import CohortScan, patient_scans

MANIFEST, LESIONS = "manifest.csv", "lesions.csv"
MANIFEST_COLUMNS = ("patient", "time_point", "image", "labels", "lesions", "truth", "split", "scanner")
LESION_COLUMNS = (
    *("patient", "time_point", "lesion", "vertebra", "kind", "course", "radius_mm", "sclerosis"),
    *("x_mm", "y_mm", "z_mm"),
)
Row = dict[str, str]


@dataclass(frozen=True)
class PatientFiles:
    """The rows of a patient in the manifest and in the table of lesions."""

    scans: tuple[Row, ...]
    lesions: tuple[Row, ...]


def write_patient(folder: Path, seed: int, plan: PatientPlan, options: CohortOptions) -> PatientFiles:
    """Scan a patient, and write every scan into the patient's folder.

    Parameters
    ----------
    folder
        Of the cohort.
    seed
        Of the cohort.
    plan
        From plan_cohort.
    options
        Of the cohort.

    Returns
    -------
    PatientFiles
        File names are relative to the cohort's folder.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    own = Path(folder) / plan.name
    scans: list[Row] = []
    lesions: list[Row] = []
    try:
        own.mkdir(parents=True, exist_ok=True)
        for made in patient_scans(seed, plan, options):
            scans.append(_write_scan(own, plan, made))
            lesions += _lesion_rows(plan, made)
    except (OSError, RuntimeError) as error:
        raise InputError(f"Cannot write the cohort to {folder}: choose a folder that can be written.") from error
    return PatientFiles(tuple(scans), tuple(lesions))


def _write_scan(own: Path, plan: PatientPlan, made: CohortScan) -> Row:
    day = made.visit.day.isoformat()
    names = {
        "image": f"{day}.nii.gz",
        "labels": f"{day}_vertebrae.nii.gz",
        "lesions": f"{day}_lesions.nii.gz",
        "truth": f"{day}_truth.h5",
    }
    write_image(made.scan.image, own / names["image"])
    write_image(made.scan.vertebrae, own / names["labels"])
    write_image(made.scan.lesion, own / names["lesions"])
    write_transform(made.truth, own / names["truth"])
    files = {column: f"{plan.name}/{name}" for column, name in names.items()}
    fixed = {"patient": plan.name, "time_point": day, "split": f"fold{plan.fold}", "scanner": made.visit.scanner.name}
    return {**fixed, **files}


def _lesion_rows(plan: PatientPlan, made: CohortScan) -> Iterable[Row]:
    for seen in made.lesions:
        yield {
            "patient": plan.name,
            "time_point": made.visit.day.isoformat(),
            "lesion": str(seen.number),
            "vertebra": label_name(seen.lesion.vertebra.number),
            "kind": "sclerotic" if seen.lesion.kind == SCLEROTIC else "lytic",
            "course": seen.metastasis.course,
            "radius_mm": f"{seen.radius_mm:.2f}",
            "sclerosis": f"{seen.lesion.sclerosis:.3f}",
            **{f"{axis}_mm": f"{value:.2f}" for axis, value in zip("xyz", seen.centre_mm, strict=True)},
        }


def write_tables(folder: Path, patients: Sequence[PatientFiles]) -> tuple[Path, Path]:
    """Write the manifest and the table of lesions of a whole cohort.

    Parameters
    ----------
    folder
        Of the cohort.
    patients
        In the manifest's order.

    Returns
    -------
    manifest, lesions
        Paths of the CSV files.
    """
    scans = [row for patient in patients for row in patient.scans]
    lesions = [row for patient in patients for row in patient.lesions]
    return (
        write_text(_table(MANIFEST_COLUMNS, scans), Path(folder) / MANIFEST),
        write_text(_table(LESION_COLUMNS, lesions), Path(folder) / LESIONS),
    )


def _table(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
