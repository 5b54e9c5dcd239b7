"""Quality control: which slices to look at first, what has been looked at, and the list as CSV."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from TableRemovalLib.overrides import ScanOverrides
from TableRemovalLib.quality import (
    AIR_INSIDE,
    APART,
    AREA_JUMP,
    HOLE,
    NO_BODY,
    SEED_IN_AIR,
    THRESHOLD_LIMIT,
    TISSUE_LEFT_OUT,
    SliceRecord,
)

WEIGHTS = {
    NO_BODY: 6,
    SEED_IN_AIR: 5,
    THRESHOLD_LIMIT: 4,
    TISSUE_LEFT_OUT: 3,
    AIR_INSIDE: 3,
    HOLE: 3,
    APART: 3,
    AREA_JUMP: 2,
}
MOST = 10
COLUMNS = (
    "slice",
    "suspicion",
    "area_mm2",
    "threshold_used",
    "components",
    "seconds",
    "override",
    "flags",
    "flags_left",
)


def suspicion(record: SliceRecord) -> int:
    """Return how much a slice needs looking at, 0 (not at all) to 10."""
    return min(MOST, sum(WEIGHTS[flag] for flag in record.flags))


def by_suspicion(records: Iterable[SliceRecord]) -> list[SliceRecord]:
    """Return the records, the most suspicious first, slices of equal suspicion in order."""
    return sorted(records, key=lambda record: (-suspicion(record), record.index))


def flags_left(record: SliceRecord, checked: frozenset[tuple[int, str]]) -> tuple[str, ...]:
    """Return the slice's flags that nobody has checked yet; `checked` holds (slice index, flag)."""
    return tuple(flag for flag in record.flags if (record.index, flag) not in checked)


def count_left(records: Iterable[SliceRecord], checked: frozenset[tuple[int, str]]) -> int:
    """Return the number of slices that have a flag which nobody has checked yet."""
    return sum(bool(flags_left(record, checked)) for record in records)


def write_csv(
    path: str | Path,
    records: Sequence[SliceRecord],
    overrides: ScanOverrides,
    checked: frozenset[tuple[int, str]] = frozenset(),
) -> None:
    """Write one line per slice, the most suspicious first.

    Parameters
    ----------
    path
        Of the CSV file.
    records
        One for each slice.
    overrides
        Of the scan.
    checked
        Slice and flag, of what somebody has looked at.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    with open(part, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for record in by_suspicion(records):
            writer.writerow(
                (
                    record.index,
                    suspicion(record),
                    f"{record.area_mm2:.1f}",
                    f"{record.threshold_used:.3f}",
                    record.components,
                    f"{record.seconds:.4f}",
                    "yes" if record.index in overrides.slices else "no",
                    "; ".join(record.flags),
                    "; ".join(flags_left(record, checked)),
                )
            )
    os.replace(part, path)
