"""The summary of a cohort: one HTML page with figures and plots that needs nothing else."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from ..report.html import FOLDER, STYLE, page_environment
from ..system.files import write_text
from .tables import Row
from .task import DONE, FAILED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TEMPLATE = "cohort.html.j2"
MEASURES = (
    ("dsc", "mean DSC of the vertebrae", 3, min),
    ("ssim", "SSIM", 3, min),
    ("ncc", "NCC", 3, min),
    ("bone", "bone overlap", 3, min),
    ("end_point_error_mm", "end-point error, mm", 2, max),
)
"""Column, title, digits, and which of two is worse."""
COLOURS = {"before": "#e69f00", "after": "#0072b2"}
MOST_PATIENTS, MOST_PAIRS, MOST_LISTED = 40, 500, 20


def write_summary(rows: Sequence[Row], alone: Sequence[str], path: Path) -> Path:
    """Write the page of a cohort.

    Parameters
    ----------
    rows
        Of all pairs, see tables.pair_row.
    alone
        Patients with one scan only.
    path
        Of the page.

    Returns
    -------
    pathlib.Path
        The path.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    done = [row for row in rows if row["state"] == DONE]
    failed = [row for row in rows if row["state"] == FAILED]
    page = (
        page_environment()
        .get_template(TEMPLATE)
        .render(
            style=Markup((FOLDER / STYLE).read_text(encoding="utf-8")),
            totals=_totals(rows, done, failed, alone),
            measures=[found for measure in MEASURES if (found := _measure(done, *measure))],
            verdicts=Counter(row["verdict"] for row in done),
            overview=Markup(_overview(done)),
            plots=[Markup(plot) for plot in _plots(done)],
            failed=failed[:MOST_LISTED],
            more_failed=max(0, len(failed) - MOST_LISTED),
            worst=_worst(done),
        )
    )
    return write_text(page, path)


def _totals(rows: Sequence[Row], done: list[Row], failed: list[Row], alone: Sequence[str]) -> list[tuple[str, str]]:
    seconds = [row["seconds"] for row in done]
    found = [
        ("Patients", str(len({row["patient"] for row in rows}))),
        ("Pairs", str(len(rows))),
        ("Registered", str(len(done))),
        ("Failed", str(len(failed))),
    ]
    if alone:
        found.append(("Patients with one scan only, left out", ", ".join(alone[:MOST_LISTED])))
    if seconds:
        found.append(("Seconds a pair, median (10th to 90th percentile)", _spread(seconds)))
        found.append(("Most memory of a worker, MB", f"{max(row['peak_mb'] for row in done):.0f}"))
    methods = Counter(row["method"] for row in done)
    found.append(("Methods", ", ".join(f"{name} {count}" for name, count in methods.most_common())))
    return found


def _spread(values: Sequence[float]) -> str:
    low, middle, high = np.percentile(values, [10, 50, 90])
    return f"{middle:.1f} ({low:.1f} to {high:.1f})"


def _known(rows: Sequence[Row], column: str) -> np.ndarray:
    return np.array([row[column] for row in rows if row.get(column) is not None], dtype=float)


def _measure(rows: list[Row], column: str, title: str, digits: int, worse: Any) -> dict[str, Any] | None:
    """n, mean and standard deviation before and after, and the worst after; None where nothing is known."""
    after = _known(rows, f"{column}_after")
    if not after.size:
        return None
    before = _known(rows, f"{column}_before")
    words = [f"{values.mean():.{digits}f} ± {_deviation(values):.{digits}f}" for values in (before, after)]
    return {
        "title": title,
        "n": after.size,
        "before": words[0],
        "after": words[1],
        "worst": f"{worse(after):.{digits}f}",
    }


def _deviation(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) if values.size > 1 else 0.0


def _worst(rows: list[Row]) -> list[Row]:
    """The pairs to look at first: those that are judged poor, then those that are least alike."""
    order = {"poor": 0, "check": 1}
    doubtful = [row for row in rows if row["verdict"] in order]
    return sorted(doubtful, key=lambda row: (order[row["verdict"]], row["ssim_after"] or 0.0))[:MOST_LISTED]


def _plots(rows: list[Row]) -> list[str]:
    """The plots as SVG."""
    if not rows:
        return []
    found = [
        _svg(lambda axes, c=column, t=title: _histogram(axes, rows, c, t))
        for column, title, _, _ in MEASURES
        if _known(rows, f"{column}_after").size
    ]
    return [*found, _svg(lambda axes: _seconds(axes, rows))]


def _overview(rows: list[Row]) -> str:
    """All pairs of a cohort that is not too large, in the first measure that is known."""
    if not rows or len(rows) > MOST_PAIRS or len({row["patient"] for row in rows}) > MOST_PATIENTS:
        return ""
    column, title = next((c, t) for c, t, _, _ in MEASURES if _known(rows, f"{c}_after").size)
    return _svg(lambda axes: _by_patient(axes, rows, column, title), wide=True)


def _svg(draw: Any, wide: bool = False) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 3.0) if wide else (4.4, 2.6), layout="constrained")
    draw(figure.subplots())
    stream = io.StringIO()
    figure.savefig(stream, format="svg")
    return stream.getvalue()[stream.getvalue().index("<svg") :]


def _histogram(axes: Axes, rows: list[Row], column: str, title: str) -> None:
    known = {step: _known(rows, f"{column}_{step}") for step in COLOURS}
    values = np.concatenate(list(known.values()))
    edges = np.linspace(values.min(), values.max() + 1e-6, 25).tolist()
    for step, colour in COLOURS.items():
        axes.hist(known[step], edges, color=colour, alpha=0.7, label=step)
    axes.set(xlabel=title, ylabel="pairs")
    _whole_numbers(axes)
    axes.legend(frameon=False)


def _by_patient(axes: Axes, rows: list[Row], column: str, title: str) -> None:
    """Every pair before and after, patient by patient."""
    patients = list(dict.fromkeys(row["patient"] for row in rows))
    for number, patient in enumerate(patients):
        own = [row for row in rows if row["patient"] == patient]
        places = number + np.linspace(-0.3, 0.3, len(own)) if len(own) > 1 else [number]
        for place, row in zip(places, own, strict=True):
            pair = [row[f"{column}_{step}"] for step in COLOURS]
            if None in pair:
                continue
            axes.plot([place, place], pair, color="#bbb", linewidth=1)
            for value, colour in zip(pair, COLOURS.values(), strict=True):
                axes.plot(place, value, "o", color=colour, markersize=3)
    axes.set_xticks(range(len(patients)), patients, rotation=45 if len(patients) > 12 else 0)
    axes.set(ylabel=title)
    axes.grid(axis="y", alpha=0.3)


def _seconds(axes: Axes, rows: list[Row]) -> None:
    axes.hist(_known(rows, "seconds"), 25, color="#777")
    axes.set(xlabel="seconds a pair", ylabel="pairs")
    _whole_numbers(axes)


def _whole_numbers(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
