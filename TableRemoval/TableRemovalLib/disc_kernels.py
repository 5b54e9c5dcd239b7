"""Compiled steps on one slice: what is thinner than a disc, or nearer than its radius.

A kernel calls none of another file: numba's cache looks at one file only, and would go on using the old one after that
file has changed. Masks are uint8 [j, i] arrays of 0 and 1.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

FARTHEST = 255


def disc_half_heights(radius_mm: float, column_spacing_mm: float, row_spacing_mm: float) -> np.ndarray:
    """Rasterise a disc.

    Parameters
    ----------
    radius_mm
        Its radius, mm.
    column_spacing_mm
        Pixel size along a row, mm.
    row_spacing_mm
        Pixel size along a column, mm.

    Returns
    -------
    np.ndarray
        uint8 [2 n + 1]: how many pixels it reaches up and down, for each column from -n to n.
    """
    columns = int(radius_mm / column_spacing_mm)
    heights = [math.sqrt(radius_mm**2 - (n * column_spacing_mm) ** 2) for n in range(-columns, columns + 1)]
    return np.array([min(FARTHEST - 1, int(h / row_spacing_mm)) for h in heights], dtype=np.uint8)


@njit(cache=True, nogil=True)
def _one_farther(mask: np.ndarray, value: np.uint8, distance: np.ndarray) -> None:
    """Take `distance` of one row to the next row: one more where its `mask` is `value`, 0 elsewhere."""
    for column in range(mask.size):
        farther = min(distance[column], np.uint8(FARTHEST - 1)) + np.uint8(1)
        distance[column] = np.uint8(farther) if mask[column] == value else np.uint8(0)


@njit(cache=True, nogil=True)
def _to_smaller(first: np.ndarray, second: np.ndarray) -> None:
    for column in range(first.size):
        first[column] = min(first[column], second[column])


@njit(cache=True, nogil=True)
def _keep_above(values: np.ndarray, limit: int, kept: np.ndarray) -> None:
    for column in range(kept.size):
        kept[column] &= np.uint8(values[column] > limit)


@njit(cache=True, nogil=True)
def _distance_along_columns(mask: np.ndarray, value: int, distance: np.ndarray) -> None:
    """Pixels from each pixel to the nearest one in its column that differs from `value` (at most 255, 0 there)."""
    rows, columns = mask.shape
    run = np.full(columns, FARTHEST, dtype=np.uint8)
    for row in range(rows):
        _one_farther(mask[row], np.uint8(value), run)
        distance[row] = run
    run[:] = FARTHEST
    for row in range(rows - 1, -1, -1):
        _one_farther(mask[row], np.uint8(value), run)
        _to_smaller(distance[row], run)


@njit(cache=True, nogil=True)
def _keep_deep(distance: np.ndarray, half_heights: np.ndarray, result: np.ndarray) -> None:
    """result: 1 where the disc around a pixel meets no zero distance; beyond the slice there is nothing to meet."""
    rows, columns = distance.shape
    reach = half_heights.size // 2
    for row in range(rows):
        result[row, :] = 1
        for step in range(-reach, reach + 1):
            first, stop = max(0, -step), min(columns, columns - step)
            _keep_above(distance[row, first + step : stop + step], half_heights[step + reach], result[row, first:stop])


@njit(cache=True, nogil=True)
def erode(mask: np.ndarray, half_heights: np.ndarray, distance: np.ndarray, result: np.ndarray) -> None:
    """Erode a mask by a disc.

    What lies beyond the slice counts as tissue, so a body cut by the slice's edge is not eroded there.

    Parameters
    ----------
    mask
        uint8 0/1 [j, i].
    half_heights
        As from `disc_half_heights`, uint8 [2 n + 1].
    distance
        Working memory, uint8 [j, i].
    result
        Where the answer goes, uint8 0/1 [j, i]; it may be `mask`.
    """
    _distance_along_columns(mask, 1, distance)
    _keep_deep(distance, half_heights, result)


@njit(cache=True, nogil=True)
def dilate(mask: np.ndarray, half_heights: np.ndarray, distance: np.ndarray, result: np.ndarray) -> None:
    """Dilate a mask by a disc.

    Parameters
    ----------
    mask
        uint8 0/1 [j, i].
    half_heights
        As from `disc_half_heights`, uint8 [2 n + 1].
    distance
        Working memory, uint8 [j, i].
    result
        Where the answer goes, uint8 0/1 [j, i]; it may be `mask`.
    """
    _distance_along_columns(mask, 0, distance)
    _keep_deep(distance, half_heights, result)
    for row in range(result.shape[0]):
        for column in range(result.shape[1]):
            result[row, column] = 1 - result[row, column]


@njit(cache=True, nogil=True)
def open_mask(mask: np.ndarray, half_heights: np.ndarray, distance: np.ndarray, result: np.ndarray) -> None:
    """Open a mask by a disc: erode, then dilate.

    Parameters
    ----------
    mask
        uint8 0/1 [j, i].
    half_heights
        As from `disc_half_heights`, uint8 [2 n + 1].
    distance
        Working memory, uint8 [j, i].
    result
        Where the answer goes, uint8 0/1 [j, i]; it may be `mask`.
    """
    erode(mask, half_heights, distance, result)
    dilate(result, half_heights, distance, result)


@njit(cache=True, nogil=True)
def grow_into(mask: np.ndarray, half_heights: np.ndarray, allowed: np.ndarray, work: np.ndarray) -> None:
    """Grow a mask, in place, into another one within a disc around it.

    Parameters
    ----------
    mask
        uint8 0/1 [j, i].
    half_heights
        The disc, as from `disc_half_heights`, uint8 [2 n + 1].
    allowed
        Where it may grow, uint8 0/1 [j, i].
    work
        Working memory, uint8 [2, j, i].
    """
    dilate(mask, half_heights, work[0], work[1])
    for row in range(mask.shape[0]):
        for column in range(mask.shape[1]):
            mask[row, column] |= work[1, row, column] & allowed[row, column]


@njit(cache=True, nogil=True)
def _lasts(masks: np.ndarray, k: int, row: int, column: int, least: int) -> bool:
    """Whether a pixel is 1 in so many slices in a row; what lies beyond the ends of the scan counts as 1."""
    length = 1
    for step in (-1, 1):
        other = k + step
        while length < least:
            if other < 0 or other >= masks.shape[0]:
                return True
            if masks[other, row, column] == 0:
                break
            length += 1
            other += step
    return length >= least


@njit(cache=True, nogil=True)
def keep_lasting(
    masks: np.ndarray, k: int, least: int, half_heights: np.ndarray, work: np.ndarray, result: np.ndarray
) -> None:
    """Find what of a slice's mask is there in several slices in a row, or within a disc around that.

    Parameters
    ----------
    masks
        Masks of all slices, uint8 0/1 [k, j, i].
    k
        Which slice.
    least
        Slices in a row; those beyond the ends of the scan count.
    half_heights
        The disc, as from `disc_half_heights`, uint8 [2 n + 1].
    work
        Working memory, uint8 [j, i].
    result
        Where the answer goes, uint8 0/1 [j, i].
    """
    gone = False
    for row in range(result.shape[0]):
        for column in range(result.shape[1]):
            lasting = masks[k, row, column] != 0 and _lasts(masks, k, row, column, least)
            gone |= (masks[k, row, column] != 0) and not lasting
            result[row, column] = np.uint8(lasting)
    if gone:
        dilate(result, half_heights, work, result)
        for row in range(result.shape[0]):
            for column in range(result.shape[1]):
                result[row, column] &= masks[k, row, column]
