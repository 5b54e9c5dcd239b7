"""Bone that two registered CT scans show, marrow and lesions within it included."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_fill_holes, grey_opening, label, maximum_filter

from .masks import Spacing, grown, near, reach_of

CORTEX_HU, SHELL_HU, VERY_DENSE_HU = 250.0, 120.0, 500.0
THIN_MM, CLOSING_MM, EDGE_MM, OFF_MM = 3.0, 4.0, 3.0, 1.5
IN_SLICE = (1, 2)
LEAST_ML, LEAST_CORRELATION, MOST_CONTRAST = 0.5, 0.85, 1.15


def bone_of(baseline: np.ndarray, followup: np.ndarray, body: np.ndarray, spacing: Spacing) -> np.ndarray:
    """Find bone by its cortex, which is thin, denser than vessels and organs, and in the same place in both scans.

    Gaps of the cortex are closed, and what it encloses in a slice is filled: marrow, and lesions in it. To that comes
    the cortex of one scan alone at the border, of a bone that has lost it or grown. Bowel with contrast medium, which
    lies elsewhere in the other scan, and calcified vessels, which are small, are left out.

    Parameters
    ----------
    baseline, followup
        [k, j, i], HU, registered.
    body
        [k, j, i], bool.
    spacing
        Of the voxels along k, j, i, mm.

    Returns
    -------
    numpy.ndarray
        [k, j, i], bool.
    """
    scans = baseline, followup
    walls = [cortex(hu, spacing) for hu in scans]
    both = np.logical_and(*(near(wall, OFF_MM, spacing, in_slice=True) for wall in walls))
    very_dense = np.logical_and(*(near(hu > VERY_DENSE_HU, OFF_MM, spacing, in_slice=True) for hu in scans))
    shell = ((both & (walls[0] | walls[1])) | (very_dense & (np.maximum(*scans) > CORTEX_HU))) & body
    bone = filled(agreeing(shell, baseline, followup, spacing), spacing) & body
    border = near(bone, EDGE_MM, spacing, in_slice=True) & body
    bone |= border & (walls[0] | walls[1])
    bone = filled(bone, spacing)
    bone[1:-1] |= bone[:-2] & bone[2:]
    return without_specks(bone & body, spacing)


def agreeing(mask: np.ndarray, first: np.ndarray, second: np.ndarray, spacing: Spacing) -> np.ndarray:
    """Keep the connected parts of a mask in which two registered scans show the same.

    Parameters
    ----------
    mask
        [k, j, i], bool.
    first, second
        The scans, [k, j, i], HU.
    spacing
        Along k, j, i, mm.

    Returns
    -------
    numpy.ndarray
        [k, j, i], bool: parts in and around which the scans correlate, and have as much contrast as in the largest one.
    """
    numbers, count = label(mask)
    if not count:
        return mask
    around = maximum_filter(numbers, _box(EDGE_MM, spacing))
    inside = around > 0
    parts, x, y = around[inside], first[inside].astype(float), second[inside].astype(float)
    n, sx, sy, sxx, syy, sxy = (
        np.bincount(parts, weights, count + 1) for weights in (np.ones(len(x)), x, y, x * x, y * y, x * y)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        of_first, of_second = sxx - sx * sx / n, syy - sy * sy / n
        correlation = (sxy - sx * sy / n) / np.sqrt(of_first * of_second)
        contrast = np.sqrt(of_second / of_first)
        relative = np.abs(np.log(contrast / contrast[np.nanargmax(n)]))
    return _parts(numbers, (correlation >= LEAST_CORRELATION) & (relative <= np.log(MOST_CONTRAST)))


def without_specks(mask: np.ndarray, spacing: Spacing) -> np.ndarray:
    """Leave out the small connected parts of a mask.

    Parameters
    ----------
    mask
        [k, j, i], bool.
    spacing
        Along k, j, i, mm.

    Returns
    -------
    numpy.ndarray
        [k, j, i], bool: parts of 0.5 ml or more.
    """
    numbers, count = label(mask)
    return _parts(numbers, np.bincount(numbers.ravel(), minlength=count + 1) * np.prod(spacing) / 1000 >= LEAST_ML)


def cortex(hu: np.ndarray, spacing: Spacing) -> np.ndarray:
    """Find what is as dense as cortical bone, and thin along any axis.

    Parameters
    ----------
    hu
        [k, j, i].
    spacing
        Along k, j, i, mm.

    Returns
    -------
    numpy.ndarray
        [k, j, i], bool.
    """
    thick = grey_opening(hu, _box(THIN_MM, spacing, in_slice=False))
    return (hu > CORTEX_HU) & (hu - thick > SHELL_HU)


def filled(mask: np.ndarray, spacing: Spacing) -> np.ndarray:
    """Fill what a mask encloses in its slices, gaps of up to twice the closing's reach left aside.

    Parameters
    ----------
    mask
        [k, j, i], bool.
    spacing
        Along k, j, i, mm.

    Returns
    -------
    numpy.ndarray
        [k, j, i], bool.
    """
    if not mask.any():
        return mask
    j, i = (np.flatnonzero(mask.any(axis=axes))[[0, -1]].tolist() for axes in ((0, 2), (0, 1)))
    box = np.s_[:, j[0] : j[1] + 1, i[0] : i[1] + 1]
    times, whole = max(round(CLOSING_MM / spacing[1]), 1), mask.copy()
    wide = grown(np.pad(mask[box], ((0, 0), (times, times), (times, times))), times, IN_SLICE)
    for each in wide:
        if each.any():
            binary_fill_holes(each, output=each)
    whole[box] |= ~grown(~wide, times, IN_SLICE)[:, times:-times, times:-times]
    return whole


def _parts(numbers: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Where numbers [k, j, i], 0 for none, are of a part that is kept: keep [number], bool."""
    return (keep & (np.arange(len(keep)) > 0))[numbers]


def _box(radius_mm: float, spacing: Spacing, in_slice: bool = True) -> tuple[int, int, int]:
    """Side in voxels of a box, in the slice or of all axes, that reaches a radius from its centre."""
    k, j, i = (2 * each + 1 for each in reach_of(radius_mm, spacing, in_slice))
    return k, j, i
