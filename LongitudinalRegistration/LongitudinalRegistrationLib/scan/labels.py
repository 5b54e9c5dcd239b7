"""Names and numbers of vertebrae (VerSe numbering)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import SimpleITK as sitk

_NAMES = (
    *(f"C{n}" for n in range(1, 8)),
    *(f"T{n}" for n in range(1, 13)),
    *(f"L{n}" for n in range(1, 7)),
    *("sacrum", "coccyx", "T13"),
)
VERSE_NAMES = {number: name for number, name in enumerate(_NAMES, start=1)}
T13 = 28
DOWNWARDS = (*range(1, 20), T13, *range(20, 28))
"""Vertebrae in the order of the spine: T13 lies between T12 and L1."""
LEAST_LEVEL_MM, MOST_LEVEL_MM = 6.0, {7: 35.0, 19: 55.0, T13: 90.0}
"""How far below a vertebra the next one may lie: from, and to, by the highest number for which that holds."""
MASK = 1
"""The only label of a file that says where something is."""


def label_name(label: int) -> str:
    """A label's name, "L1" for 20; the number itself, as text, for any that VerSe does not have."""
    return VERSE_NAMES.get(int(label), str(int(label)))


def look_like_vertebrae(centres: Mapping[int, Sequence[float]]) -> bool:
    """Say whether labels are a spine's, by where they lie: a lesion may be numbered 1 as C1 is.

    Parameters
    ----------
    centres
        Label to its centre, LPS mm.

    Returns
    -------
    bool
        False where no number is a vertebra's; and where there is a 1, as of lesions that are counted, and it is alone
        or most of the neighbours in number do not lie one below the other as neighbours in a spine do.

    Examples
    --------
    >>> look_like_vertebrae({20: (0, 0, 90), 21: (0, 5, 55), 23: (0, 0, -10)}), look_like_vertebrae({1: (0, 0, 0)})
    (True, False)
    >>> look_like_vertebrae({1: (0, 0, 0), 2: (30, 0, 60), 3: (9, 9, 20)})
    False
    """
    own = [value for value in DOWNWARDS if value in centres]
    if MASK not in own or len(own) == 1:
        return bool(own) and own != [MASK]
    likely = 0
    for upper, lower in pairwise(own):
        levels = DOWNWARDS.index(lower) - DOWNWARDS.index(upper)
        most = next(mm for number, mm in MOST_LEVEL_MM.items() if upper <= number)
        likely += LEAST_LEVEL_MM * levels <= centres[upper][2] - centres[lower][2] <= most * levels
    return 2 * likely >= len(own) - 1


def names_of_labels(centres: Mapping[int, Sequence[float]], given: Mapping[int, str] | None = None) -> dict[int, str]:
    """Name labels.

    Parameters
    ----------
    centres
        Label to its centre, LPS mm.
    given
        Names that are known, such as those of a segmentation's segments.

    Returns
    -------
    dict
        Label to name: as given, else a vertebra's where the labels look like a spine's, else the number.
    """
    given = given or {}
    if look_like_vertebrae(centres):
        return {value: given.get(value) or label_name(value) for value in centres}
    return {value: given.get(value) or f"label {value}" for value in centres}


def segment_names(labels: sitk.Image) -> dict[int, str]:
    """Read the names that a segmentation file (.seg.nrrd) gives its labels.

    Parameters
    ----------
    labels
        As it was read.

    Returns
    -------
    dict
        Label to name; empty of other files.
    """
    found = {}
    for key in labels.GetMetaDataKeys():
        part = re.fullmatch(r"Segment(\d+)_LabelValue", key)
        name = f"Segment{part[1]}_Name" if part else ""
        if part and labels.HasMetaDataKey(name) and labels.GetMetaData(key).strip().isdigit():
            found[int(labels.GetMetaData(key))] = labels.GetMetaData(name)
    return found
