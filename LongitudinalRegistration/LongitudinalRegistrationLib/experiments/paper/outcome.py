"""What an experiment gives: a table whose rows have n, mean, standard deviation, test and p; and a figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .statistics import WILCOXON, Comparison, Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Row = dict[str, Any]
OVERLAP = ("dsc", "ssim")
"""The paper's measures of a registration."""
TITLES = {"dsc": "DSC", "ssim": "SSIM", "ncc": "NCC", "end_point_error_mm": "end-point error, mm"}
DIGITS = {"end_point_error_mm": 2, "seconds": 2, "loss": 4}
NAMES = {
    "vxm2": "VoxelMorph (vxm2, alone)",
    "lkpyramid": "lkpyramid, alone",
    "cvpyramid": "cvpyramid, alone",
    "default": "default (network and refinement)",
    "niftyreg": "NiftyReg",
    "single": "single volume",
    "incremental": "incremental",
}


@dataclass(frozen=True)
class Outcome:
    """What an experiment gives.

    Attributes
    ----------
    table
        Rows with the same columns, ready to be shown.
    draw
        Draws the figure into an empty one.
    size
        Of the figure, inches.
    notes
        Sentences for the reader.
    """

    table: list[Row]
    draw: Callable[[Figure], None]
    size: tuple[float, float]
    notes: tuple[str, ...] = ()


def values(rows: Sequence[Row], column: str, **wanted: Any) -> list[float | None]:
    """Take a column of the rows that have the wanted values in other columns, in their order."""
    return [row[column] for row in rows if all(row[name] == value for name, value in wanted.items())]


def spread(found: Summary, measure: str) -> str:
    """Show mean and standard deviation with a measure's digits."""
    if not found.n:
        return "–"
    digits = DIGITS.get(measure, 3)
    deviation = f" ± {found.deviation:.{digits}f}" if found.n > 1 else ""
    return f"{found.mean:.{digits}f}{deviation}"


def published(pair: tuple[float, float] | None) -> str:
    """Show mean and standard deviation of the paper."""
    return f"{pair[0]:.3f} ± {pair[1]:.3f}" if pair else "–"


def tested(found: Comparison) -> Row:
    """Make the columns of a test."""
    if not found.n:
        return {"test": "–", "p": "–"}
    p = "< 0.0001" if found.p < 0.0001 else f"{found.p:.4f}"
    return {"test": f"{WILCOXON}, n = {found.n}", "p": f"{p}{' *' if found.significant else ''}"}
