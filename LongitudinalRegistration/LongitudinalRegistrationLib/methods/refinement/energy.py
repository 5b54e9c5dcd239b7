"""What a refinement minimises on one level: the images' difference, the regularisation, and a step that lowers both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

from ...scan.grid import Grid, resample
from ...scan.pyramid import ScanPyramid, index_matrix
from ...system.parallel import over_slices, sum_over_slices
from .kernels import (
    Differences,
    Geometry,
    Gradients,
    Images,
    Sums,
    System,
    apply_slices,
    laplacian_slices,
    redirect_slices,
    start_slices,
    step_slices,
)
from .linearise_kernels import linearise_slices
from .options import RefinementLevel

GAIN = (12.0, 1.0)
WIDTH = (0.02, 1.0)
WHOLE_SHARE = 0.2
"""Weight of the whole field's squared slopes, against 1 for those of the correction."""
USUAL_MISMATCH = {2.0: 0.02}
"""Median robust difference, by voxel size in mm, of scans that differ by a deformation only."""
MOST_STIFFENING, WHOLE_POWER = 2.0, 4.3
"""Where scans differ by more, the correction is held as many times stiffer, at most twice; the whole field by this
power of it. Chosen on phantoms, whose truth is known, against HCC_007's bone overlap, which only asks for softness."""
CHANGED_FROM, CHANGED_MOST, CHANGED_STIFFENING = 2.0, 5.0, 12.0
"""Where the scans differ by so many times the median though little error is expected of the prior, they show change (a
lesion that has grown) rather than a displacement that is left: the correction is held stiffer by so much for each time
more, up to the most."""
KNOWN_MM = 3.0
"""Half of that where so much error is expected."""
SOLVED = 1e-9
LEAST_COUNT = 0.01
LEAST_TYPICAL = 0.03
"""A median difference below this is no measure of change: the scans are of one day, or simulated."""
CORNERS = ((0, 0, 0), (1, 1, 1), (0, 1, 1), (1, 0, 0), (1, 0, 1), (0, 1, 0), (1, 1, 0), (0, 0, 1))


@dataclass(frozen=True)
class Mismatch:
    """How much two scans differ under a field.

    cost: robust sum of squares; count: voxels it is of; unseen: voxels that the moving scan does not show; typical:
    robust difference of a voxel, median over the field's voxels.
    """

    cost: float
    count: int
    unseen: int
    typical: float


def touched(mask: sitk.Image, grid: Grid) -> np.ndarray:
    """Set 1 where a voxel of a grid touches a mask, else 0.

    Parameters
    ----------
    mask
        Not 0 inside; any grid.
    grid
        Whose voxels are asked for.

    Returns
    -------
    numpy.ndarray
        [k, j, i], uint8.
    """
    share = resample(sitk.Cast(mask > 0, sitk.sitkFloat32), grid.reference(), outside=0.0)
    near = resample(sitk.BinaryDilate(sitk.Cast(mask > 0, sitk.sitkUInt8), [1, 1, 1]), grid.reference(), labels=True)
    return ((sitk.GetArrayFromImage(share) > 0) | (sitk.GetArrayFromImage(near) > 0)).astype(np.uint8)


class Comparison:
    """The images of one level, and the normal equations of their difference.

    Parameters
    ----------
    fixed, moving
        Scans ready for registration.
    affine
        Fixed points to moving points, LPS mm.
    level
        Which of their levels, and how.
    left_out
        Mask in the fixed space of what is not compared, or None.
    """

    def __init__(
        self,
        fixed: ScanPyramid,
        moving: ScanPyramid,
        affine: sitk.Transform,
        level: RefinementLevel,
        left_out: sitk.Image | None,
    ) -> None:
        own, other = fixed.levels[level.image_mm], moving.levels[level.image_mm]
        self.grid, self.image_mm = own.grid.coarser(level.ratio), level.image_mm
        active = own.active
        if left_out is not None:
            active = active * (1 - touched(left_out, own.grid))
        self._images = Images(own.channels, active, other.channels, other.seen)
        self._geometry = Geometry(level.ratio, level.image_mm, index_matrix(own.grid, other.grid, affine))
        self._differences = Differences(
            np.array(CORNERS[: level.corners]), np.array(GAIN, np.float32), np.array(WIDTH, np.float32)
        )
        self._sums = Sums(*(np.empty((rows, *self.grid.size[::-1]), np.float32) for rows in (9, 2)))

    @property
    def equations(self) -> np.ndarray:
        """A and b where the images were last compared.

        Returns
        -------
        numpy.ndarray
            [9, k, j, i], float32.
        """
        return self._sums.equations

    def local_difference(self) -> np.ndarray:
        """The robust difference of a voxel where the images were last compared, mean around each voxel.

        Returns
        -------
        numpy.ndarray
            [k, j, i], float32.
        """
        costs, counts = (gaussian_filter(values, 1.0) for values in self._sums.costs)
        return costs / np.maximum(counts, LEAST_COUNT)

    def linearise(self, field: np.ndarray) -> Mismatch:
        """Set the normal equations at a field, and measure the difference under it.

        Parameters
        ----------
        field
            [component, k, j, i], float32, mm.

        Returns
        -------
        Mismatch
            Of the images under the field.
        """
        arguments = self._images, self._geometry, self._differences, field, self._sums
        cost, count, unseen = sum_over_slices(linearise_slices, *arguments, slices=field.shape[1])
        costs, counts = self._sums.costs
        typical = float(np.median(costs[counts > 0] / counts[counts > 0])) if count else 0.0
        return Mismatch(cost, count, unseen, typical)


def change(excess: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """By how much stiffer a correction is held where scans differ for another reason than a displacement.

    Parameters
    ----------
    excess
        [k, j, i]: the scans' local difference, as a multiple of the usual one.
    expected
        [k, j, i], mm: how far off the field is expected to be.

    Returns
    -------
    numpy.ndarray
        [k, j, i], float32, 1 or more.

    Examples
    --------
    >>> change(np.array([1.0, 3.0, 3.0]), np.array([0.1, 0.1, 20.0])).round().tolist()
    [1.0, 13.0, 1.0]
    """
    over = np.clip(excess, CHANGED_FROM, CHANGED_MOST) - CHANGED_FROM
    # Squared twice: NumPy's powers are rounded otherwise on another processor.
    unknown = np.square(np.square(expected / KNOWN_MM))
    return (1 + CHANGED_STIFFENING * over / (1 + unknown)).astype(np.float32)


def solve(system: System, field: np.ndarray, iterations: int) -> np.ndarray:
    """Find the update of a field that lowers image differences and slopes together, by conjugate gradients.

    Parameters
    ----------
    system
        Normal equations at the field, and the regularisation.
    field
        [component, k, j, i], float32, mm.
    iterations
        At most.

    Returns
    -------
    numpy.ndarray
        The update, like the field.
    """
    update, residual, direction, applied, preconditioned = (np.empty_like(field) for _ in range(5))
    preconditioner = np.empty((6, *field.shape[1:]), np.float32)
    gradients = Gradients(update, residual, direction, applied, preconditioned, preconditioner)
    slices = field.shape[1]
    product = sum_over_slices(start_slices, system, field, gradients, slices=slices)
    first = product
    for _ in range(iterations):
        if product <= SOLVED * first:
            break
        curvature = sum_over_slices(apply_slices, system, gradients, slices=slices)
        step = np.float32(product / curvature)
        following = sum_over_slices(step_slices, step, gradients, slices=slices)
        over_slices(redirect_slices, np.float32(following / product), gradients, slices=slices)
        product = following
    return gradients.update


class Regularisation:
    """The squared slopes that a level's energy holds beside the images' difference.

    Of the correction, which is the field less its prior, and of the whole field. Where the scans differ by more than
    their noise (contrast medium, gas, other change), what a difference says of the displacement is worth less, and both
    weigh more, that of the whole field most.

    Parameters
    ----------
    whole, correction
        [k, j, i], float32: weights of the squared slopes of the whole field, and of the correction.
    prior
        [component, k, j, i], float32, mm.
    """

    def __init__(self, whole: np.ndarray, correction: np.ndarray, prior: np.ndarray) -> None:
        self._whole, self._correction, self._prior = whole, correction, prior
        self.hold(np.ones_like(correction))

    def hold(self, factor: np.ndarray) -> None:
        """Hold the correction stiffer, where change is to be left visible.

        Parameters
        ----------
        factor
            [k, j, i], float32, 1 or more: by how much.
        """
        self._correction = self._correction * factor
        self._pull = _laplacian(self._prior, self._correction)
        self.stiffen(1.0)

    def stiffen(self, factor: float) -> None:
        """Set by how much stiffer than for scans that differ by noise alone the field is held, 1 or more."""
        stiffer, stiffest = np.float32(factor), np.float32(factor**WHOLE_POWER)
        self.weights = (stiffer * self._correction + stiffest * self._whole).astype(np.float32)
        self.pull = np.float32(factor) * self._pull

    def energy(self, field: np.ndarray) -> float:
        """The weighted squared slopes at a field, but for a constant.

        Parameters
        ----------
        field
            [component, k, j, i], float32, mm.

        Returns
        -------
        float
            Their sum.
        """
        return float(np.sum(field * (_laplacian(field, self.weights) - 2 * self.pull), dtype=np.float64))


def _laplacian(field: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Apply the regularisation's operator to a field [component, k, j, i]."""
    out = np.empty_like(field)
    over_slices(laplacian_slices, field, weights, out, slices=out.shape[1])
    return out


class Energy:
    """What is minimised on one level: the images' difference, and the regularisation.

    Parameters
    ----------
    comparison
        The images.
    regularisation
        What holds the field.
    expected
        [k, j, i], float32, mm: how far off the field is expected to be that is compared first; None: not known.
    """

    def __init__(
        self, comparison: Comparison, regularisation: Regularisation, expected: np.ndarray | None = None
    ) -> None:
        self._comparison, self._regularisation, self._expected = comparison, regularisation, expected
        self._usual = USUAL_MISMATCH.get(comparison.image_mm)
        self._unseen_cost: float | None = None

    def compare(self, field: np.ndarray) -> Mismatch:
        """Compare the images under a field.

        Parameters
        ----------
        field
            [component, k, j, i], float32, mm.

        Returns
        -------
        Mismatch
            Of the images under the field.
        """
        found = self._comparison.linearise(field)
        if self._unseen_cost is None:
            self._unseen_cost = found.cost / max(found.count, 1)
            if self._expected is not None:
                excess = self._comparison.local_difference() / max(found.typical, LEAST_TYPICAL)
                self._regularisation.hold(change(excess, self._expected))
        return found

    def step(self, field: np.ndarray, found: Mismatch, iterations: int) -> np.ndarray:
        """Take a Gauss-Newton step from the field that the images were last compared under.

        Parameters
        ----------
        field
            That field, [component, k, j, i], float32, mm.
        found
            What comparing under it gave.
        iterations
            Of conjugate gradients, at most.

        Returns
        -------
        numpy.ndarray
            The next field, like the field.
        """
        if self._usual:
            self._regularisation.stiffen(float(np.clip(found.typical / self._usual, 1.0, MOST_STIFFENING)))
        equations = self._comparison.equations
        equations[6:] += self._regularisation.pull
        return field + solve(System(equations, self._regularisation.weights), field, iterations)

    def at(self, field: np.ndarray, found: Mismatch) -> float:
        """The energy of a field; a voxel that the moving scan does not show costs as much as one did at first.

        Parameters
        ----------
        field
            [component, k, j, i], float32, mm.
        found
            What comparing under it gave.

        Returns
        -------
        float
            But for a constant.
        """
        return found.cost + found.unseen * (self._unseen_cost or 0.0) + self._regularisation.energy(field)
