"""What every column of voxels along k has in common: the table is the same in nearly all slices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from TableRemovalLib.column_kernels import ColumnSums, add_columns
from TableRemovalLib.slice_workers import for_slice_ranges


@dataclass(frozen=True)
class Columns:
    """Statistics along k, each [j, i].

    presence: share of slices above the border between air and tissue, 0..1, float32. deviation: standard deviation
    in HU of the values clamped to -1024..1000, float32. measured: uint8, 1 where any slice is above -1024: the
    scanner pads what lies outside its circle of reconstruction. border_hu: the border that presence counts above.
    """

    presence: np.ndarray
    deviation: np.ndarray
    measured: np.ndarray
    border_hu: float

    def static(self, least_presence: float = 0.85, most_deviation_hu: float = 90.0) -> np.ndarray:
        """Find where there is something in nearly all slices that hardly changes.

        Parameters
        ----------
        least_presence
            Least share of slices above the border, 0 to 1.
        most_deviation_hu
            Largest standard deviation along k, HU.

        Returns
        -------
        np.ndarray
            uint8 0/1 [j, i].
        """
        return ((self.presence >= least_presence) & (self.deviation <= most_deviation_hu)).astype(np.uint8)

    def edge_of_view(self) -> np.ndarray:
        """Find the measured pixels with a neighbour that is not, or at the slice's edge.

        Returns
        -------
        np.ndarray
            uint8 0/1 [j, i].
        """
        inside = np.zeros((self.measured.shape[0] + 2, self.measured.shape[1] + 2), dtype=bool)
        inside[1:-1, 1:-1] = self.measured != 0
        surrounded = inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
        return (inside[1:-1, 1:-1] & ~surrounded).astype(np.uint8)


def column_statistics(array: np.ndarray, border_hu: float) -> Columns:
    """Go through a volume once.

    Parameters
    ----------
    array
        Volume in HU, int16 or float32 [k, j, i].
    border_hu
        Border between air and tissue, HU.

    Returns
    -------
    Columns
        Statistics of each column of voxels along k.
    """
    shape = array.shape[1:]

    def work(first: int, stop: int) -> ColumnSums:
        sums = ColumnSums(*(np.zeros(shape, dtype) for dtype in (np.int32, np.float32, np.float32, np.uint8)))
        add_columns(array, first, stop, border_hu, sums)
        return sums

    parts = for_slice_ranges(work, array.shape[0], chunks_per_worker=1)
    present, total, squares, measured = (np.sum(part, axis=0, dtype=np.float64) for part in zip(*parts, strict=True))
    mean = total / array.shape[0]
    deviation = np.sqrt(np.maximum(squares / array.shape[0] - mean**2, 0.0))
    return Columns(
        (present / array.shape[0]).astype(np.float32),
        deviation.astype(np.float32),
        np.asarray(measured > 0, dtype=np.uint8),
        border_hu,
    )
