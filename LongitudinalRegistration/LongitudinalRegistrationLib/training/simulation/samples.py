"""Scans prepared for training, and pairs of blocks with a known displacement field cut from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import affine_transform, uniform_filter
from TableRemovalLib.validate import validate_ct

from ...scan.body import Body, find_body
from ...scan.grid import NETWORK_SPACING_MM, Grid, body_bounds, covering_grid
from ...scan.normalise import normalised_on_grid
from ...scan.pyramid import halved, running_mean
from ...scan.read import read_image
from .appearance import AppearanceOptions, differ
from .motion import LUNG, Motion, MotionOptions, cavity_weight, random_motion
from .simulator import voxels_inside, warp_block

MARGIN_MM = 40.0
STRETCH = 0.25


@dataclass(frozen=True)
class PreparedScan:
    """A scan without its table on isotropic 2 mm voxels: image [k, j, i] in [0, 1], float32; body mask."""

    name: str
    image: np.ndarray
    body: np.ndarray

    @cached_property
    def cavity(self) -> np.ndarray:
        """What moves with breathing; see cavity_weight."""
        return cavity_weight(self.image, self.body, NETWORK_SPACING_MM)

    @cached_property
    def averaged(self) -> np.ndarray:
        """Means over the 2 x 2 x 2 voxels that begin at each voxel: what a voxel of 4 mm holds, wherever it lies."""
        return running_mean(self.image)

    @cached_property
    def averaged_body(self) -> np.ndarray:
        """The same of the body."""
        return running_mean(self.body)

    @cached_property
    def lung(self) -> np.ndarray:
        """Where most of the surrounding 18 mm is as dense as lung, 0/1; it may be nowhere."""
        low, high = LUNG
        air = ((self.image > low) & (self.image < high) & (self.body > 0)).astype(np.float32)
        return (uniform_filter(air, 9, mode="constant") > 0.7).astype(np.uint8)

    @cached_property
    def lung_voxels(self) -> int:
        """How many voxels the lung has."""
        return int(np.count_nonzero(self.lung))


@dataclass(frozen=True)
class Pair:
    """One training sample: fixed, moving (k, j, i) in [0, 1]; flow (k, j, i, 3) in voxels; body (k, j, i) in [0, 1]."""

    fixed: np.ndarray
    moving: np.ndarray
    flow: np.ndarray
    body: np.ndarray


def prepare_body(body: Body, name: str) -> tuple[PreparedScan, Grid]:
    """Resample a scan without its table to 2 mm, with 40 mm around the body, and normalise it.

    Parameters
    ----------
    body
        As from find_body.
    name
        Of the scan.

    Returns
    -------
    scan
        Ready for training.
    grid
        Of its arrays.
    """
    grid = covering_grid(body_bounds(body.mask), NETWORK_SPACING_MM, MARGIN_MM)
    return PreparedScan(name, *normalised_on_grid(body.clean, body.mask, grid)), grid


def prepare_scan(path: Path, name: str | None = None) -> PreparedScan:
    """Read a scan, remove its table, resample it to 2 mm and normalise it.

    Raises
    ------
    InputError
        If the file cannot be used.
    """
    image = read_image(path)
    validate_ct(image, "scan")
    return prepare_body(find_body(sitk.DICOMOrient(image, "LPS")), name or Path(path).name)[0]


def stretched(scan: PreparedScan, rng: np.random.Generator) -> PreparedScan:
    """Make another patient of a scan: each axis by up to a quarter longer or shorter.

    Parameters
    ----------
    scan
        It is not changed.
    rng
        Of the factors.

    Returns
    -------
    PreparedScan
        Its image interpolated linearly, its body the nearest voxel.
    """
    factors = np.exp(rng.uniform(-1.0, 1.0, 3) * np.log(1.0 + STRETCH))
    shape = tuple(np.ceil(np.array(scan.image.shape) * factors).astype(int).tolist())
    image = affine_transform(scan.image, 1.0 / factors, output_shape=shape, order=1, mode="nearest")
    body = affine_transform(scan.body, 1.0 / factors, output_shape=shape, order=0, mode="nearest")
    return PreparedScan(scan.name, image, body)


def block_origin(places: np.ndarray, shape: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Place a block so that its centre lies in a mask, and the block inside the scan where it fits.

    Parameters
    ----------
    places
        The mask, [k, j, i], 0/1: the scan's body, or its lung.
    shape
        Of the block, voxels [k, j, i].
    rng
        What is drawn from.

    Returns
    -------
    numpy.ndarray
        (3,), int64: its first voxel [k, j, i].
    """
    size = np.array(shape)
    centre = voxels_inside(places, 1, rng)[0]
    highest = np.maximum(np.array(places.shape) - size, 0)
    return np.clip(centre - size // 2, 0, highest).astype(np.int64)


def cut(volume: np.ndarray, origin: np.ndarray, shape: Sequence[int], step: int = 1) -> np.ndarray:
    """Cut a block of every `step`-th voxel, padded with 0 where the volume ends.

    Parameters
    ----------
    volume
        [k, j, i], any type.
    origin
        (3,), first voxel [k, j, i], inside the volume.
    shape
        Voxels [k, j, i].
    step
        Of the voxels taken.

    Returns
    -------
    numpy.ndarray
        [k, j, i], of the shape and the volume's type.
    """
    part = volume[tuple(slice(o, o + n * step, step) for o, n in zip(origin, shape, strict=True))]
    return np.pad(part, [(0, n - m) for n, m in zip(shape, part.shape, strict=True)])


def moved_pair(
    scan: PreparedScan,
    motion: Motion,
    origin: np.ndarray,
    shape: Sequence[int],
    spacing_mm: float = NETWORK_SPACING_MM,
) -> Pair:
    """Cut a block of a scan and of its deformed copy: the moving image is the scan, the fixed one the copy.

    Parameters
    ----------
    scan
        The scan.
    motion
        How the copy is deformed.
    origin
        (3,), int64, the block's first voxel [k, j, i] of 2 mm.
    shape, spacing_mm
        Voxels [k, j, i] of the block, and their size: 2 mm, or 4 mm, each the mean of eight.

    Returns
    -------
    Pair
        With the motion as its flow.
    """
    step = round(spacing_mm / NETWORK_SPACING_MM)
    image, body = (scan.image, scan.body) if step == 1 else (scan.averaged, scan.averaged_body)
    field = motion.on_block(spacing_mm, origin / step + 0.5 * (1.0 - 1.0 / step), shape)
    voxels = field / np.float32(NETWORK_SPACING_MM)
    fixed, there = (warp_block(volume.astype(np.float32, copy=False), voxels, origin, step) for volume in (image, body))
    return Pair(fixed, cut(image, origin, shape, step), field / np.float32(spacing_mm), there)


def random_pair(
    scan: PreparedScan,
    shape: Sequence[int],
    motion: MotionOptions,
    appearance: AppearanceOptions,
    rng: np.random.Generator,
    spacing_mm: float = NETWORK_SPACING_MM,
    in_lung: bool = False,
) -> Pair:
    """A random block with a random motion and what else differs between two dates; half of them mirrored.

    Parameters
    ----------
    shape, spacing_mm
        Voxels [k, j, i] of the block, and their size, 2 or 4 mm.
    in_lung
        Whether the block's centre lies in the lung, which the scan must show then; else anywhere in the body.
    """
    whole = [n * round(spacing_mm / NETWORK_SPACING_MM) for n in shape]
    origin = block_origin(scan.lung if in_lung else scan.body, whole, rng)
    cavity = scan.cavity if motion.breathing_share else None
    drawn = random_motion(scan.body, cavity, NETWORK_SPACING_MM, motion, rng, (origin, np.array(whole)))
    pair = moved_pair(scan, drawn, origin, shape, spacing_mm)
    fixed, moving = differ(pair.fixed, pair.moving, pair.flow, pair.body > 0.5, appearance, rng, spacing_mm)
    pair = replace(pair, fixed=fixed, moving=moving)
    if appearance.cut_share and rng.random() < appearance.cut_share:
        pair = cut_short(pair, rng)
    return flipped(pair) if rng.random() < 0.5 else pair


def cut_short(pair: Pair, rng: np.random.Generator) -> Pair:
    """Let one of the two scans end inside the block, above or below; air is beyond.

    Parameters
    ----------
    pair
        It is not changed.
    rng
        Which scan, which end, and how much, up to a third.

    Returns
    -------
    Pair
        With no body where the fixed scan has ended.
    """
    name = ("fixed", "moving")[rng.integers(2)]
    image, body = getattr(pair, name).copy(), pair.body.copy()
    count = int(rng.integers(1, max(2, len(image) // 3)))
    beyond = slice(0, count) if rng.random() < 0.5 else slice(-count, None)
    image[beyond] = 0.0
    if name == "fixed":
        body[beyond] = 0.0
    return replace(pair, **{name: image, "body": body})


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


def on_voxels(pair: Pair, spacing_mm: float) -> Pair:
    """Put a pair on the voxels of a network.

    Parameters
    ----------
    pair
        On 2 mm voxels, its sides even.
    spacing_mm
        2: the pair as it is; 4: means over cubes.

    Returns
    -------
    Pair
        With the flow in its own voxels.
    """
    if spacing_mm == NETWORK_SPACING_MM:
        return pair
    fixed, moving, body = (halved(np.ascontiguousarray(values)) for values in (pair.fixed, pair.moving, pair.body))
    flow = np.stack([halved(np.ascontiguousarray(pair.flow[..., n])) for n in range(3)], axis=-1)
    return Pair(fixed, moving, np.float32(0.5) * flow, body)


def batch_of(pairs: list[Pair]) -> tuple[np.ndarray, np.ndarray]:
    """Put pairs together to a batch.

    Parameters
    ----------
    pairs
        Of one shape.

    Returns
    -------
    images
        [batch, k, j, i, 2], float32, [0, 1]: fixed, moving.
    truth
        [batch, k, j, i, 4], float32: flow (i, j, k) in voxels, then the body, [0, 1].
    """
    images = np.stack([np.stack([pair.fixed, pair.moving], axis=-1) for pair in pairs])
    truth = np.stack([np.concatenate([pair.flow, pair.body[..., None]], axis=-1) for pair in pairs])
    return images.astype(np.float32), truth.astype(np.float32)
