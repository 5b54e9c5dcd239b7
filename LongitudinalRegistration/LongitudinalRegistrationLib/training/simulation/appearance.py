"""What differs between two scans besides motion: contrast phase, air in the lung, lesions, noise, kernel, thickness.

All on arrays [k, j, i] in [0, 1], isotropic voxels; every function gives a new array.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import correlate1d, gaussian_filter

from ...scan.grid import NETWORK_SPACING_MM
from .simulator import smooth_map


@dataclass(frozen=True)
class AppearanceOptions:
    """How strong each difference may be; 0 turns one off.

    gain: spread of a factor on one scan's intensities; phase: largest change of an organ's intensity with the contrast
    phase, phase_share: how often there is one; aeration: largest relative change of the lung's density with the air in
    it; lesions: most new or growing lesions in a block; lesion_mm: limits of their half axes; noise: largest standard
    deviation, on 2 mm voxels; kernel: strongest blur (2 mm voxels) or sharpening of one scan; thickness: largest slice
    thickness, 2 mm voxels; remap: strength of a random intensity map on both scans alike; window_share: how often a
    narrow window on both instead; gas: most pockets of gas in one scan; cut_share: how often a scan ends inside the
    block.
    """

    gain: float = 0.06
    phase: float = 0.06
    phase_share: float = 0.5
    aeration: float = 0.0
    lesions: int = 2
    lesion_mm: tuple[float, float] = (4.0, 14.0)
    noise: float = 0.012
    kernel: float = 0.8
    thickness: int = 3
    remap: float = 0.5
    window_share: float = 0.0
    gas: int = 0
    cut_share: float = 0.0

    def isValid(self) -> tuple[bool, str]:
        """Whether the options make sense, and if not, what to change."""
        for name in ("gain", "phase", "aeration", "lesions", "noise", "kernel", "thickness", "remap", "gas"):
            if not 0 <= getattr(self, name) < np.inf:
                return False, f"{name} must be a number that is not negative, it is {getattr(self, name)}."
        if not 0 < self.lesion_mm[0] <= self.lesion_mm[1] < np.inf:
            return False, f"lesion_mm must be two positive limits, the smaller first, not {self.lesion_mm}."
        for name in ("phase_share", "window_share", "cut_share"):
            if not 0 <= getattr(self, name) <= 1:
                return False, f"{name} is a probability, from 0 to 1."
        return True, ""


def contrast_phase(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Brighten or darken soft tissue of a band of intensities, here more, there less, as a contrast agent does.

    Parameters
    ----------
    image
        [k, j, i], float32, about [0, 1].
    strength
        Largest change of intensity.
    rng
        What is drawn from.

    Returns
    -------
    numpy.ndarray
        Like the image, not clipped.
    """
    centre, width = rng.uniform(0.78, 0.92), rng.uniform(0.02, 0.06)
    band = np.exp(-0.5 * ((image - np.float32(centre)) / np.float32(width)) ** 2)
    where = 0.5 + 0.5 * smooth_map(image.shape, 4, rng)
    return image + np.float32(rng.uniform(-strength, strength)) * band * where


def other_aeration(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """More or less air in the lung, here more, there less: at full strength below 0.3 (-625 HU), none above 0.5.

    Parameters
    ----------
    image
        [k, j, i], float32, [0, 1].
    strength
        Largest relative change of the lung's density.
    rng
        What is drawn from.

    Returns
    -------
    numpy.ndarray
        Like the image.
    """
    lung = np.clip((0.5 - image) / np.float32(0.2), 0.0, 1.0)
    where = 0.5 + 0.5 * smooth_map(image.shape, 4, rng)
    return image * (1.0 + np.float32(rng.uniform(-strength, strength)) * lung * where)


def common_remap(images: list[np.ndarray], strength: float, rng: np.random.Generator) -> list[np.ndarray]:
    """One random, monotone intensity map for all images: a power, and a steeper or flatter soft-tissue range.

    Parameters
    ----------
    images
        [k, j, i] each, float32; clipped to [0, 1].
    strength
        0 changes nothing, 1 much.
    rng
        What is drawn from.

    Returns
    -------
    list of numpy.ndarray
        Like the images, [0, 1].
    """
    power = np.exp(strength * rng.uniform(-0.7, 0.7))
    knots = np.linspace(0.0, 1.0, 17)
    slopes = np.exp(strength * rng.uniform(-1.0, 1.0, 16))
    values = np.concatenate([[0.0], np.cumsum(slopes)]) / slopes.sum()
    table = np.interp(np.linspace(0, 1, 513) ** power, knots, values).astype(np.float32)
    return [table[(np.clip(image, 0, 1) * 512).astype(np.int16)] for image in images]


def common_window(images: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """All images through one random narrow window around fat and soft tissue, clipped to [0, 1].

    Parameters
    ----------
    images
        [k, j, i] each, float32, [0, 1].
    rng
        What is drawn from.

    Returns
    -------
    list of numpy.ndarray
        Like the images, [0, 1].
    """
    low = np.float32(rng.uniform(0.6, 0.78))
    width = np.float32(rng.uniform(0.12, 0.35))
    return [np.clip((image - low) / width, 0.0, 1.0) for image in images]


def other_kernel(image: np.ndarray, strength: float, rng: np.random.Generator, scale: float = 1.0) -> np.ndarray:
    """Another reconstruction kernel: smoother, or sharper.

    Parameters
    ----------
    image
        [k, j, i], float32.
    strength
        Up to this many times 2 mm smoother, or so much of a mask of 2 mm sharper.
    rng
        What is drawn from.
    scale
        2 mm in voxels of the image.

    Returns
    -------
    numpy.ndarray
        Like the image, not clipped.
    """
    amount = rng.uniform(-strength, strength)
    if amount >= 0:
        return gaussian_filter(image, amount * scale) if amount > 0.2 else image
    return image + np.float32(-amount) * (image - gaussian_filter(image, scale))


def thicker_slices(image: np.ndarray, voxels: float) -> np.ndarray:
    """Mean over a slab of `voxels` along k, as thick slices have it, centred on each voxel: nothing is shifted.

    Parameters
    ----------
    image
        [k, j, i], float32.
    voxels
        Thickness of the slab; 1 or less: the image as it is.

    Returns
    -------
    numpy.ndarray
        Like the image.

    Examples
    --------
    >>> thicker_slices(np.array([0.0, 0.0, 3.0, 0.0, 0.0]).reshape(5, 1, 1), 3).ravel().tolist()
    [0.0, 1.0, 1.0, 1.0, 0.0]
    """
    if voxels <= 1:
        return image
    reach = int(np.ceil(0.5 * (voxels - 1)))
    inside = np.clip(0.5 * (voxels + 1) - np.abs(np.arange(-reach, reach + 1)), 0.0, 1.0)
    return correlate1d(image, inside / voxels, axis=0)


def add_lesion(image: np.ndarray, centre: np.ndarray, radii: np.ndarray, change: float) -> np.ndarray:
    """Add a soft-edged ellipsoid of other intensity.

    Parameters
    ----------
    image
        [k, j, i], float32.
    centre, radii
        (3,) each, voxels (k, j, i).
    change
        Of the intensity in its middle.

    Returns
    -------
    numpy.ndarray
        Like the image.
    """
    result = image.copy()
    low = np.maximum(np.floor(centre - radii - 2).astype(int), 0)
    high = np.minimum(np.ceil(centre + radii + 3).astype(int), image.shape)
    if np.any(high <= low):
        return result
    axes = [(np.arange(a, b) - c) / r for a, b, c, r in zip(low, high, centre, radii, strict=True)]
    distance = np.sqrt(axes[0][:, None, None] ** 2 + axes[1][None, :, None] ** 2 + axes[2][None, None, :] ** 2)
    weight = np.clip((1.0 - distance) * radii.min() + 0.5, 0.0, 1.0).astype(np.float32)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    result[box] += np.float32(change) * weight
    return result


def _places(body: np.ndarray, scale: float) -> np.ndarray:
    """Voxels of the body about 8 mm apart, (n, 3), indices (k, j, i); scale: 2 mm in voxels."""
    apart = max(1, round(4 * scale))
    return np.argwhere(body[::apart, ::apart, ::apart]) * apart


def _with_lesions(
    fixed: np.ndarray,
    moving: np.ndarray,
    flow: np.ndarray,
    body: np.ndarray,
    options: AppearanceOptions,
    scale: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Lesions that are new, gone, grown or shrunken: at x in the fixed image, at x + flow(x) in the moving one."""
    places = _places(body, scale)
    for _ in range(rng.integers(0, options.lesions + 1) if len(places) else 0):
        centre = places[rng.integers(len(places))]
        there = centre + flow[tuple(centre)][::-1]
        radii = scale / NETWORK_SPACING_MM * np.exp(rng.uniform(*np.log(options.lesion_mm))) * rng.uniform(0.7, 1.0, 3)
        change = rng.choice([-1.0, 1.0]) * rng.uniform(0.04, 0.2)
        in_fixed, in_moving = np.maximum(rng.uniform(-0.5, 1.5, 2), 0.0)
        if in_fixed > 0.2:
            fixed = add_lesion(fixed, centre, radii * in_fixed, change)
        if in_moving > 0.2:
            moving = add_lesion(moving, there, radii * in_moving, change)
    return fixed, moving


def _with_gas(image: np.ndarray, body: np.ndarray, most: int, scale: float, rng: np.random.Generator) -> np.ndarray:
    """Pockets of gas where there was none; body: 0/1."""
    places = _places(body, scale)
    for _ in range(rng.integers(0, most + 1) if len(places) else 0):
        centre = places[rng.integers(len(places))]
        radii = scale * rng.uniform(3.0, 10.0, 3)
        image = np.maximum(add_lesion(image, centre, radii, -0.8), np.minimum(image, 0.02))
    return image


def differ(
    fixed: np.ndarray,
    moving: np.ndarray,
    flow: np.ndarray,
    body: np.ndarray,
    options: AppearanceOptions,
    rng: np.random.Generator,
    spacing_mm: float = NETWORK_SPACING_MM,
) -> tuple[np.ndarray, np.ndarray]:
    """Give the two scans of a pair what scans of two dates differ in.

    Parameters
    ----------
    fixed, moving
        [k, j, i], float32, [0, 1]; they are not changed.
    flow
        (k, j, i, 3) in voxels, fixed to moving.
    body
        Of the fixed block, 0/1: where lesions may be.
    options
        What they may differ in, and how much.
    rng
        What is drawn from.
    spacing_mm
        Of the voxels: lengths in the options are scaled to them, and noise to what is left of it in their means.

    Returns
    -------
    fixed, moving
        [k, j, i], float32, [0, 1].
    """
    scale = NETWORK_SPACING_MM / spacing_mm
    if options.lesions:
        fixed, moving = _with_lesions(fixed, moving, flow, body, options, scale, rng)
    if options.phase and rng.random() < options.phase_share:
        fixed = contrast_phase(fixed, options.phase, rng)
    if options.aeration and rng.random() < 0.5:
        fixed = other_aeration(fixed, options.aeration, rng)
    if options.gas:
        fixed = _with_gas(fixed, body, options.gas, scale, rng)
        moving = _with_gas(moving, body, options.gas, scale, rng)
    images = [fixed, moving]
    if options.window_share and rng.random() < options.window_share:
        images = common_window(images, rng)
    elif options.remap and rng.random() < 0.5:
        images = common_remap(images, options.remap, rng)
    chosen = int(rng.integers(2))
    if options.kernel and rng.random() < 0.5:
        images[chosen] = other_kernel(images[chosen], options.kernel, rng, scale)
    if options.thickness > 1 and rng.random() < 0.5:
        images[chosen] = thicker_slices(images[chosen], scale * rng.integers(1, options.thickness + 1))
    images[0] = images[0] * np.float32(1.0 + rng.uniform(-options.gain, options.gain))
    sigma = rng.uniform(0.0, options.noise) * scale**1.5
    solid = [image > 0.1 for image in images]
    images = [
        image + np.float32(sigma) * rng.standard_normal(image.shape, dtype=np.float32) * inside
        for image, inside in zip(images, solid, strict=True)
    ]
    fixed, moving = (np.clip(image, 0.0, 1.0) for image in images)
    return fixed, moving
