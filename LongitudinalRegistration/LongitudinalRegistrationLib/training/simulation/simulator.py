"""Random smooth deformations for training and evaluation (paper, section 3.2.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...field.jacobian import smallest_jacobian
from ...system.parallel import over_slices
from .kernels import densify_slices, sum_gaussians_slices, warp_slices

COARSE_SPACING_MM = 8.0
FREQUENCY_SIGMA = 0.005
LEAST_JACOBIAN = 0.05
PAPER_SIGMA_MM = 1.0 / (2.0 * np.pi * FREQUENCY_SIGMA)


@dataclass(frozen=True)
class SimulatorOptions:
    """Options of one simulated deformation.

    delta_mm: largest displacement component, mm. points: number of control points P at most. min_distance_mm:
    least distance d_P of two points (the paper gives no unit; mm here). sigma_mm: Gaussian that smooths the
    impulses; the paper's sigma_s = 0.005 is no length, and as a standard deviation in cycles per mm it is
    1 / (2 pi 0.005) = 31.8 mm. noise: standard deviation of the Gaussian noise on [0, 1].
    """

    delta_mm: float = 6.0
    points: int = 100
    min_distance_mm: float = 40.0
    sigma_mm: float = PAPER_SIGMA_MM
    noise: float = 0.001

    def isValid(self) -> tuple[bool, str]:
        """Say whether the options make sense, and if not, what to change."""
        if not 0 <= self.delta_mm < np.inf:
            return False, f"delta_mm must be a number that is not negative, it is {self.delta_mm}."
        if not (self.points >= 1 and 0 < self.sigma_mm < np.inf and 0 <= self.min_distance_mm < np.inf):
            return False, "points and sigma_mm must be positive, min_distance_mm not negative."
        if not 0 <= self.noise < np.inf:
            return False, f"noise must be a number that is not negative, it is {self.noise}."
        return True, ""


def voxels_inside(body: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw voxels of a mask, with replacement, without listing all of them.

    Parameters
    ----------
    body
        Mask, [k, j, i].
    count
        How many.
    rng
        Where they are drawn from.

    Returns
    -------
    numpy.ndarray
        (count, 3), int64, indices (k, j, i).

    Raises
    ------
    ValueError
        If the mask is empty.
    """
    if not body.any():
        raise ValueError("the body mask is empty: there is no place for a deformation")
    found = np.empty((0, 3), np.int64)
    while len(found) < count:
        drawn = rng.integers(0, body.shape, size=(8 * count + 64, 3))
        found = np.vstack([found, drawn[body[tuple(drawn.T)] > 0]])
    return found[:count]


def smooth_map(shape: Sequence[int], knots: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a smooth random map: uniform values at knots, linear between them.

    Parameters
    ----------
    shape
        Of the map, any number of axes.
    knots
        Along each axis.
    rng
        Where it is drawn from.

    Returns
    -------
    numpy.ndarray
        Of the shape, -1 to 1.
    """
    x = rng.uniform(-1.0, 1.0, (knots,) * len(shape)).astype(np.float32)
    for count in shape:
        place = np.clip((np.arange(count) + 0.5) * knots / count - 0.5, 0.0, knots - 1.0)
        shares = np.maximum(1.0 - np.abs(place[:, None] - np.arange(knots)), 0.0).astype(np.float32)
        x = np.einsum("a...,na->...n", x, shares)
    return x


def scatter_points(
    body: np.ndarray, spacing_mm: float, options: SimulatorOptions, rng: np.random.Generator
) -> np.ndarray:
    """Draw points inside the body that keep their distance.

    Parameters
    ----------
    body
        Mask, [k, j, i], isotropic voxels of `spacing_mm`.
    options
        How many points, and how far apart.
    rng
        Where they are drawn from.

    Returns
    -------
    numpy.ndarray
        (n, 3), float64, in mm, components (x, y, z) from the first voxel's centre; n <= options.points, n >= 1.

    Raises
    ------
    ValueError
        If the mask is empty.
    """
    positions = voxels_inside(body, 10 * options.points, rng)[:, ::-1] * spacing_mm
    kept = positions[:1].astype(float)
    for position in positions[1:]:
        if len(kept) == options.points:
            break
        if np.min(np.sum((kept - position) ** 2, axis=1)) >= options.min_distance_mm**2:
            kept = np.vstack([kept, position])
    return kept


def gaussian_sum(
    points: np.ndarray, vectors: np.ndarray, sigma_mm: float, shape: Sequence[int], spacing_mm: float
) -> np.ndarray:
    """Smooth impulses with a Gaussian, on a grid of 8 mm.

    Parameters
    ----------
    points, vectors
        (n, 3), mm, components (x, y, z); points from the first voxel's centre.
    sigma_mm
        Standard deviation of the Gaussian.
    shape, spacing_mm
        Voxels [k, j, i], and their size, of a grid that is to be covered.

    Returns
    -------
    numpy.ndarray
        float32, (k, j, i, 3), in the vectors' unit; voxel (0, 0, 0) sits at the grid's first voxel.
    """
    axes = [
        np.arange(int(np.ceil((n - 1) * spacing_mm / COARSE_SPACING_MM)) + 2) * COARSE_SPACING_MM for n in shape[::-1]
    ]
    gaussians = [np.exp(-0.5 * ((axis[None] - points[:, d, None]) / sigma_mm) ** 2) for d, axis in enumerate(axes)]
    out = np.zeros((*(len(axis) for axis in reversed(axes)), 3), np.float32)
    over_slices(sum_gaussians_slices, *gaussians, np.asarray(vectors, np.float64), out, slices=len(out))
    return out


def least_jacobian(field: np.ndarray, spacing_mm: float = COARSE_SPACING_MM) -> float:
    """Find the smallest one-sided Jacobian determinant of x + u(x); 0 or less folds. See field.jacobian.

    Parameters
    ----------
    field
        u: (k, j, i, 3), mm, components (x, y, z).
    spacing_mm
        Its voxels.

    Returns
    -------
    float
        1 where nothing moves.
    """
    return float(smallest_jacobian(np.moveaxis(field, -1, 0), spacing_mm).min())


def random_coarse_field(
    body: np.ndarray, spacing_mm: float, options: SimulatorOptions, rng: np.random.Generator
) -> np.ndarray:
    """Draw the paper's random field on a grid of 8 mm: impulses, Gaussian, largest component delta.

    A field that folds is drawn again; after ten such draws its Gaussian is made a tenth wider, and so on.

    Parameters
    ----------
    body
        Mask, [k, j, i], isotropic voxels of `spacing_mm`.
    options
        Of the field.
    rng
        Where it is drawn from.

    Returns
    -------
    numpy.ndarray
        float32, (k, j, i, 3), mm, components (x, y, z); voxel (0, 0, 0) sits at the body's first voxel.
    """
    sigma, tries = options.sigma_mm, 0
    while True:
        points = scatter_points(body, spacing_mm, options, rng)
        vectors = rng.uniform(-1.0, 1.0, size=points.shape)
        field = gaussian_sum(points, vectors, sigma, body.shape, spacing_mm)
        largest = np.abs(field).max()
        field *= np.float32(options.delta_mm / largest if largest > 0 else 0.0)
        if least_jacobian(field) > LEAST_JACOBIAN:
            return field
        tries += 1
        if tries % 10 == 0:
            sigma *= 1.1


def densify_field(coarse: np.ndarray, ratio: float, origin: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Interpolate a coarse field at the voxels of a block of a fine grid, trilinear.

    Parameters
    ----------
    coarse
        (k, j, i, components), float32; the first voxels of both grids coincide.
    ratio
        Fine spacing over coarse spacing.
    origin
        (3,): the block's first voxel [k, j, i] on the fine grid; it may lie between two.
    shape
        The block's voxels [k, j, i].

    Returns
    -------
    numpy.ndarray
        (k, j, i, components), float32, in the field's unit.

    Examples
    --------
    >>> coarse = np.float32([0.0, 8.0]).reshape(1, 1, 2, 1)
    >>> densify_field(coarse, 0.25, np.zeros(3, np.int64), (1, 1, 5)).ravel().tolist()
    [0.0, 2.0, 4.0, 6.0, 8.0]
    """
    out = np.empty((*(int(n) for n in shape), coarse.shape[3]), np.float32)
    over_slices(
        densify_slices, np.ascontiguousarray(coarse), ratio, np.asarray(origin, np.float64), out, slices=out.shape[0]
    )
    return out


def warp_block(volume: np.ndarray, field_voxels: np.ndarray, origin: np.ndarray, step: int = 1) -> np.ndarray:
    """Sample a volume at x + field(x) for the voxels x of a block, trilinear, the nearest edge voxel outside.

    Parameters
    ----------
    volume
        [k, j, i], float32.
    field_voxels
        (k, j, i, 3), float32, components (i, j, k), in voxels of the volume.
    origin
        (3,), int64: the block's first voxel [k, j, i] in the volume.
    step
        The block's voxels lie so many of the volume's apart.

    Returns
    -------
    numpy.ndarray
        [k, j, i], float32, of the block's shape.
    """
    out = np.empty(field_voxels.shape[:3], np.float32)
    arguments = np.ascontiguousarray(volume), np.ascontiguousarray(field_voxels), np.asarray(origin), step
    over_slices(warp_slices, *arguments, out, slices=len(out))
    return out


def simulate_follow_up(
    image: np.ndarray,
    body: np.ndarray,
    spacing_mm: float,
    options: SimulatorOptions,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Deform a scan: the fixed image of a pair whose moving image is the scan itself.

    Parameters
    ----------
    image
        [k, j, i], float32, [0, 1], isotropic voxels of `spacing_mm`.
    body
        Mask on the same grid.
    options
        Of the deformation.
    rng
        Where it is drawn from.

    Returns
    -------
    fixed, field_mm
        fixed(x) = image(x + field(x)) plus noise, [k, j, i]; the field (k, j, i, 3), mm, components (x, y, z).
    """
    coarse = random_coarse_field(body, spacing_mm, options, rng)
    origin = np.zeros(3, np.int64)
    field = densify_field(coarse, spacing_mm / COARSE_SPACING_MM, origin, image.shape)
    fixed = warp_block(image, field / np.float32(spacing_mm), origin)
    fixed += options.noise * rng.standard_normal(fixed.shape, dtype=np.float32)
    return np.clip(fixed, 0.0, 1.0), field
