"""A cohort as a CSV file: patient, time point, image, optional labels."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from TableRemovalLib.errors import InputError

COLUMNS = ("patient", "time_point", "image")


@dataclass(frozen=True)
class Entry:
    """One scan of one patient; time points sort by number, or by date written as 2021-02-28."""

    patient: str
    time_point: str
    image: Path
    labels: Path | None = None

    @property
    def name(self) -> str:
        return f"{self.patient}, {self.time_point}"

    @property
    def order(self) -> tuple:
        """Sorts numbers by value and anything else as text, after them."""
        try:
            return (0, float(self.time_point), "")
        except ValueError:
            return (1, 0.0, self.time_point)


def read_manifest(path: Path) -> tuple[Entry, ...]:
    """Read a cohort; file names are relative to the manifest's folder.

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
    with open(path, newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise InputError(
                f"{path.name} has no column {missing[0]!r}: the first line must be patient,time_point,image,labels "
                "(labels may be left out)."
            )
        rows = [(reader.line_num, row) for row in reader]
    if not rows:
        raise InputError(f"{path.name} lists no scan.")
    entries, seen = [], {}
    for line, row in rows:
        values = {name: (row.get(name) or "").strip() for name in (*COLUMNS, "labels")}
        empty = [name for name in COLUMNS if not values[name]]
        if empty:
            raise InputError(f"{path.name}, line {line}: {empty[0]} is empty.")
        key = (values["patient"], values["time_point"])
        if key in seen:
            raise InputError(
                f"{path.name}, line {line}: patient {key[0]} has time point {key[1]} in line {seen[key]} too."
            )
        seen[key] = line
        files = [path.parent / values[name] if values[name] else None for name in ("image", "labels")]
        for file in files:
            if file is not None and not file.exists():
                raise InputError(f"{path.name}, line {line}: there is no file {file}.")
        entries.append(Entry(*key, *files))
    return tuple(entries)


def patients(entries: tuple[Entry, ...]) -> list[str]:
    """The patients in the order in which they first appear."""
    return list(dict.fromkeys(entry.patient for entry in entries))


def in_time_order(entries: tuple[Entry, ...], patient: str) -> list[Entry]:
    """A patient's scans from the first to the last."""
    return sorted((entry for entry in entries if entry.patient == patient), key=lambda entry: entry.order)
