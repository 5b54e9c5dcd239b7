"""Scans prepared for training, and random pairs with a known displacement field cut from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..bodies import find_body
from ..grid import NETWORK_SPACING_MM, covering_grid
from ..normalise import normalised_on_grid
from ..reading import read_image
from .simulator import (
    COARSE_SPACING_MM,
    SimulatorOptions,
    densify_field,
    random_coarse_field,
    voxels_inside,
    warp_block,
)


@dataclass(frozen=True)
class PreparedScan:
    """A scan without its table on isotropic 2 mm voxels: image [k, j, i] in [0, 1], float32; body mask."""

    name: str
    image: np.ndarray
    body: np.ndarray


@dataclass(frozen=True)
class Pair:
    """One training sample: fixed, moving (k, j, i) in [0, 1]; flow (k, j, i, 3) in voxels; body (k, j, i)."""

    fixed: np.ndarray
    moving: np.ndarray
    flow: np.ndarray
    body: np.ndarray


def prepare_scan(path: Path, margin_mm: float = 40.0) -> PreparedScan:
    """Read a scan, remove its table, resample it to 2 mm and normalise it.

    Raises
    ------
    InputError
        If the file cannot be used.
    """
    image = sitk.DICOMOrient(read_image(path), "LPS")
    body = find_body(image)
    grid = covering_grid(body.mask, NETWORK_SPACING_MM, margin_mm)
    return PreparedScan(Path(path).name, *normalised_on_grid(body.clean, body.mask, grid))


def _crop_origin(scan: PreparedScan, size: int, rng) -> np.ndarray:
    """A block of `size` voxels a side whose centre lies in the body, inside the scan where it fits."""
    centre = voxels_inside(scan.body, 1, rng)[0]
    highest = np.maximum(np.array(scan.body.shape) - size, 0)
    return np.clip(centre - size // 2, 0, highest).astype(np.int64)


def _block(volume: np.ndarray, origin: np.ndarray, size: int) -> np.ndarray:
    """Cut a cube, padded with 0 where the volume ends."""
    part = volume[tuple(slice(o, o + size) for o in origin)]
    return np.pad(part, [(0, size - n) for n in part.shape])


def _mixed_field(scan: PreparedScan, delta_mm: float, shift: float, rng) -> np.ndarray:
    """A translation of up to `shift` of delta, and for the rest the paper's field or one of another scale."""
    translation = rng.uniform(-1.0, 1.0, 3).astype(np.float32) * np.float32(delta_mm * shift)
    if shift == 1.0:
        return np.broadcast_to(translation, (2, 2, 2, 3))
    sigma = SimulatorOptions().sigma_mm if rng.random() < 0.5 else rng.uniform(12.0, 64.0)
    options = SimulatorOptions(
        delta_mm=rng.uniform(0.2, 1.0) * delta_mm * (1.0 - shift), sigma_mm=sigma, min_distance_mm=max(20.0, sigma)
    )
    return random_coarse_field(scan.body, NETWORK_SPACING_MM, options, rng) + translation


def random_pair(scan: PreparedScan, size: int, delta_mm: float, rng, shift: float = 0.1, gain: float = 0.1) -> Pair:
    """A random block with a known field: the moving block is the scan, the fixed one the deformed scan.

    Parameters
    ----------
    size
        Side of the cube in voxels.
    delta_mm
        Upper limit of the largest displacement component, mm.
    shift
        The part of delta_mm, 0 to 1, that is one translation of the whole block.
    gain
        Spread of a random factor on the intensities of the fixed block (contrast phase, tube voltage).
    """
    origin = _crop_origin(scan, size, rng)
    coarse = np.ascontiguousarray(_mixed_field(scan, delta_mm, shift, rng))
    flow = densify_field(coarse, NETWORK_SPACING_MM / COARSE_SPACING_MM, origin, np.array([size] * 3))
    flow /= np.float32(NETWORK_SPACING_MM)
    fixed = warp_block(scan.image, flow, origin)
    fixed *= np.float32(1.0 + rng.uniform(-gain, gain))
    moving = _block(scan.image, origin, size)
    body = _block(scan.body, origin, size)
    sigma = rng.uniform(0.0, 0.01)
    noise = [sigma * rng.standard_normal(fixed.shape, dtype=np.float32) * (body > 0) for _ in range(2)]
    pair = Pair(np.clip(fixed + noise[0], 0, 1), np.clip(moving + noise[1], 0, 1), flow, body)
    return flipped(pair) if rng.random() < 0.5 else pair


def flipped(pair: Pair) -> Pair:
    """The pair mirrored left to right; the x component of the flow changes its sign."""
    flow = pair.flow[:, :, ::-1].copy()
    flow[..., 0] *= -1
    return replace(
        pair,
        fixed=pair.fixed[:, :, ::-1],
        moving=pair.moving[:, :, ::-1],
        flow=flow,
        body=pair.body[:, :, ::-1],
    )
