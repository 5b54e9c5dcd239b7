"""Figures as the cells of a report's tables."""

from __future__ import annotations

import math

UNKNOWN = "–"


def number_cell(value: float | None, digits: int = 0, signed: bool = False) -> str:
    """Write a figure.

    Parameters
    ----------
    value
        None or NaN where it is not known.
    digits
        After the point.
    signed
        Whether a figure of 0 or more has a plus before it.

    Returns
    -------
    str
        The figure, or a dash.

    Examples
    --------
    >>> number_cell(-0.3, signed=True), number_cell(2.345, 2), number_cell(None)
    ('+0', '2.35', '–')
    """
    if value is None or math.isnan(value):
        return UNKNOWN
    rounded = round(value, digits) + 0.0  # adding 0 takes the sign of a -0 away
    return f"{rounded:{'+' if signed else ''}.{digits}f}"


def pair_cell(before: float | None, after: float | None, digits: int = 0) -> str:
    """Write what was before and after in a cell that no line break parts; see number_cell."""
    return f"{number_cell(before, digits)} / {number_cell(after, digits)}".replace(" ", "\N{NO-BREAK SPACE}")
