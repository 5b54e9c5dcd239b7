"""Local SSIM and local correlation of two images, voxel by voxel (paper, section 3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter

from ..system.parallel import thread_count

FLAT_VARIANCE = 1e-6


@dataclass(frozen=True)
class Moments:
    """Local mean and variance of an image, and the image, [k, j, i], float32."""

    image: np.ndarray
    mean: np.ndarray
    variance: np.ndarray

    def at(self, mask: np.ndarray) -> Moments:
        """The same at the voxels of a mask, as flat arrays."""
        return Moments(self.image[mask], self.mean[mask], self.variance[mask])


def _filtered(images: Sequence[np.ndarray], window: int) -> list[np.ndarray]:
    """Means over cubes of `window` voxels, the images at once."""
    with ThreadPoolExecutor(min(thread_count(), len(images))) as pool:
        return list(pool.map(lambda image: uniform_filter(image, window), images))


def moments(image: np.ndarray, window: int) -> Moments:
    """Local mean and variance over cubes of `window` voxels of an image [k, j, i] in [0, 1]."""
    image = np.asarray(image, np.float32)
    mean, square = _filtered([image, image * image], window)
    return Moments(image, mean, np.maximum(square - mean * mean, 0))


def covariance(first: Moments, second: Moments, window: int) -> np.ndarray:
    """Local covariance of two images."""
    return uniform_filter(first.image * second.image, window) - first.mean * second.mean


def ssim_map(first: Moments, second: Moments, common: np.ndarray) -> np.ndarray:
    """Local SSIM (paper, eq. 8) from moments and covariance, in [-1, 1]."""
    c1, c2 = np.float32(0.01**2), np.float32(0.03**2)
    luminance = (2 * first.mean * second.mean + c1) / (first.mean**2 + second.mean**2 + c1)
    return luminance * ((2 * common + c2) / (first.variance + second.variance + c2))


def ncc_map(first: Moments, second: Moments, common: np.ndarray) -> np.ndarray:
    """Local correlation coefficient, in [-1, 1]; NaN where a window is flat."""
    textured = (first.variance > FLAT_VARIANCE) & (second.variance > FLAT_VARIANCE)
    spread = np.sqrt(np.where(textured, first.variance * second.variance, np.float32(1)))
    return np.where(textured, np.clip(common / spread, -1, 1), np.float32(np.nan))
