"""Tables as CSV: one way to write a number, whoever writes it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def csv_text(rows: Iterable[Mapping[str, Any]], columns: Sequence[str] | None = None, delimiter: str = ",") -> str:
    """Make the text of a CSV file.

    Parameters
    ----------
    rows
        Column to value; floating-point numbers are written with six significant digits, None is left empty.
    columns
        Their names, for a table that may have no rows. None: those of the first row.
    delimiter
        Between two columns.

    Returns
    -------
    str
        With a first line of names.

    Examples
    --------
    >>> csv_text([{"name": "L1", "mean_hu": 1 / 3, "loss": None}])
    'name,mean_hu,loss\\nL1,0.333333,\\n'
    """
    rows = list(rows)
    text = io.StringIO()
    writer = csv.DictWriter(
        text, list(rows[0] if columns is None else columns), lineterminator="\n", delimiter=delimiter
    )
    writer.writeheader()
    for row in rows:
        writer.writerow({name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()})
    return text.getvalue()
