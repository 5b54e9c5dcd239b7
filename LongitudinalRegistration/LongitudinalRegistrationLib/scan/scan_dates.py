"""When scans were taken: dates in names, days from one scan to the others."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence


def date_parts_in(name: str) -> tuple[str, str | None, str | None] | None:
    """Find the first date in a name.

    Parameters
    ----------
    name
        Of a file, a folder or a volume.

    Returns
    -------
    tuple of str or None
        Year, month and day as digits, the latter two None where the name has only what stands before them; None without
        a date. Whether there is such a day is not looked at.

    Examples
    --------
    >>> date_parts_in("CT_20190301.nii.gz"), date_parts_in("ct 2019-03"), date_parts_in("ct 120190301")
    (('2019', '03', '01'), ('2019', '03', None), None)
    """
    found = re.search(r"(?<!\d)((?:19|20)\d\d)(?:[-_. ]?(0[1-9]|1[0-2])(?:[-_. ]?([0-2]\d|3[01]))?)?(?!\d)", name)
    return (found[1], found[2], found[3]) if found else None


def date_in(name: str) -> str:
    """Find the day that a name names.

    Parameters
    ----------
    name
        As of date_parts_in.

    Returns
    -------
    str
        "2019-03-01"; empty without a whole date, or where there is no such day.

    Examples
    --------
    >>> date_in("CT_20190301.nii.gz"), date_in("ct 2019-03"), date_in("ct 2019-02-30")
    ('2019-03-01', '', '')
    """
    year, month, day = date_parts_in(name) or ("", None, None)
    return iso_date(f"{year}{month}{day}") if month and day else ""


def iso_date(digits: str) -> str:
    """Write a date of eight digits, as DICOM has it, with hyphens.

    Parameters
    ----------
    digits
        "20190301".

    Returns
    -------
    str
        "2019-03-01"; empty where it is no day.

    Examples
    --------
    >>> iso_date("20190301"), iso_date("2019"), iso_date("20190230")
    ('2019-03-01', '', '')
    """
    try:
        return datetime.datetime.strptime(digits, "%Y%m%d").date().isoformat() if len(digits) == 8 else ""
    except ValueError:
        return ""


def days_since_first(dates: Sequence[str]) -> tuple[int, ...] | None:
    """Count the days from the first of some scans to each.

    Parameters
    ----------
    dates
        "2019-03-01" each; the first need not be the earliest.

    Returns
    -------
    tuple of int
        0 for the first; None where a date is not known (any other text), or there is none.

    Examples
    --------
    >>> days_since_first(["2025-01-03", "2025-04-10"]), days_since_first(["2025-01-03", ""])
    ((0, 97), None)
    """
    try:
        days = [datetime.date.fromisoformat(date).toordinal() for date in dates]
    except ValueError:
        return None
    return tuple(day - days[0] for day in days) if days else None
