"""RECIST 1.1 of target lesions: sums over time, percent of baseline and nadir, category. No diagnosis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from TableRemovalLib.errors import InputError

CR, PR, SD, PD, NE = "CR", "PR", "SD", "PD", "NE"
CATEGORIES = {
    CR: "complete response",
    PR: "partial response",
    SD: "stable disease",
    PD: "progressive disease",
    NE: "not evaluable",
}
PARTIAL_PERCENT, PROGRESS_PERCENT, PROGRESS_MM, NODE_MM = -30.0, 20.0, 5.0, 10.0
ROUNDING = 1e-6
"""Of sums and percents: what is at a limit but for the rounding of floating-point numbers has reached it."""
MOST_LESIONS, MOST_PER_ORGAN, LEAST_MM, LEAST_NODE_MM = 5, 2, 10.0, 15.0


@dataclass(frozen=True)
class Target:
    """A target lesion.

    Attributes
    ----------
    name
        What the reader calls it.
    diameters_mm
        One for each time point, the baseline first: the longest diameter, of a lymph node its short axis. 0: gone;
        NaN: not measured.
    node
        Whether it is a lymph node.
    organ
        Where it is; empty: not known.
    """

    name: str
    diameters_mm: tuple[float, ...]
    node: bool = False
    organ: str = ""


@dataclass(frozen=True)
class TimePoint:
    """The target lesions at one time point.

    Attributes
    ----------
    name
        Such as its date.
    sum_mm
        Sum of diameters; NaN where a target was not measured.
    nadir_mm
        Smallest sum up to the time point before (the baseline included); of the baseline its own.
    from_baseline_percent, from_nadir_percent
        Change of the sum; 0 at the baseline, NaN where it cannot be said.
    category
        A key of CATEGORIES; of the baseline empty.
    """

    name: str
    sum_mm: float
    nadir_mm: float
    from_baseline_percent: float
    from_nadir_percent: float
    category: str


@dataclass(frozen=True)
class Course:
    """Target lesions over time.

    Attributes
    ----------
    targets
        As given.
    points
        The time points, the baseline first.
    warnings
        Where the choice of targets is not as RECIST 1.1 asks, a sentence each.
    """

    targets: tuple[Target, ...]
    points: tuple[TimePoint, ...]
    warnings: tuple[str, ...]


def course_of(targets: Sequence[Target], times: Sequence[str]) -> Course:
    """Follow target lesions over time by RECIST 1.1.

    Parameters
    ----------
    targets
        At least one, each with a diameter for every time point.
    times
        What the time points are called, the baseline first.

    Returns
    -------
    Course
        Sums, percent and categories. New lesions and non-target lesions, which count too in RECIST 1.1, are not in it.

    Raises
    ------
    InputError
        If there is no target, or one has another number of diameters than there are time points, or a negative one.
    """
    _check(targets, times)
    sums = [sum(target.diameters_mm[n] for target in targets) for n in range(len(times))]
    points: list[TimePoint] = []
    for n, (name, total) in enumerate(zip(times, sums, strict=True)):
        known = [value for value in sums[: max(n, 1)] if not math.isnan(value)]
        nadir = min(known) if known else math.nan
        gone = any(point.category == CR for point in points)
        category = _category(targets, n, sums[0], nadir, gone) if n else ""
        percent = _percent(total, sums[0]), _percent(total, nadir)
        points.append(TimePoint(name, total, nadir, *percent, category))
    return Course(tuple(targets), tuple(points), _warnings(targets))


def _check(targets: Sequence[Target], times: Sequence[str]) -> None:
    if not targets or not times:
        raise InputError("RECIST needs at least one target lesion and one time point: mark one.")
    for target in targets:
        if len(target.diameters_mm) != len(times):
            raise InputError(
                f"Lesion {target.name} has {len(target.diameters_mm)} diameters for {len(times)} time points: give one "
                "each, NaN where it was not measured."
            )
        if any(value < 0 for value in target.diameters_mm):
            raise InputError(f"Lesion {target.name} has a negative diameter: give mm, 0 where the lesion is gone.")


def _percent(value: float, reference: float) -> float:
    if value == reference:
        return 0.0
    return 100.0 * (value - reference) / reference if reference else math.nan


def _category(targets: Sequence[Target], n: int, baseline: float, nadir: float, gone: bool) -> str:
    """The category of time point n; progression is looked for first, also among what could be measured.

    What was gone (complete response) and is back is progression, however small.
    """
    diameters = [(target, target.diameters_mm[n]) for target in targets]
    measured = [value for _, value in diameters if not math.isnan(value)]
    total = sum(measured)
    grown = total - nadir + ROUNDING
    if measured and grown >= PROGRESS_MM and 100.0 * grown >= PROGRESS_PERCENT * nadir:
        return PD
    if gone and any(value > 0 for target, value in diameters if not target.node):
        return PD
    if len(measured) < len(diameters) or math.isnan(baseline):
        return NE
    if all(value < NODE_MM if target.node else value == 0 for target, value in diameters):
        return CR
    return PR if _percent(total, baseline) <= PARTIAL_PERCENT + ROUNDING else SD


def _warnings(targets: Sequence[Target]) -> tuple[str, ...]:
    """Where the choice of targets is not as RECIST 1.1 asks."""
    found = []
    if len(targets) > MOST_LESIONS:
        found.append(f"RECIST 1.1 takes at most {MOST_LESIONS} target lesions; there are {len(targets)}.")
    organs: Mapping[str, int] = {
        organ: sum(target.organ == organ for target in targets) for organ in {t.organ for t in targets if t.organ}
    }
    for organ, count in sorted(organs.items()):
        if count > MOST_PER_ORGAN:
            found.append(f"RECIST 1.1 takes at most {MOST_PER_ORGAN} target lesions an organ; {organ} has {count}.")
    for target in targets:
        least = LEAST_NODE_MM if target.node else LEAST_MM
        if target.diameters_mm[0] < least:
            found.append(f"{target.name} is smaller than the {least:g} mm that RECIST 1.1 asks of a target.")
    return tuple(found)
