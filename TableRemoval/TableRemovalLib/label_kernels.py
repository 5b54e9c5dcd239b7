"""Compiled steps on the numbered regions of slices: what they consist of, and what they share.

A kernel calls none of another file: numba's cache looks at one file only, and would go on using the old one after that
file has changed.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _beside(image: np.ndarray, row: int, column: int, lowest_hu: int, highest_hu: int) -> bool:
    """Whether one of the four neighbours is outside of two borders."""
    rows, columns = image.shape
    for side in range(4):
        r = row + (side == 0) - (side == 1)
        c = column + (side == 2) - (side == 3)
        if 0 <= r < rows and 0 <= c < columns and not lowest_hu <= image[r, c] < highest_hu:
            return True
    return False


@njit(cache=True, nogil=True)
def region_tissues(
    image: np.ndarray, labels: np.ndarray, static: np.ndarray, regions: int, borders_hu: np.ndarray, air_hu: int
) -> np.ndarray:
    """Count what each region of a slice consists of.

    A pixel beside air or metal is of no tissue: it is partly the one and partly the other, and looks like anything.

    Parameters
    ----------
    image
        A slice in HU, int16 or float32 [j, i].
    labels
        Numbers of regions from 1 on, 0 elsewhere; uint8 [j, i].
    static
        1 where the scan hardly changes along k, uint8 [j, i].
    regions
        How many there are.
    borders_hu
        Five ascending HU values, int64: the borders of four tissues; metal is above the last.
    air_hu
        Pixels below it count as air, HU.

    Returns
    -------
    np.ndarray
        int64 [regions + 1, 6]: pixels in all, pixels of each tissue, pixels where `static` is 1; row 0 is unused.
    """
    counts = np.zeros((regions + 1, 6), dtype=np.int64)
    for row in range(labels.shape[0]):
        for column in range(labels.shape[1]):
            label = labels[row, column]
            if label == 0:
                continue
            value = image[row, column]
            counts[label, 0] += 1
            counts[label, 5] += static[row, column]
            if value < borders_hu[0] or value >= borders_hu[4]:
                continue
            if _beside(image, row, column, air_hu, borders_hu[4]):
                continue
            tissue = 1
            while value >= borders_hu[tissue]:
                tissue += 1
            counts[label, tissue] += 1
    return counts


@njit(cache=True, nogil=True)
def overlaps(first: np.ndarray, second: np.ndarray, first_regions: int, second_regions: int) -> np.ndarray:
    """Count the pixels that the regions of two slices share.

    Parameters
    ----------
    first
        Labels of one slice, uint8 [j, i].
    second
        Labels of the other, uint8 [j, i].
    first_regions
        How many regions the first has.
    second_regions
        How many the second has.

    Returns
    -------
    np.ndarray
        int64 [first_regions + 1, second_regions + 1]; row and column 0 are unused.
    """
    counts = np.zeros((first_regions + 1, second_regions + 1), dtype=np.int64)
    for row in range(first.shape[0]):
        for column in range(first.shape[1]):
            if first[row, column] and second[row, column]:
                counts[first[row, column], second[row, column]] += 1
    return counts


@njit(cache=True, nogil=True)
def relabel(labels: np.ndarray, values: np.ndarray) -> None:
    """Replace labels, in place.

    Parameters
    ----------
    labels
        Numbers of regions from 1 on, 0 elsewhere; uint8 [j, i].
    values
        New value of each label, uint8.
    """
    for row in range(labels.shape[0]):
        for column in range(labels.shape[1]):
            labels[row, column] = values[labels[row, column]]
