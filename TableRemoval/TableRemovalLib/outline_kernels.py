"""Compiled steps on one slice, pixel by pixel: thresholds, the outline of a mask, and what lies around it.

A kernel calls none of another file: numba's cache looks at one file only, and would go on using the old one after that
file has changed. Masks are uint8 [j, i] arrays of 0 and 1.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def threshold_slice(
    image: np.ndarray, lowest_hu: float, highest_hu: float, blocked: np.ndarray, mask: np.ndarray
) -> None:
    """Find what lies between two borders and is not blocked.

    Parameters
    ----------
    image
        A slice in HU, int16 or float32 [j, i].
    lowest_hu
        What is above it is found, HU.
    highest_hu
        What is above it is not, HU.
    blocked
        1 where the table is, uint8 [j, i].
    mask
        Where the answer goes, uint8 0/1 [j, i].
    """
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            value = image[row, column]
            mask[row, column] = (
                np.uint8(value > lowest_hu) & np.uint8(value <= highest_hu) & (blocked[row, column] == 0)
            )


@njit(cache=True, nogil=True)
def either(first: np.ndarray, second: np.ndarray, result: np.ndarray) -> None:
    """Join two masks.

    Parameters
    ----------
    first
        uint8 0/1 [j, i].
    second
        uint8 0/1 [j, i].
    result
        1 where either is, uint8 [j, i]; it may be one of them.
    """
    for row in range(result.shape[0]):
        for column in range(result.shape[1]):
            result[row, column] = first[row, column] | second[row, column]


@njit(cache=True, nogil=True)
def _has_neighbour(mask: np.ndarray, row: int, column: int, value: int) -> bool:
    """Whether one of the four neighbours in the slice has this value."""
    return (
        (row > 0 and mask[row - 1, column] == value)
        or (row + 1 < mask.shape[0] and mask[row + 1, column] == value)
        or (column > 0 and mask[row, column - 1] == value)
        or (column + 1 < mask.shape[1] and mask[row, column + 1] == value)
    )


@njit(cache=True, nogil=True)
def peel(image: np.ndarray, mask: np.ndarray, border_hu: float, layers: int) -> int:
    """Take from a mask, in place, what is darker than a border at its outside.

    Up to `layers` layers of pixels go, one after the other (4 neighbours); the pixels next to what stays are given
    back, because the outermost pixel of the skin is part air.

    Parameters
    ----------
    image
        A slice in HU, int16 or float32 [j, i].
    mask
        uint8 0/1 [j, i].
    border_hu
        What is darker goes, HU.
    layers
        Most layers of pixels.

    Returns
    -------
    int
        How many pixels went.
    """
    rows, columns = mask.shape
    removed = np.empty((mask.size, 2), dtype=np.int32)
    count = 0
    for row in range(rows):
        for column in range(columns):
            if mask[row, column] and image[row, column] < border_hu and _has_neighbour(mask, row, column, 0):
                removed[count, 0], removed[count, 1] = row, column
                count += 1
    start = 0
    for layer in range(layers):
        stop = count
        for n in range(start, stop):
            mask[removed[n, 0], removed[n, 1]] = 0
        if layer + 1 == layers:
            break
        for n in range(start, stop):
            for side in range(4):
                row = removed[n, 0] + (side == 0) - (side == 1)
                column = removed[n, 1] + (side == 2) - (side == 3)
                if not (0 <= row < rows and 0 <= column < columns):
                    continue
                if mask[row, column] == 1 and image[row, column] < border_hu:
                    mask[row, column] = 2
                    removed[count, 0], removed[count, 1] = row, column
                    count += 1
        start = stop
    given_back = 0
    for n in range(count):
        if _has_neighbour(mask, removed[n, 0], removed[n, 1], 1):
            removed[given_back] = removed[n]
            given_back += 1
    for n in range(given_back):
        mask[removed[n, 0], removed[n, 1]] = 1
    return count - given_back


@njit(cache=True, nogil=True)
def surrounded(mask: np.ndarray, result: np.ndarray) -> None:
    """Find what lies outside a mask and has it to the left, to the right, above and below.

    Parameters
    ----------
    mask
        uint8 0/1 [j, i].
    result
        Where the answer goes, uint8 0/1 [j, i].
    """
    rows, columns = mask.shape
    above, below = np.zeros(columns, dtype=np.uint8), np.zeros(columns, dtype=np.uint8)
    for row in range(rows):
        left, right = np.uint8(0), np.uint8(0)
        for column in range(columns):
            left |= mask[row, column]
            above[column] |= mask[row, column]
            result[row, column] = left & above[column] & (1 - mask[row, column])
        for column in range(columns - 1, -1, -1):
            right |= mask[row, column]
            result[row, column] &= right
    for row in range(rows - 1, -1, -1):
        for column in range(columns):
            below[column] |= mask[row, column]
            result[row, column] &= below[column]


@njit(cache=True, nogil=True)
def count_dark(image: np.ndarray, outer: np.ndarray, inner: np.ndarray, apart: np.ndarray, border_hu: float) -> int:
    """Count the pixels of one mask that are darker than a border, without those of two others.

    Parameters
    ----------
    image
        A slice in HU, int16 or float32 [j, i].
    outer
        Where to count, uint8 0/1 [j, i].
    inner
        Where not, uint8 0/1 [j, i].
    apart
        Where not either, uint8 0/1 [j, i].
    border_hu
        HU.

    Returns
    -------
    int
        How many.
    """
    count = 0
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            if outer[row, column] and not inner[row, column] and not apart[row, column]:
                count += image[row, column] < border_hu
    return count
