"""Motion between two scans beyond the paper's field (its future work, section 5): several kinds, added up.

Mixed scales, a residual shift of the patient, breathing with sliding along the chest wall, a
bladder or bowel that fills or empties. No motion folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter, gaussian_filter1d, label

from .simulator import (
    COARSE_SPACING_MM,
    PAPER_SIGMA_MM,
    SimulatorOptions,
    densify_field,
    gaussian_sum,
    least_jacobian,
    random_coarse_field,
    scatter_points,
    smooth_map,
    voxels_inside,
)

CAVITY_SPACING_MM = 4.0
WALL_MM = 25.0
BONE_LEVEL = 0.95
LUNG = (0.03, 0.45)
LEAST_LUNG_LITRES = 0.1
PLEURA_MM = 80.0
CHEST_SLICE_MM2 = 10000.0
LEAST_SMOOTH_JACOBIAN = 0.05


@dataclass(frozen=True)
class MotionOptions:
    """What moves, and how far at most.

    delta_mm: limits of the largest component of the smooth part, drawn log-uniformly; sigma_mm: limits of its scale;
    paper_share: how often the smooth part is the paper's field instead; shift_mm: residual shift of the patient, each
    component; linear: residual rotation, scale and shear, largest entry of the matrix; breathing_mm: cranio-caudal
    motion inside the chest and belly wall, breathing_share: how often there is any; filling: limits of the radial gain
    of a bladder or bowel loop, filling_share: how often there are any; still_share: how often nothing moves at all.
    """

    delta_mm: tuple[float, float] = (2.0, 24.0)
    sigma_mm: tuple[float, float] = (10.0, 80.0)
    paper_share: float = 0.4
    shift_mm: float = 2.0
    linear: float = 0.0
    breathing_mm: float = 15.0
    breathing_share: float = 0.3
    filling: float = 0.2
    filling_share: float = 0.3
    still_share: float = 0.02

    def isValid(self) -> tuple[bool, str]:
        """Say whether the options make sense, and if not, what to change."""
        for name in ("delta_mm", "sigma_mm"):
            low, high = getattr(self, name)
            if not 0 < low <= high < np.inf:
                return False, f"{name} must be two positive limits, the smaller first, not {low} and {high}."
        if not all(0 <= value < np.inf for value in (self.shift_mm, self.linear, self.breathing_mm, self.filling)):
            return False, "shift_mm, linear, breathing_mm and filling must be numbers that are not negative."
        for name in ("paper_share", "breathing_share", "filling_share", "still_share"):
            if not 0 <= getattr(self, name) <= 1:
                return False, f"{name} is a probability, from 0 to 1."
        return True, ""

    @property
    def largest_mm(self) -> float:
        """The largest displacement component that may occur, about."""
        return self.delta_mm[1] + self.shift_mm


@dataclass(frozen=True)
class Motion:
    """smooth: (k, j, i, 3), mm, on 8 mm voxels; breathing: (k, j, i, 1), mm along z, on 4 mm voxels, or None.

    The first voxels of both sit at the scan's first voxel.
    """

    smooth: np.ndarray
    breathing: np.ndarray | None

    def on_block(self, spacing_mm: float, origin: np.ndarray, shape: Sequence[int]) -> np.ndarray:
        """Interpolate the displacement at a block of the scan's voxels.

        Parameters
        ----------
        spacing_mm
            The scan's voxels.
        origin
            (3,), int64: the block's first voxel [k, j, i].
        shape
            Its voxels [k, j, i].

        Returns
        -------
        numpy.ndarray
            (k, j, i, 3), float32, mm, components (x, y, z).
        """
        field = densify_field(self.smooth, spacing_mm / COARSE_SPACING_MM, origin, shape)
        if self.breathing is not None:
            field[..., 2:] += densify_field(self.breathing, spacing_mm / CAVITY_SPACING_MM, origin, shape)
        return field


def paper_motion(body: np.ndarray, spacing_mm: float, options: SimulatorOptions, rng: np.random.Generator) -> Motion:
    """Draw the paper's motion of a whole scan; see random_coarse_field.

    Parameters
    ----------
    body
        [k, j, i], more than 0 in the body.
    spacing_mm
        Of the body's voxels.
    options
        How strong and how smooth.
    rng
        What is drawn from.

    Returns
    -------
    Motion
        Without what breathing moves.
    """
    return Motion(random_coarse_field(body, spacing_mm, options, rng), None)


def cavity_weight(image: np.ndarray, body: np.ndarray, spacing_mm: float) -> np.ndarray:
    """Weigh how far a voxel moves with breathing, on 4 mm voxels: what lies inside the pleura or, where there is no
    chest, 25 mm under the skin, and is no bone.

    Sharp across the wall and around the spine, along which organs slide; smooth from head to foot, where they are
    compressed.

    Parameters
    ----------
    image, body
        [k, j, i], [0, 1] and 0/1.
    spacing_mm
        Their voxels.

    Returns
    -------
    numpy.ndarray
        [k, j, i], float32, 0 to 1.
    """
    step = max(1, round(CAVITY_SPACING_MM / spacing_mm))
    image, body = image[::step, ::step, ::step], body[::step, ::step, ::step]
    padded = np.pad(body, [(0, 0), (1, 1), (1, 1)])
    depth = np.stack([distance_transform_edt(plane)[1:-1, 1:-1] for plane in padded]) * (step * spacing_mm)
    bone = gaussian_filter((image >= BONE_LEVEL).astype(np.float32), 3.0) > 0.25
    lung = _lung(image, body, step * spacing_mm)
    pleura = np.stack([_closed(plane, PLEURA_MM / (step * spacing_mm)) for plane in lung])
    chest = lung.sum(axis=(1, 2), keepdims=True) * (step * spacing_mm) ** 2 > CHEST_SLICE_MM2
    inside = np.where(chest, pleura, pleura | (depth > WALL_MM)) & ~bone
    return gaussian_filter1d(inside.astype(np.float32), 4.0, axis=0)


def _lung(image: np.ndarray, body: np.ndarray, spacing_mm: float) -> np.ndarray:
    """What is as dense as lung, in pieces as large as lung; [k, j, i], bool."""
    low, high = LUNG
    pieces, _ = label((image > low) & (image < high) & (body > 0))
    large = np.bincount(pieces.ravel()) * spacing_mm**3 > LEAST_LUNG_LITRES * 1e6
    large[0] = False
    return large[pieces]


def _closed(plane: np.ndarray, reach: float) -> np.ndarray:
    """A mask [j, i] with the gaps in it closed that are narrower than twice a reach, voxels."""
    if not plane.any():
        return plane
    margin = int(reach) + 2
    near = distance_transform_edt(~np.pad(plane, margin)) <= reach
    return (distance_transform_edt(near) > reach)[margin:-margin, margin:-margin] | plane


def _smooth_part(body: np.ndarray, spacing_mm: float, options: MotionOptions, rng: np.random.Generator) -> np.ndarray:
    """The paper's field, or Gaussians of another scale in positions of their own; up to delta."""
    delta = np.exp(rng.uniform(*np.log(options.delta_mm)))
    low, high = np.log(options.sigma_mm)
    sigma = PAPER_SIGMA_MM if rng.random() < options.paper_share else np.exp(rng.uniform(low, high))
    draw = SimulatorOptions(sigma_mm=sigma, min_distance_mm=max(20.0, min(1.25 * sigma, 40.0)))
    points = scatter_points(body, spacing_mm, draw, rng)
    field = gaussian_sum(points, rng.uniform(-1.0, 1.0, points.shape), sigma, body.shape, spacing_mm)
    return field * np.float32(delta / max(float(np.abs(field).max()), 1e-6))


def _filling_part(body: np.ndarray, spacing_mm: float, options: MotionOptions, rng: np.random.Generator) -> np.ndarray:
    """One to three organs that grow or shrink: radial motion, gain * (x - centre), fading over 20 to 40 mm."""
    parts = []
    for _ in range(rng.integers(1, 4)):
        centre = voxels_inside(body, 1, rng)[0][::-1] * spacing_mm
        sigma, gain = rng.uniform(20.0, 40.0), rng.uniform(-options.filling, options.filling)
        bump = gaussian_sum(centre[None], np.ones((1, 3)), sigma, body.shape, spacing_mm)
        axes = [np.arange(n, dtype=np.float32) * COARSE_SPACING_MM for n in bump.shape[2::-1]]
        x, y, z = (axis - c for axis, c in zip(axes, centre, strict=True))
        arm = np.stack(np.broadcast_arrays(x[None, None], y[None, :, None], z[:, None, None]), axis=-1)
        parts.append(gain * bump * arm.astype(np.float32))
    return np.sum(parts, axis=0)


def _linear_part(shape: Sequence[int], options: MotionOptions, rng: np.random.Generator) -> np.ndarray:
    """A random matrix times the distance from the middle of the scan, on 8 mm voxels of a shape [k, j, i]."""
    matrix = rng.uniform(-options.linear, options.linear, (3, 3))
    positions = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij")[::-1], axis=-1) * COARSE_SPACING_MM
    return np.einsum("kjic,dc->kjid", positions - positions.reshape(-1, 3).mean(axis=0), matrix).astype(np.float32)


def _breathing_part(cavity: np.ndarray, options: MotionOptions, rng: np.random.Generator) -> np.ndarray:
    """Cranio-caudal motion inside the wall, largest somewhere in the upper half, fading over 60 to 160 mm; front and
    back, left and right differ by up to two fifths."""
    planes = np.arange(len(cavity)) * CAVITY_SPACING_MM
    centre, width = rng.uniform(0.4, 1.0) * planes[-1], rng.uniform(60.0, 160.0)
    profile = np.exp(-0.5 * ((planes - centre) / width) ** 2)
    across = 1.0 + 0.4 * smooth_map(cavity.shape[1:], 3, rng)
    field = cavity * (rng.uniform(-1.0, 1.0) * options.breathing_mm * profile[:, None, None]) * across
    steepest = float(np.abs(np.diff(field, axis=0)).max()) / CAVITY_SPACING_MM
    return (field / max(1.0, steepest / 0.6)).astype(np.float32)[..., None]


def random_motion(
    body: np.ndarray,
    cavity: np.ndarray | None,
    spacing_mm: float,
    options: MotionOptions,
    rng: np.random.Generator,
    block: tuple[np.ndarray, np.ndarray] | None = None,
) -> Motion:
    """Draw a motion of a whole scan.

    Parameters
    ----------
    body
        Mask, [k, j, i], isotropic voxels of `spacing_mm`.
    cavity
        As from cavity_weight; None: no breathing.
    options
        What moves, and how far.
    rng
        Where it is drawn from.
    block
        First voxel and shape, [k, j, i], of what will be cut from the scan; None: all of it.

    Returns
    -------
    Motion
        It does not fold there.
    """
    if rng.random() < options.still_share:
        return Motion(np.zeros((2, 2, 2, 3), np.float32), None)
    field = _smooth_part(body, spacing_mm, options, rng)
    if rng.random() < options.filling_share:
        field = field + _filling_part(body, spacing_mm, options, rng)
    if options.linear:
        field = field + _linear_part(field.shape[:3], options, rng)
    while least_jacobian(field) < LEAST_SMOOTH_JACOBIAN:
        field = field * np.float32(0.9)
    field = field + rng.uniform(-options.shift_mm, options.shift_mm, 3).astype(np.float32)
    motion = Motion(np.ascontiguousarray(field, np.float32), None)
    if cavity is not None and rng.random() < options.breathing_share:
        first, size = block or (np.zeros(3), np.array(body.shape))
        ratio = spacing_mm / CAVITY_SPACING_MM
        motion = _without_folds(motion.smooth, _breathing_part(cavity, options, rng), ratio * first, ratio * size)
    return motion


def _without_folds(smooth: np.ndarray, breathing: np.ndarray, origin: np.ndarray, size: np.ndarray) -> Motion:
    """Take breathing away, a fifth at a time, until the sum does not fold in a block of its 4 mm voxels [k, j, i]."""
    origin, shape = np.floor(origin), np.ceil(size).astype(int).tolist()
    while True:
        motion = Motion(smooth, breathing)
        field = motion.on_block(CAVITY_SPACING_MM, origin, shape)
        if least_jacobian(field, CAVITY_SPACING_MM) > 0.0:
            return motion
        breathing = 0.8 * breathing
