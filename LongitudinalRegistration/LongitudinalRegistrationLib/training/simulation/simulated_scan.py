"""Simulated follow-ups of a whole scan on the scan's own grid, each with the transform that made it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ...field.transforms import compose
from ...scan.body import find_body
from ...scan.grid import AIR_HU, NETWORK_SPACING_MM, resample
from ...scan.normalise import ceiling_hu
from .motion import Motion, MotionOptions, paper_motion, random_motion
from .samples import PreparedScan, prepare_body
from .simulator import SimulatorOptions


@dataclass(frozen=True)
class SimulatedScan:
    """image: the scan moved, HU, on the scan's grid; labels: its labels moved along, or None; transform: points of
    `image` to points of the scan, LPS mm (register with `image` as fixed, the scan as moving)."""

    image: sitk.Image
    labels: sitk.Image | None
    transform: sitk.Transform


def draw_motion(scan: PreparedScan, options: SimulatorOptions | MotionOptions, rng: np.random.Generator) -> Motion:
    """The paper's field (SimulatorOptions), or a motion of several kinds (MotionOptions).

    Parameters
    ----------
    scan
        The scan.
    options
        SimulatorOptions for the paper's field, MotionOptions for a motion of several kinds.
    rng
        What is drawn from.

    Returns
    -------
    Motion
        Of the whole scan.
    """
    if isinstance(options, SimulatorOptions):
        return paper_motion(scan.body, NETWORK_SPACING_MM, options, rng)
    cavity = scan.cavity if options.breathing_share else None
    return random_motion(scan.body, cavity, NETWORK_SPACING_MM, options, rng)


def with_noise(scan: sitk.Image, sigma_hu: float, rng: np.random.Generator) -> sitk.Image:
    """Add Gaussian noise to a scan.

    Parameters
    ----------
    scan
        HU.
    sigma_hu
        Standard deviation, HU.
    rng
        What is drawn from.

    Returns
    -------
    SimpleITK.Image
        int16, HU, clamped to its range.
    """
    array = sitk.GetArrayFromImage(sitk.Cast(scan, sitk.sitkFloat32))
    array += np.float32(sigma_hu) * rng.standard_normal(array.shape, dtype=np.float32)
    noisy = sitk.GetImageFromArray(np.round(array))
    noisy.CopyInformation(scan)
    return sitk.Cast(sitk.Clamp(noisy, sitk.sitkFloat32, -32768, 32767), sitk.sitkInt16)


def simulate_scans(
    scan: sitk.Image,
    options: SimulatorOptions | MotionOptions,
    generators: Iterable[np.random.Generator],
    labels: sitk.Image | None = None,
    noise: float = SimulatorOptions.noise,
) -> Iterator[SimulatedScan]:
    """Deform a scan as the paper does (section 3.2.2), or with motions of several kinds, once for each generator.

    Parameters
    ----------
    scan
        CT in HU, any grid.
    options
        Of the paper's simulator, or of the motions.
    generators
        What is drawn from, one for each scan.
    labels
        Labels on the scan's grid, moved along, nearest neighbour.
    noise
        Standard deviation of the Gaussian noise, on [0, 1] between air and the body's 99th percentile.

    Yields
    ------
    SimulatedScan
        On the scan's grid.

    Raises
    ------
    InputError
        If the scan is no CT with a body in it.
    """
    body = find_body(scan)
    prepared, grid = prepare_body(body, "scan")
    ceiling = ceiling_hu(sitk.GetArrayViewFromImage(body.clean), sitk.GetArrayViewFromImage(body.mask))
    for rng in generators:
        motion = draw_motion(prepared, options, rng)
        field = motion.on_block(NETWORK_SPACING_MM, np.zeros(3, np.int64), prepared.image.shape)
        transform = compose(sitk.AffineTransform(3), grid.image(field))
        yield SimulatedScan(
            with_noise(resample(scan, scan, transform), noise * (ceiling - AIR_HU), rng),
            resample(labels, scan, transform, labels=True) if labels is not None else None,
            transform,
        )


def simulate_scan(
    scan: sitk.Image,
    options: SimulatorOptions | MotionOptions,
    rng: np.random.Generator,
    labels: sitk.Image | None = None,
    noise: float = SimulatorOptions.noise,
) -> SimulatedScan:
    """Deform a scan once; see simulate_scans.

    Parameters
    ----------
    scan, options, labels, noise
        As in simulate_scans.
    rng
        What is drawn from.

    Returns
    -------
    SimulatedScan
        On the scan's grid.
    """
    return next(simulate_scans(scan, options, [rng], labels, noise))
