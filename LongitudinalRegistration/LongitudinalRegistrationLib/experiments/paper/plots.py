"""The pieces of the paper's figures: boxes, curves, one look."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...system.files import write_atomically
from .outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {
    "vxm2": "#0072b2",
    "incremental": "#0072b2",
    "single": "#56b4e9",
    "niftyreg": "#d55e00",
    "default": "#009e73",
    "lkpyramid": "#cc79a7",
    "cvpyramid": "#e69f00",
}
PALE = "#b0b0b0"


def save(outcome: Outcome, stem: Path) -> tuple[Path, Path]:
    """Draw an outcome's figure as SVG and as PNG.

    Parameters
    ----------
    outcome
        Of an experiment.
    stem
        Path without its suffix.

    Returns
    -------
    svg, png
        The paths.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"font.size": 9, "svg.hashsalt": "longct"}):
        figure = Figure(figsize=outcome.size, layout="constrained")
        outcome.draw(figure)
        svg = write_atomically(
            stem.with_suffix(".svg"), ".svg", lambda name: figure.savefig(name, metadata={"Date": None})
        )
        return svg, write_atomically(stem.with_suffix(".png"), ".png", lambda name: _save_png(figure, name))


def _save_png(figure: Figure, name: str) -> None:
    """Save as PNG of 256 colours, a third of the size; figures are kept in the repository."""
    from PIL import Image

    stream = io.BytesIO()
    figure.savefig(stream, dpi=150, format="png")
    Image.open(stream).convert("RGB").quantize(256).save(name, optimize=True)


def boxes(axes: Axes, groups: Sequence[tuple[float, Sequence[float | None], str]], width: float = 0.6) -> None:
    """Draw box plots with their points.

    Parameters
    ----------
    axes
        Where.
    groups
        Place on the x axis, values, colour.
    width
        Of a box.
    """
    for place, given, colour in groups:
        known = [value for value in given if value is not None]
        if not known:
            continue
        axes.boxplot(
            [known],
            positions=[place],
            widths=width,
            showfliers=False,
            patch_artist=True,
            boxprops={"facecolor": colour, "alpha": 0.5},
            medianprops={"color": "black"},
            manage_ticks=False,
        )
        jitter = np.random.default_rng(len(known)).uniform(-0.2, 0.2, len(known)) * width
        axes.plot(place + jitter, known, "o", color=colour, markersize=2, alpha=0.7)
    axes.grid(axis="y", alpha=0.3)


def curve(
    axes: Axes, places: Sequence[float], means: np.ndarray, deviations: np.ndarray, name: str, label: str
) -> None:
    """Draw means over places with a band of one standard deviation.

    Parameters
    ----------
    axes
        Where.
    places
        On the x axis.
    means, deviations
        (places,), float64, NaN where not known.
    name
        Of the method, for its colour.
    label
        For the legend.
    """
    colour = COLOURS.get(name, "#777777")
    axes.plot(places, means, "o-", color=colour, markersize=3, linewidth=1.3, label=label)
    band = np.nan_to_num(deviations)
    axes.fill_between(places, means - band, means + band, color=colour, alpha=0.15, linewidth=0)
    axes.grid(alpha=0.3)
