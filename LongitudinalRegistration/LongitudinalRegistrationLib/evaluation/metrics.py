"""Measures of how alike two images, labels or fields are (paper, section 3.4): pure functions of arrays.

Images and labels are [k, j, i]. What is measured of a registration is in `scores`; the measures of one field alone
are in field.jacobian.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from scipy.ndimage import uniform_filter
from scipy.spatial import cKDTree

from ..scan.label_numbers import label_values, numbered
from ..system.parallel import thread_count, together

SSIM_WINDOW = 7
NCC_WINDOW = 9
FLAT_VARIANCE = 1e-6
SURFACE_PERCENTILE = 95.0


@dataclass(frozen=True)
class Moments:
    """An image and its local moments.

    Attributes
    ----------
    image, mean, variance
        [k, j, i], or of single voxels (n,), float32.
    """

    image: np.ndarray
    mean: np.ndarray
    variance: np.ndarray

    def at(self, mask: np.ndarray | slice) -> Moments:
        """The same at the voxels of a mask, as flat arrays, or in some slices.

        Parameters
        ----------
        mask
            [k, j, i], bool; or a slice of k.

        Returns
        -------
        Moments
            (n,) each, float32, in the order of the array; or [k, j, i].
        """
        return Moments(self.image[mask], self.mean[mask], self.variance[mask])


def _filtered(images: Sequence[np.ndarray], window: int) -> list[np.ndarray]:
    """Means over cubes of `window` voxels, the images at once."""
    return together([partial(uniform_filter, image, window) for image in images])


def moments(image: np.ndarray, window: int) -> Moments:
    """Compute local mean and variance of an image.

    Parameters
    ----------
    image
        [k, j, i], [0, 1].
    window
        Side of the cubes that are averaged over, voxels.

    Returns
    -------
    Moments
        [k, j, i] each, float32; the variance is 0 or more.
    """
    image = np.asarray(image, np.float32)
    mean, variance = _filtered([image, image * image], window)
    variance -= mean * mean
    return Moments(image, mean, np.maximum(variance, 0, out=variance))


def covariance(first: Moments, second: Moments, window: int) -> np.ndarray:
    """Local covariance of two images.

    Parameters
    ----------
    first, second
        As from moments, of one shape and window.
    window
        As in moments.

    Returns
    -------
    numpy.ndarray
        [k, j, i], float32.
    """
    return uniform_filter(first.image * second.image, window) - first.mean * second.mean


def ssim_map(first: Moments, second: Moments, common: np.ndarray) -> np.ndarray:
    """Compute local SSIM (paper, eq. 8).

    Parameters
    ----------
    first, second
        As from moments.
    common
        As from covariance, [k, j, i], float32.

    Returns
    -------
    numpy.ndarray
        [k, j, i], float32, [-1, 1].
    """
    c1, c2 = np.float32(0.01**2), np.float32(0.03**2)
    luminance = (2 * first.mean * second.mean + c1) / (first.mean**2 + second.mean**2 + c1)
    return luminance * ((2 * common + c2) / (first.variance + second.variance + c2))


def ncc_map(first: Moments, second: Moments, common: np.ndarray) -> np.ndarray:
    """Compute the local correlation coefficient.

    Parameters
    ----------
    first, second
        As from moments.
    common
        As from covariance, [k, j, i], float32.

    Returns
    -------
    numpy.ndarray
        [k, j, i], float32, [-1, 1]; NaN where a window is flat.
    """
    textured = (first.variance > FLAT_VARIANCE) & (second.variance > FLAT_VARIANCE)
    spread = np.sqrt(np.where(textured, first.variance * second.variance, np.float32(1)))
    return np.where(textured, np.clip(common / spread, -1, 1), np.float32(np.nan))


def _mean(values: np.ndarray, mask: np.ndarray | None) -> float:
    chosen = values if mask is None else values[mask > 0]
    return float(chosen.mean()) if chosen.size else float("nan")


def ssim(fixed: np.ndarray, warped: np.ndarray, mask: np.ndarray | None = None, window: int = SSIM_WINDOW) -> float:
    """Structural similarity, luminance times contrast times structure (paper, eq. 8), mean over local windows.

    Parameters
    ----------
    fixed, warped
        [k, j, i], [0, 1].
    mask
        Where to average; None: everywhere. (Air that surrounds both bodies is alike and raises the mean.)
    window
        Side of the cube in voxels.

    Returns
    -------
    float
        In [-1, 1]; 1 for equal images. Constants c1 = 0.01^2, c2 = 0.03^2 for the range 1.
    """
    first, second = moments(fixed, window), moments(warped, window)
    return _mean(ssim_map(first, second, covariance(first, second, window)), mask)


def local_ncc(fixed: np.ndarray, warped: np.ndarray, mask: np.ndarray | None = None, window: int = NCC_WINDOW) -> float:
    """Mean local correlation coefficient over cubes of `window` voxels, in [-1, 1]; flat windows are left out.

    Parameters
    ----------
    fixed, warped
        [k, j, i], [0, 1].
    mask
        Where to average; None: everywhere.
    window
        Side of the cubes, voxels.

    Returns
    -------
    float
        NaN where no window counts.
    """
    first, second = moments(fixed, window), moments(warped, window)
    values = ncc_map(first, second, covariance(first, second, window))
    textured = np.isfinite(values)
    return _mean(values, textured if mask is None else textured & (mask > 0))


def global_ncc(fixed: np.ndarray, warped: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Compute the correlation coefficient of two images.

    Parameters
    ----------
    fixed, warped
        [k, j, i], of one unit or of two.
    mask
        [k, j, i], where to compare; None: everywhere.

    Returns
    -------
    float
        [-1, 1]; NaN if one is constant.

    Examples
    --------
    >>> image = np.arange(8.0).reshape(2, 2, 2)
    >>> round(global_ncc(image, 3 - 2 * image), 6)
    -1.0
    """
    a = (fixed if mask is None else fixed[mask > 0]).ravel()
    b = (warped if mask is None else warped[mask > 0]).ravel()
    if a.size < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    mean_a, mean_b = a.mean(dtype=np.float64), b.mean(dtype=np.float64)
    pairs = (a, b, mean_a * mean_b), (a, a, mean_a * mean_a), (b, b, mean_b * mean_b)
    ab, aa, bb = (np.einsum("n,n->", x, y, dtype=np.float64, casting="unsafe") - a.size * m for x, y, m in pairs)
    return float(ab / np.sqrt(aa * bb))


def bone_overlap(fixed_hu: np.ndarray, warped_hu: np.ndarray, threshold_hu: float = 180.0) -> float:
    """Compute the Dice overlap of dense bone, for pairs without labels.

    Parameters
    ----------
    fixed_hu, warped_hu
        [k, j, i], HU.
    threshold_hu
        What is above counts as bone.

    Returns
    -------
    float
        0 to 1; NaN where neither has any.
    """
    fixed, warped = (image > threshold_hu for image in (fixed_hu, warped_hu))
    total = np.count_nonzero(fixed) + np.count_nonzero(warped)
    return 2.0 * np.count_nonzero(fixed & warped) / total if total else float("nan")


def mean_end_point_error(true_field: np.ndarray, field: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Average the length of the difference of two fields.

    Parameters
    ----------
    true_field, field
        [k, j, i, 3], of one unit.
    mask
        [k, j, i], where to average; None: everywhere.

    Returns
    -------
    float
        In the fields' unit.

    Examples
    --------
    >>> still, moved = np.zeros((2, 2, 2, 3)), np.full((2, 2, 2, 3), (3.0, 4.0, 0.0))
    >>> float(mean_end_point_error(still, moved))
    5.0
    """
    return _mean(np.linalg.norm(true_field - field, axis=-1), mask)


def dice_per_label(first: np.ndarray, second: np.ndarray, labels: Iterable[int] | None = None) -> dict[int, float]:
    """Dice similarity coefficient 2 |A and B| / (|A| + |B|) of every label (paper, eq. 6).

    Parameters
    ----------
    first, second
        Label arrays of one shape, [k, j, i], non-negative integers; 0 is background.
    labels
        Which labels; None takes those of either array.

    Returns
    -------
    dict
        Label to DSC in [0, 1]; 0 where a label is in one array only, NaN where it is in neither.

    Raises
    ------
    ValueError
        If the shapes differ or a label is negative.
    """
    if first.shape != second.shape:
        raise ValueError(f"label arrays differ in shape: {first.shape} and {second.shape}")
    if min(first.min(), second.min()) < 0:
        raise ValueError("labels must not be negative")
    present = sorted({*label_values(first), *label_values(second)})
    size = len(present) + 1
    one, other = numbered(first, present).ravel(), numbered(second, present).ravel()
    in_first, in_second = np.bincount(one, minlength=size), np.bincount(other, minlength=size)
    in_both = np.bincount(one[one == other], minlength=size)
    totals, common = (dict(zip(present, counts[1:], strict=True)) for counts in (in_first + in_second, in_both))
    return {
        int(label): 2.0 * float(common[label]) / float(totals[label]) if label in totals else float("nan")
        for label in (present if labels is None else labels)
    }


@dataclass(frozen=True)
class Shape:
    """One label on a grid.

    Attributes
    ----------
    mask
        Of a box around it, [k, j, i], bool.
    start
        First voxel of the box on the grid, (k, j, i).
    spacing
        Of the voxels, mm, (k, j, i).
    """

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
    """Compute the Dice similarity coefficient 2 |A and B| / (|A| + |B|) of two labels.

    Parameters
    ----------
    first, second
        Of one grid.

    Returns
    -------
    float
        [0, 1]; NaN where both are empty.
    """
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
    """Measure the distance of two centroids.

    Parameters
    ----------
    first, second
        Of one grid.

    Returns
    -------
    float
        mm; NaN where either is empty.
    """
    if not (first.voxels and second.voxels):
        return float("nan")
    return float(np.linalg.norm(first.centre - second.centre))


def hausdorff95_mm(first: Shape, second: Shape) -> float:
    """Measure the larger of both directions' 95th percentiles of distances from surface to surface.

    Parameters
    ----------
    first, second
        Of one grid.

    Returns
    -------
    float
        mm; NaN where either is empty.
    """
    if not (first.voxels and second.voxels):
        return float("nan")
    workers = thread_count()
    ways = ((first.tree, second.surface), (second.tree, first.surface))
    return float(
        max(np.percentile(tree.query(points, workers=workers)[0], SURFACE_PERCENTILE) for tree, points in ways)
    )
