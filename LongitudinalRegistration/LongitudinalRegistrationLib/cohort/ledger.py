"""What is done already: one line a task in a file that only grows, so that a run goes on where it was stopped."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from TableRemovalLib.errors import InputError

from .task import DONE, Record


class Ledger:
    """Records of tasks by their keys; the latest of a key counts.

    Parameters
    ----------
    path
        The file, JSON lines; it need not be there. A last line that was cut off is left out.
    """

    def __init__(self, path: Path):
        self._path = Path(path)
        self._records: dict[str, Record] = {}
        if self._path.exists():
            self._read()

    def _read(self) -> None:
        with open(self._path, "rb+") as stream:
            whole = 0
            for line in stream:
                if not line.endswith(b"\n"):
                    stream.truncate(whole)
                    break
                whole += len(line)
                try:
                    record = Record(**json.loads(line))
                except (ValueError, TypeError) as error:
                    raise InputError(f"{self._path} is no record of a cohort: choose another folder.") from error
                self._records[record.key] = record

    def done(self, key: str) -> Record | None:
        """The record of a task that has succeeded; None where there is none."""
        record = self._records.get(key)
        return record if record is not None and record.state == DONE else None

    def add(self, record: Record) -> None:
        """Write a record down."""
        line = json.dumps(asdict(record), allow_nan=False)
        with open(self._path, "a", encoding="utf-8") as stream:
            stream.write(line + "\n")
        self._records[record.key] = record

    def records(self, keys: Iterable[str]) -> list[Record]:
        """The records of tasks, in the keys' order; what has not been done is left out."""
        return [self._records[key] for key in keys if key in self._records]
