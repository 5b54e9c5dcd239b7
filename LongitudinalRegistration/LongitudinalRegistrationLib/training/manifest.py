"""A cohort as a CSV file: patient, time point, image; optional labels, true transform and split."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from TableRemovalLib.errors import InputError

COLUMNS = ("patient", "time_point", "image")
OPTIONAL_COLUMNS = ("labels", "truth", "split")


def _order_of(time_point: str) -> tuple:
    """(0, number) or (1, day); raises ValueError for anything else."""
    try:
        number = float(time_point)
    except ValueError:
        return (1, date.fromisoformat(time_point).toordinal())
    if not math.isfinite(number):
        raise ValueError(time_point)
    return (0, number)


@dataclass(frozen=True)
class Entry:
    """One scan of one patient; time points sort by number, or by date written as 2021-02-28.

    truth: true transform from the patient's first scan to this one, where it is known; split: what a cohort calls the
    part that the patient belongs to.
    """

    patient: str
    time_point: str
    image: Path
    labels: Path | None = None
    truth: Path | None = None
    split: str = ""

    @property
    def name(self) -> str:
        """What messages and tables call the scan."""
        return f"{self.patient}, {self.time_point}"

    @property
    def order(self) -> tuple:
        """Sorts numbers by value, then dates."""
        return _order_of(self.time_point)


def _rows(path: Path) -> list[tuple[int, dict]]:
    """The lines of a manifest: their numbers and their values by column."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise InputError(
                    f"{path.name} has no column {missing[0]!r}: the first line must be patient,time_point,image,labels "
                    "(labels may be left out)."
                )
            return [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a table: give a CSV file in UTF-8.") from error


def read_manifest(path: Path, scans_once: bool = True) -> tuple[Entry, ...]:
    """Read a cohort; file names are relative to the manifest's folder.

    Parameters
    ----------
    path
        CSV file.
    scans_once
        Whether an image may be listed only once: else one that two patients share would be trained and tested on.

    Returns
    -------
    tuple
        Entries in the file's order.

    Raises
    ------
    InputError
        If there is no such file, a column is missing, a row is incomplete or doubled, or a file is not there.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"There is no manifest {path}: check the path.")
    rows = _rows(path)
    if not rows:
        raise InputError(f"{path.name} lists no scan.")
    entries: list[Entry] = []
    seen: dict[tuple | Path, int] = {}
    for line, row in rows:
        values = {name: (row.get(name) or "").strip() for name in (*COLUMNS, *OPTIONAL_COLUMNS)}
        empty = [name for name in COLUMNS if not values[name]]
        if empty:
            raise InputError(f"{path.name}, line {line}: {empty[0]} is empty.")
        where, patient, time_point = f"{path.name}, line {line}", values["patient"], values["time_point"]
        try:
            key = (patient, _order_of(time_point))
        except ValueError:
            raise InputError(
                f"{where}: {time_point!r} is no time point: give a number (1, 2, ...) or a date (2021-02-28)."
            ) from None
        file = path.parent / values["image"]
        labels, truth = (path.parent / values[name] if values[name] else None for name in ("labels", "truth"))
        for needed in (file, labels, truth):
            if needed is not None and not needed.exists():
                raise InputError(f"{where}: there is no file {needed}.")
        image = file.resolve()
        if key in seen:
            raise InputError(f"{where}: patient {patient} has time point {time_point} in line {seen[key]} too.")
        if scans_once and image in seen:
            raise InputError(f"{where}: the image is that of line {seen[image]} too; list every scan once.")
        seen[key] = seen[image] = line
        entries.append(Entry(patient, time_point, file, labels, truth, values["split"]))
    return tuple(entries)


def patients(entries: tuple[Entry, ...]) -> list[str]:
    """The patients in the order in which they first appear."""
    return list(dict.fromkeys(entry.patient for entry in entries))


def in_time_order(entries: tuple[Entry, ...], patient: str) -> list[Entry]:
    """A patient's scans from the first to the last."""
    return sorted((entry for entry in entries if entry.patient == patient), key=lambda entry: entry.order)
