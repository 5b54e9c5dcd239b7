"""Intensities for the network: HU to [0, 1] against the 99th percentile (paper, section 3.2)."""

from __future__ import annotations

import numpy as np

AIR_HU = -1024.0
PERCENTILE = 99.0
LEAST_CEILING_HU = 100.0


def ceiling_hu(values_hu: np.ndarray, body: np.ndarray | None = None) -> float:
    """The 99th percentile of the intensities, in HU, over the body where a mask is given; at least 100 HU.

    Parameters
    ----------
    values_hu, body
        Arrays of one shape, [k, j, i].
    """
    inside = values_hu[body > 0] if body is not None else values_hu.ravel()
    if inside.size == 0:
        inside = values_hu.ravel()
    step = max(1, inside.size // 1_000_000)
    return max(float(np.percentile(inside[::step], PERCENTILE)), LEAST_CEILING_HU)


def normalise(values_hu: np.ndarray, ceiling: float) -> np.ndarray:
    """Map -1024 HU to 0 and the ceiling to 1, linearly, clamped; float32."""
    scaled = (values_hu.astype(np.float32) - AIR_HU) / np.float32(ceiling - AIR_HU)
    return np.clip(scaled, 0.0, 1.0, out=scaled)
