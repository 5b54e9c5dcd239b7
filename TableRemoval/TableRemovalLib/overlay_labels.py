"""The preview's picture of one slice as labels, ready for a colour table."""

from __future__ import annotations

import numpy as np
from numba import njit

NOTHING, KEPT, REMOVED, OUTLINE, SEED_ON_KEPT, SEED = range(6)
REMOVED_ABOVE_HU = -850.0
LINE_PIXELS = 2


@njit(cache=True, nogil=True)
def label_overlay(image: np.ndarray, mask: np.ndarray, removed_above_hu: float, labels: np.ndarray) -> None:
    """Write the labels of one slice: image in HU, mask uint8 0/1 and labels uint8, all [j, i].

    OUTLINE is the outermost layer of the mask (4 neighbours), KEPT the rest of it; REMOVED is what is outside the
    mask and above removed_above_hu.
    """
    rows, columns = mask.shape
    for row in range(rows):
        for column in range(columns):
            if mask[row, column] == 0:
                labels[row, column] = 2 if image[row, column] > removed_above_hu else 0
                continue
            inner = (
                (row == 0 or mask[row - 1, column] != 0)
                and (row + 1 == rows or mask[row + 1, column] != 0)
                and (column == 0 or mask[row, column - 1] != 0)
                and (column + 1 == columns or mask[row, column + 1] != 0)
            )
            labels[row, column] = 1 if inner else 3


def draw_square(labels: np.ndarray, square: tuple[int, int, int, int]) -> None:
    """Draw the outline of (first row, stop row, first column, stop column) into `labels`, two pixels wide."""
    top, stop, left, right = square
    line = np.ones((max(0, stop - top), max(0, right - left)), dtype=bool)
    line[LINE_PIXELS:-LINE_PIXELS, LINE_PIXELS:-LINE_PIXELS] = False
    place = labels[top:stop, left:right]
    place[line] = np.where(is_kept(place[line]), SEED_ON_KEPT, SEED)


def is_kept(labels: np.ndarray) -> np.ndarray:
    """Return the mask (uint8 0/1) that the labels stand for."""
    return np.array((0, 1, 0, 1, 1, 0), dtype=np.uint8)[labels]
