"""Keeping and dropping the component of a slice that was clicked."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from TableRemovalLib.errors import InputError
from TableRemovalLib.overrides import DROP, KEEP, Click
from TableRemovalLib.region_kernels import fill_holes, find_runs

TISSUE_HU = -500.0


def component_at(mask: np.ndarray, i: int, j: int) -> np.ndarray | None:
    """Find the 8-connected component of a mask at a pixel.

    Parameters
    ----------
    mask
        uint8 0/1 [j, i].
    i
        Column.
    j
        Row.

    Returns
    -------
    np.ndarray or None
        uint8 0/1 [j, i]; None where the mask is 0 there.
    """
    runs, _regions = find_runs(mask, 1, True)
    hit = (runs[:, 0] == j) & (runs[:, 1] <= i) & (i < runs[:, 2])
    if not hit.any():
        return None
    component = np.zeros_like(mask)
    for row, first, stop, _ in runs[runs[:, 3] == runs[hit][0, 3]]:
        component[row, first:stop] = 1
    return component


def click_kind(image: np.ndarray, mask: np.ndarray, i: int, j: int) -> str:
    """Tell what a click means.

    Parameters
    ----------
    image
        A slice in HU, int16 or float32 [j, i].
    mask
        uint8 0/1 [j, i].
    i
        Column.
    j
        Row.

    Returns
    -------
    str
        DROP on what is kept, KEEP on what is removed.

    Raises
    ------
    InputError
        If there is nothing but air, or the click lies outside the slice.
    """
    rows, columns = mask.shape
    if not (0 <= i < columns and 0 <= j < rows):
        raise InputError("the click lies outside the slice: click on a part of it")
    if mask[j, i]:
        return DROP
    if image[j, i] > TISSUE_HU:
        return KEEP
    raise InputError("there is only air at the click: click on a part that is kept or removed")


def apply_clicks(image: np.ndarray, mask: np.ndarray, clicks: Iterable[Click]) -> np.ndarray:
    """Apply clicks one after the other.

    KEEP adds the connected part above -500 HU that is outside the mask, holes filled; DROP takes the mask's connected
    part away. A click that hits nothing, as a copied one may, changes nothing.

    Parameters
    ----------
    image
        A slice in HU, int16 or float32 [j, i].
    mask
        uint8 0/1 [j, i].
    clicks
        KEEP or DROP, column, row of each.

    Returns
    -------
    np.ndarray
        The mask after them, uint8 0/1 [j, i].
    """
    for kind, i, j in clicks:
        if not (0 <= i < mask.shape[1] and 0 <= j < mask.shape[0]):
            continue
        outside = ((image > TISSUE_HU) & (mask == 0)).astype(np.uint8)
        component = component_at(outside if kind == KEEP else mask, i, j)
        if component is None:
            continue
        if kind == KEEP:
            fill_holes(component)
            mask = mask | component
        elif kind == DROP:
            mask = mask & (1 - component)
    return mask
