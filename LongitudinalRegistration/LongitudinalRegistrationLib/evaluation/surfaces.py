"""Volume, middle and surface of one label, and how far two surfaces are apart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from ..system.parallel import thread_count

PERCENTILE = 95.0


@dataclass(frozen=True)
class Shape:
    """One label on a grid: mask [k, j, i] (bool) of a box around it, start of the box, spacing in mm (k, j, i)."""

    mask: np.ndarray
    start: np.ndarray
    spacing: np.ndarray

    @cached_property
    def voxels(self) -> int:
        """How many voxels it has."""
        return int(np.count_nonzero(self.mask))

    @cached_property
    def centre(self) -> np.ndarray:
        """Its centroid along the grid's axes, mm (k, j, i)."""
        profiles = [self.mask.sum(axis=tuple(a for a in range(3) if a != axis)) for axis in range(3)]
        return np.array([profile @ np.arange(profile.size) for profile in profiles]) / self.voxels * self.spacing + (
            self.start * self.spacing
        )

    @cached_property
    def surface(self) -> np.ndarray:
        """Middles of the voxels that have a neighbour (of six) outside the label, mm, (n, 3)."""
        padded = np.pad(self.mask, 1)
        inner = self.mask.copy()
        for axis in range(3):
            for end in (slice(None, -2), slice(2, None)):
                side = [slice(1, -1)] * 3
                side[axis] = end
                inner &= padded[tuple(side)]
        return (np.argwhere(self.mask & ~inner) + self.start) * self.spacing

    @cached_property
    def tree(self) -> cKDTree:
        """Its surface, ready to be searched."""
        return cKDTree(self.surface)


def dice(first: Shape, second: Shape) -> float:
    """Dice similarity coefficient 2 |A and B| / (|A| + |B|) of two labels on one grid; NaN where both are empty."""
    low = np.maximum(first.start, second.start)
    high = np.minimum(first.start + first.mask.shape, second.start + second.mask.shape)
    both = 0
    if np.all(high > low):
        one, other = (
            shape.mask[tuple(slice(a, b) for a, b in zip(low - shape.start, high - shape.start, strict=True))]
            for shape in (first, second)
        )
        both = int(np.count_nonzero(one & other))
    total = first.voxels + second.voxels
    return 2.0 * both / total if total else float("nan")


def centroid_distance_mm(first: Shape, second: Shape) -> float:
    """Distance of two centroids, mm; NaN where either is empty."""
    if not (first.voxels and second.voxels):
        return float("nan")
    return float(np.linalg.norm(first.centre - second.centre))


def hausdorff95_mm(first: Shape, second: Shape) -> float:
    """The larger of both directions' 95th percentiles of distances from surface to surface, mm; NaN where one is empty.

    A label that is cut by the end of the scan has its surface there.
    """
    if not (first.voxels and second.voxels):
        return float("nan")
    workers = thread_count()
    ways = ((first.tree, second.surface), (second.tree, first.surface))
    return float(max(np.percentile(tree.query(points, workers=workers)[0], PERCENTILE) for tree, points in ways))
