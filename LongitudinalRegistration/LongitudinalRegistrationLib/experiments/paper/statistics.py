"""Means and paired tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ALPHA = 0.05
WILCOXON = "Wilcoxon signed-rank, paired, two-sided"


@dataclass(frozen=True)
class Summary:
    """Number, mean and standard deviation (n - 1) of values; NaN where there are too few."""

    n: int
    mean: float
    deviation: float


@dataclass(frozen=True)
class Comparison:
    """A paired test: number of pairs that count, p value (NaN where there are too few), whether it is below ALPHA."""

    n: int
    p: float

    @property
    def significant(self) -> bool:
        """Whether p is below ALPHA."""
        return self.p < ALPHA


def summary(values: Sequence[float | None]) -> Summary:
    """Summarise values; None and NaN are left out.

    Parameters
    ----------
    values
        Any.

    Returns
    -------
    Summary
        Of what is known.

    Examples
    --------
    >>> summary([1.0, 3.0, None])
    Summary(n=2, mean=2.0, deviation=1.4142135623730951)
    """
    known = np.array([value for value in values if value is not None and value == value], dtype=float)
    mean = float(known.mean()) if known.size else float("nan")
    return Summary(known.size, mean, float(known.std(ddof=1)) if known.size > 1 else float("nan"))


def wilcoxon(first: Sequence[float | None], second: Sequence[float | None]) -> Comparison:
    """Test whether paired values differ: Wilcoxon signed-rank, two-sided.

    Parameters
    ----------
    first, second
        Of the same cases in the same order; pairs of which one is None or NaN are left out.

    Returns
    -------
    Comparison
        p is 1 where all are equal, NaN without a pair.

    Examples
    --------
    >>> round(wilcoxon([1, 2, 3, 4, 5, 6], [2, 3, 4, 5, 6, 8]).p, 5)
    0.03125
    """
    from scipy import stats

    pairs = np.array(
        [(a, b) for a, b in zip(first, second, strict=True) if None not in (a, b) and a == a and b == b], dtype=float
    )
    if not len(pairs):
        return Comparison(0, float("nan"))
    difference = pairs[:, 0] - pairs[:, 1]
    if not difference.any():
        return Comparison(len(pairs), 1.0)
    return Comparison(len(pairs), float(stats.wilcoxon(difference).pvalue))
