"""The results of a cohort as tables: a row a pair, a row a vertebra; Parquet and CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..changes.content import flat_finding
from ..changes.vertebra_course import course_rows, vertebra_course
from ..scan.scan_dates import days_since_first
from ..system.csv_text import csv_text
from ..system.files import write_atomically, write_text
from .pairs import Pair
from .task import Record

STEPS = ("before", "affine", "after")
BY_STEP = {"dsc": "mean_dsc", "ssim": "ssim", "ncc": "ncc", "bone": "bone", "end_point_error_mm": "end_point_error_mm"}
"""Column to the content's name, for what is known at each step."""
Row = dict[str, Any]


def pair_row(pair: Pair, record: Record) -> Row:
    """Make the row of a pair.

    Parameters
    ----------
    pair
        The pair.
    record
        What came of it.

    Returns
    -------
    dict
        Column to value; None where it is not known.
    """
    content = record.result
    seconds = content.get("seconds") or {}
    changes = content.get("changes") or {}
    return {
        "patient": pair.follow_up.patient,
        "baseline": pair.baseline.time_point,
        "follow_up": pair.follow_up.time_point,
        "days": pair.days,
        "split": pair.follow_up.split,
        "state": record.state,
        "error": record.error,
        "error_kind": record.kind,
        "method": content.get("method"),
        "network": content.get("network"),
        "fallback_reason": content.get("fallback_reason"),
        "verdict": (content.get("verdict") or {}).get("level"),
        "reasons": " ".join((content.get("verdict") or {}).get("reasons") or ()),
        **{
            f"{column}_{step}": (content.get(name) or {}).get(step)
            for column, name in BY_STEP.items()
            for step in STEPS
            if not (column == "end_point_error_mm" and step == "affine")
        },
        "ndv_percent": content.get("ndv_percent"),
        "largest_mm": (content.get("displacement") or {}).get("largest_mm"),
        "common_percent": (content.get("fields_of_view") or {}).get("common_percent"),
        "findings": len(changes["findings"]) if "findings" in changes else None,
        "changes_trust": changes.get("trust"),
        "changes_error": changes.get("error"),
        "seconds_to_transform": seconds.get("to_transform"),
        "seconds": record.seconds,
        "peak_mb": record.peak_mb,
        "worker": record.worker,
        "key": record.key,
    }


def vertebra_rows(pair: Pair, record: Record) -> list[Row]:
    """Make the rows of a pair's vertebrae.

    Parameters
    ----------
    pair
        The pair.
    record
        What came of it.

    Returns
    -------
    list of dict
        Empty without labels.
    """
    return [
        {
            "patient": pair.follow_up.patient,
            "follow_up": pair.follow_up.time_point,
            "label": int(label),
            "name": found["name"],
            "status": found["status"],
            **{
                f"{measure}_{step}": found[measure].get(step)
                for measure in ("dsc", "hd95_mm", "centroid_mm")
                for step in STEPS
            },
        }
        for label, found in (record.result.get("vertebrae") or {}).items()
    ]


def finding_rows(pair: Pair, record: Record) -> list[Row]:
    """Make the rows of a pair's findings.

    Parameters
    ----------
    pair
        The pair.
    record
        What came of it.

    Returns
    -------
    list of dict
        Empty where changes were not looked for, or there are none.
    """
    named = {"patient": pair.follow_up.patient, "follow_up": pair.follow_up.time_point}
    return [{**named, **flat_finding(found)} for found in (record.result.get("changes") or {}).get("findings", ())]


def vertebra_course_rows(pairs: Sequence[Pair], records: Sequence[Record]) -> list[Row]:
    """Make the rows of the vertebrae of all patients over time.

    Parameters
    ----------
    pairs
        Patient by patient, in time order.
    records
        What came of each.

    Returns
    -------
    list of dict
        A row a vertebra and time point of each patient, see vertebra_course.course_rows; follow-ups that were not
        compared, and vertebrae without labels, have none.
    """
    compared: dict[str, list[tuple[Pair, Any]]] = {}
    for pair, record in zip(pairs, records, strict=True):
        vertebrae = (record.result.get("changes") or {}).get("vertebrae")
        if vertebrae:
            compared.setdefault(pair.follow_up.patient, []).append((pair, vertebrae))
    rows = []
    for patient, found in compared.items():
        points = [found[0][0].baseline.time_point, *(pair.follow_up.time_point for pair, _ in found)]
        course = vertebra_course(points, [vertebrae for _, vertebrae in found])
        days = days_since_first(points)
        dates = points if days is not None else [""] * len(points)
        rows += [{"patient": patient, **row} for row in course_rows(course, dates, days)]
    return rows


def write_table(rows: Sequence[Mapping[str, Any]], stem: Path) -> tuple[Path, Path]:
    """Write rows with the same columns as Parquet and as CSV.

    Parameters
    ----------
    rows
        One or more.
    stem
        Path without its suffix.

    Returns
    -------
    parquet, csv
        The paths.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.Table.from_pylist([dict(row) for row in rows])
    return (
        write_atomically(stem.with_suffix(".parquet"), ".parquet", lambda name: parquet.write_table(table, name)),
        write_text(csv_text(rows), stem.with_suffix(".csv")),
    )
