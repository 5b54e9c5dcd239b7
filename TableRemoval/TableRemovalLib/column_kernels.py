"""Compiled steps on columns of voxels along k.

A kernel calls none of another file: numba's cache looks at one file only, and would go on using the old one after that
file has changed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit


class ColumnSums(NamedTuple):
    """What is known of each column of voxels along k.

    present: voxels above the border, int32 [j, i]; total: sum of HU clamped to -1024..1000, float32 [j, i]; squares:
    sum of their squares, float32 [j, i]; measured: 1 where a voxel is above -1024 HU, uint8 [j, i].
    """

    present: np.ndarray
    total: np.ndarray
    squares: np.ndarray
    measured: np.ndarray


@njit(cache=True, nogil=True)
def add_columns(array: np.ndarray, first: int, stop: int, border_hu: float, sums: ColumnSums) -> None:
    """Add slices of a volume to what is known of each column of voxels along k.

    Parameters
    ----------
    array
        Volume in HU, int16 or float32 [k, j, i].
    first
        First slice.
    stop
        The slice after the last one.
    border_hu
        Border between air and tissue, HU.
    sums
        Added to.
    """
    present, total, squares, measured = sums
    rows, columns = present.shape
    for k in range(first, stop):
        for row in range(rows):
            for column in range(columns):
                value = np.float32(min(max(array[k, row, column], -1024), 1000))
                present[row, column] += value > border_hu
                total[row, column] += value
                squares[row, column] += value * value
                measured[row, column] |= np.uint8(value > -1024)
