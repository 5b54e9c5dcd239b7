"""Labels of one scan that are numbered one level, or more, off those of the other."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ..scan.labels import DOWNWARDS

LEAST_DSC = 0.5
"""A label of which half lies on another is taken for that one."""


@dataclass(frozen=True)
class LabelShift:
    """How far down the spine the follow-up's labels lie from the baseline's, and the pair that shows it best.

    Attributes
    ----------
    levels
        Down the spine; less than 0 is up.
    fixed, moving
        A label of the baseline, and that of the follow-up which lies on it.
    dsc
        Of the two.
    """

    levels: int
    fixed: int
    moving: int
    dsc: float


def label_shift(vertebrae: dict[str, dict], step: str = "after") -> LabelShift | None:
    """Find whether one scan's labels are shifted along the spine.

    Parameters
    ----------
    vertebrae
        Of a report, with "lies_on".
    step
        Of the registration.

    Returns
    -------
    LabelShift or None
        None unless most of the baseline's vertebrae that lie under any lie, by half or more, under one that is numbered
        the same number of levels away.

    Examples
    --------
    >>> lies_on = {"20": 21, "21": 22, "22": 22}
    >>> rows = {own: {"lies_on": {"after": {"label": other, "dsc": 0.9}}} for own, other in lies_on.items()}
    >>> label_shift(rows).levels
    1
    """
    used = {int(label) for label in vertebrae}
    levels = {label: place for place, label in enumerate(label for label in DOWNWARDS if label in used)}
    pairs = []
    for label, row in vertebrae.items():
        found = (row.get("lies_on") or {}).get(step)
        if found and int(label) in levels and found["label"] in levels:
            pairs.append((int(label), int(found["label"]), float(found["dsc"])))
    clear = [pair for pair in pairs if pair[2] >= LEAST_DSC]
    counts = Counter(levels[moving] - levels[fixed] for fixed, moving, _dsc in clear)
    if not counts:
        return None
    shift, times = counts.most_common(1)[0]
    if shift == 0 or 2 * times <= len(pairs):
        return None
    best = max((pair for pair in clear if levels[pair[1]] - levels[pair[0]] == shift), key=lambda pair: pair[2])
    return LabelShift(shift, *best)
