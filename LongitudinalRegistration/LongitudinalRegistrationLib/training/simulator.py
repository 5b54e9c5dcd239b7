"""Random smooth deformations for training and evaluation (paper, section 3.2.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

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
        """Whether the options make sense, and if not, what to change."""
        if not 0 <= self.delta_mm < np.inf:
            return False, f"delta_mm must be a number that is not negative, it is {self.delta_mm}."
        if not (self.points >= 1 and 0 < self.sigma_mm < np.inf and 0 <= self.min_distance_mm < np.inf):
            return False, "points and sigma_mm must be positive, min_distance_mm not negative."
        if not 0 <= self.noise < np.inf:
            return False, f"noise must be a number that is not negative, it is {self.noise}."
        return True, ""


def voxels_inside(body: np.ndarray, count: int, rng) -> np.ndarray:
    """Draw voxels of a mask, with replacement, without listing all of them.

    Returns
    -------
    numpy.ndarray
        (count, 3), indices (k, j, i).

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


def scatter_points(body: np.ndarray, spacing_mm: float, options: SimulatorOptions, rng) -> np.ndarray:
    """Draw points inside the body that keep their distance.

    Parameters
    ----------
    body
        Mask, [k, j, i], isotropic voxels of `spacing_mm`.

    Returns
    -------
    numpy.ndarray
        (n, 3) in mm, components (x, y, z) from the first voxel's centre; n <= options.points, n >= 1.

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


def gaussian_sum(points: np.ndarray, vectors: np.ndarray, sigma_mm: float, shape, spacing_mm: float) -> np.ndarray:
    """Impulses smoothed with a Gaussian, on a grid of 8 mm that covers a grid of `shape` [k, j, i] and `spacing_mm`.

    Parameters
    ----------
    points, vectors
        (n, 3), mm, components (x, y, z); points from the first voxel's centre.

    Returns
    -------
    numpy.ndarray
        float32, (k, j, i, 3), in the vectors' unit; voxel (0, 0, 0) sits at the grid's first voxel.
    """
    axes = [
        np.arange(int(np.ceil((n - 1) * spacing_mm / COARSE_SPACING_MM)) + 2) * COARSE_SPACING_MM for n in shape[::-1]
    ]
    gaussians = [np.exp(-0.5 * ((axis[None] - points[:, d, None]) / sigma_mm) ** 2) for d, axis in enumerate(axes)]
    along_ji = np.einsum("pj,pi,pc->pjic", gaussians[1], gaussians[0], vectors, optimize=True)
    return np.tensordot(gaussians[2], along_ji, axes=(0, 0)).astype(np.float32)


@numba.njit(inline="always")
def _determinant(u, k, j, i, dk, dj, di, per_mm):
    """Of the Jacobian of x + u(x) at a voxel, from the differences to its neighbours dk, dj and di away (-1 or 1)."""
    sx, sy, sz = di * per_mm, dj * per_mm, dk * per_mm
    xx = 1.0 + sx * (u[k, j, i + di, 0] - u[k, j, i, 0])
    xy = sx * (u[k, j, i + di, 1] - u[k, j, i, 1])
    xz = sx * (u[k, j, i + di, 2] - u[k, j, i, 2])
    yx = sy * (u[k, j + dj, i, 0] - u[k, j, i, 0])
    yy = 1.0 + sy * (u[k, j + dj, i, 1] - u[k, j, i, 1])
    yz = sy * (u[k, j + dj, i, 2] - u[k, j, i, 2])
    zx = sz * (u[k + dk, j, i, 0] - u[k, j, i, 0])
    zy = sz * (u[k + dk, j, i, 1] - u[k, j, i, 1])
    zz = 1.0 + sz * (u[k + dk, j, i, 2] - u[k, j, i, 2])
    return xx * (yy * zz - yz * zy) - xy * (yx * zz - yz * zx) + xz * (yx * zy - yy * zx)


@numba.njit(cache=True, parallel=True)
def _least_determinants(field, spacing_mm, out):
    """Per slice, the smallest determinant over all voxels and all combinations of one-sided differences."""
    nk, nj, ni, _ = field.shape
    for k in numba.prange(nk):
        least = np.inf
        for j in range(nj):
            for i in range(ni):
                for dk in (-1, 1):
                    for dj in (-1, 1):
                        for di in (-1, 1):
                            if 0 <= k + dk < nk and 0 <= j + dj < nj and 0 <= i + di < ni:
                                value = _determinant(field, k, j, i, dk, dj, di, 1.0 / spacing_mm)
                                least = min(least, value)
        out[k] = least


def least_jacobian(field: np.ndarray, spacing_mm: float = COARSE_SPACING_MM) -> float:
    """Smallest determinant of the Jacobian of x + u(x); 0 or less folds.

    All eight combinations of one-sided differences are looked at, which for a field that is interpolated linearly
    between its voxels are its Jacobians at the corners of every cell. field: (k, j, i, 3), mm.
    """
    least = np.empty(len(field))
    _least_determinants(np.ascontiguousarray(field), spacing_mm, least)
    return float(least.min())


def random_coarse_field(body: np.ndarray, spacing_mm: float, options: SimulatorOptions, rng) -> np.ndarray:
    """The paper's random field on a grid of 8 mm: impulses, Gaussian, largest component delta.

    A field that folds is drawn again; after ten such draws its Gaussian is made a tenth wider, and so on.

    Parameters
    ----------
    body
        Mask, [k, j, i], isotropic voxels of `spacing_mm`.

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


@numba.njit(inline="always")
def _sample(volume, z, y, x):
    nz, ny, nx = volume.shape
    z = min(max(z, 0.0), nz - 1.0)
    y = min(max(y, 0.0), ny - 1.0)
    x = min(max(x, 0.0), nx - 1.0)
    k, j, i = min(int(z), nz - 2), min(int(y), ny - 2), min(int(x), nx - 2)
    c, b, a = z - k, y - j, x - i
    near = (volume[k, j, i] * (1 - a) + volume[k, j, i + 1] * a) * (1 - b) + (
        volume[k, j + 1, i] * (1 - a) + volume[k, j + 1, i + 1] * a
    ) * b
    far = (volume[k + 1, j, i] * (1 - a) + volume[k + 1, j, i + 1] * a) * (1 - b) + (
        volume[k + 1, j + 1, i] * (1 - a) + volume[k + 1, j + 1, i + 1] * a
    ) * b
    return near * (1 - c) + far * c


@numba.njit(cache=True, parallel=True, fastmath=True)
def densify_field(coarse, ratio, origin, shape):
    """Interpolate a coarse field (k, j, i, components) at the voxels of a block of the fine grid, trilinear.

    ratio: fine spacing over coarse spacing; origin: first voxel [k, j, i] of the block on the fine grid.
    """
    nz, ny, nx, components = coarse.shape
    out = np.empty((shape[0], shape[1], shape[2], components), np.float32)
    for k in numba.prange(shape[0]):
        z = min(max((k + origin[0]) * ratio, 0.0), nz - 1.0)
        low_z = min(int(z), nz - 2)
        c = np.float32(z - low_z)
        row = np.empty((nx, components), np.float32)
        for j in range(shape[1]):
            y = min(max((j + origin[1]) * ratio, 0.0), ny - 1.0)
            low_y = min(int(y), ny - 2)
            b = np.float32(y - low_y)
            one = np.float32(1.0)
            for i in range(nx):
                for n in range(components):
                    near = coarse[low_z, low_y, i, n] * (one - b) + coarse[low_z, low_y + 1, i, n] * b
                    far = coarse[low_z + 1, low_y, i, n] * (one - b) + coarse[low_z + 1, low_y + 1, i, n] * b
                    row[i, n] = near * (one - c) + far * c
            for i in range(shape[2]):
                x = min(max((i + origin[2]) * ratio, 0.0), nx - 1.0)
                low_x = min(int(x), nx - 2)
                a = np.float32(x - low_x)
                for n in range(components):
                    out[k, j, i, n] = row[low_x, n] * (one - a) + row[low_x + 1, n] * a
    return out


@numba.njit(cache=True, parallel=True, fastmath=True)
def warp_block(volume, field_voxels, origin):
    """Sample volume [k, j, i] at x + field(x) for the voxels x of a block.

    field_voxels: (k, j, i, 3), components (i, j, k) in voxels; origin: the block's first voxel [k, j, i].
    """
    nk, nj, ni, _ = field_voxels.shape
    out = np.empty((nk, nj, ni), np.float32)
    for k in numba.prange(nk):
        for j in range(nj):
            for i in range(ni):
                out[k, j, i] = _sample(
                    volume,
                    k + origin[0] + field_voxels[k, j, i, 2],
                    j + origin[1] + field_voxels[k, j, i, 1],
                    i + origin[2] + field_voxels[k, j, i, 0],
                )
    return out


def simulate_follow_up(
    image: np.ndarray, body: np.ndarray, spacing_mm: float, options: SimulatorOptions, rng
) -> tuple[np.ndarray, np.ndarray]:
    """Deform a scan: the fixed image of a pair whose moving image is the scan itself.

    Parameters
    ----------
    image
        [k, j, i], float32, [0, 1], isotropic voxels of `spacing_mm`.
    body
        Mask on the same grid.

    Returns
    -------
    fixed, field_mm
        fixed(x) = image(x + field(x)) plus noise, [k, j, i]; the field (k, j, i, 3), mm, components (x, y, z).
    """
    coarse = random_coarse_field(body, spacing_mm, options, rng)
    origin = np.zeros(3, np.int64)
    field = densify_field(coarse, spacing_mm / COARSE_SPACING_MM, origin, np.array(image.shape))
    fixed = warp_block(image, field / np.float32(spacing_mm), origin)
    fixed += options.noise * rng.standard_normal(fixed.shape, dtype=np.float32)
    return np.clip(fixed, 0.0, 1.0), field
