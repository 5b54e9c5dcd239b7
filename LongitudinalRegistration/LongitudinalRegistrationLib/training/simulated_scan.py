"""A simulated follow-up of a whole scan on the scan's own grid, with the transform that made it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..bodies import find_body
from ..grid import AIR_HU, NETWORK_SPACING_MM, covering_grid, resample
from ..normalise import ceiling_hu, normalised_on_grid
from ..transforms import compose
from .motion import Motion, MotionOptions, cavity_weight, random_motion
from .simulator import SimulatorOptions, random_coarse_field

MARGIN_MM = 40.0


@dataclass(frozen=True)
class SimulatedScan:
    """image: the scan moved, HU, on the scan's grid; labels: its labels moved along, or None; transform: points of
    `image` to points of the scan, LPS mm (register with `image` as fixed, the scan as moving)."""

    image: sitk.Image
    labels: sitk.Image | None
    transform: sitk.Transform


def draw_motion(
    image: np.ndarray, body: np.ndarray, options: SimulatorOptions | MotionOptions, rng: np.random.Generator
) -> Motion:
    """The paper's field (SimulatorOptions), or a motion of several kinds (MotionOptions), of a scan on 2 mm voxels."""
    if isinstance(options, SimulatorOptions):
        return Motion(random_coarse_field(body, NETWORK_SPACING_MM, options, rng), None)
    cavity = cavity_weight(image, body, NETWORK_SPACING_MM) if options.breathing_share else None
    return random_motion(body, cavity, NETWORK_SPACING_MM, options, rng)


def simulate_scan(
    scan: sitk.Image,
    options: SimulatorOptions | MotionOptions,
    rng: np.random.Generator,
    labels: sitk.Image | None = None,
    noise: float = SimulatorOptions.noise,
) -> SimulatedScan:
    """Deform a scan as the paper does (section 3.2.2), or with motions of several kinds.

    Parameters
    ----------
    scan
        CT in HU, any grid.
    labels
        Labels on the scan's grid, moved along, nearest neighbour.
    noise
        Standard deviation of the Gaussian noise, on [0, 1] between air and the body's 99th percentile.

    Raises
    ------
    InputError
        If the scan is no CT with a body in it.
    """
    body = find_body(scan)
    grid = covering_grid(body.mask, NETWORK_SPACING_MM, MARGIN_MM)
    values, mask = normalised_on_grid(body.clean, body.mask, grid)
    motion = draw_motion(values, mask, options, rng)
    field = motion.on_block(NETWORK_SPACING_MM, np.zeros(3, np.int64), values.shape)
    transform = compose(sitk.AffineTransform(3), grid.image(field))
    moved = sitk.Cast(resample(scan, scan, transform), sitk.sitkFloat32)
    array = sitk.GetArrayFromImage(moved)
    ceiling = ceiling_hu(sitk.GetArrayViewFromImage(body.clean), sitk.GetArrayViewFromImage(body.mask))
    sigma = noise * (ceiling - AIR_HU)
    array += np.float32(sigma) * rng.standard_normal(array.shape, dtype=np.float32)
    noisy = sitk.GetImageFromArray(np.round(array))
    noisy.CopyInformation(scan)
    return SimulatedScan(
        sitk.Cast(sitk.Clamp(noisy, sitk.sitkFloat32, -32768, 32767), sitk.sitkInt16),
        resample(labels, scan, transform, labels=True) if labels is not None else None,
        transform,
    )
