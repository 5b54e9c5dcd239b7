"""Where air ends and tissue begins in a scan, and whether its intensities are HU at all."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from TableRemovalLib.region_growing import RANGE_HU

AIR_HU = -1000.0
BORDER_HU = -500.0
FAT_HU = -200.0
SOFT_TISSUE_HU = (-250.0, 200.0)
TYPICAL_TISSUE_HU = 32.0
FOAM_RANGE_HU = 250.0
COVER_HU = -120.0
METAL_HU = 1800.0
MOST_DARK_SHARE = 0.2
DARK_BORDER_SHARE = 0.25
NOT_HU = (
    "the intensities are not those of CT: {share:.0%} of what is no air is darker than fat, as in cone-beam CT with "
    "cupping; the border to air was put at {border:.0f} HU: check the outline at the skin"
)


@dataclass(frozen=True)
class Tissue:
    """What a scan's intensities are like.

    soft_hu: median of what is as dense as soft tissue, HU. median_hu: median of what is no air, HU. dark_share: share
    of what is no air that is darker than fat, 0 to 1; in CT 0.03 to 0.08, and 0.38 in a cone-beam CT.
    """

    soft_hu: float
    median_hu: float
    dark_share: float

    @property
    def in_hu(self) -> bool:
        """Whether fat is where it should be."""
        return self.dark_share <= MOST_DARK_SHARE

    def remark(self) -> str:
        """Return one sentence about intensities that are no HU; empty where they are."""
        return "" if self.in_hu else NOT_HU.format(share=self.dark_share, border=self.borders(None).air_hu)

    def borders(self, threshold: float | None) -> Borders:
        """Find the borders of tissue.

        Air ends at -500 HU, half-way between air and skin, or, where a threshold is given, at the median of the soft
        tissue minus threshold * 4095 HU. Where fat is as dark as that, air ends a quarter of the way to the scan's
        median, and nothing tells foam, a cover or metal from tissue.

        Parameters
        ----------
        threshold
            T_G in [0, 1], or None.

        Returns
        -------
        Borders
            In HU.
        """
        if threshold is not None:
            air_hu = self.soft_hu - threshold * RANGE_HU
            return Borders(air_hu, air_hu + FOAM_RANGE_HU, COVER_HU, METAL_HU, threshold)
        if self.in_hu:
            threshold = (TYPICAL_TISSUE_HU - BORDER_HU) / RANGE_HU
            return Borders(BORDER_HU, BORDER_HU + FOAM_RANGE_HU, COVER_HU, METAL_HU, threshold)
        air_hu = AIR_HU + DARK_BORDER_SHARE * (self.median_hu - AIR_HU)
        return Borders(air_hu, air_hu, air_hu, math.inf, min(1.0, (self.soft_hu - air_hu) / RANGE_HU))


@dataclass(frozen=True)
class Borders:
    """Borders of tissue, HU.

    air_hu: what is above it is no air. dense_hu: what is above it is not foam either. cover_hu: what is below it, at
    the skin, may be a cover. metal_hu: what is above it is metal. threshold: T_G in [0, 1], how far air_hu lies below
    the typical intensity of soft tissue.
    """

    air_hu: float
    dense_hu: float
    cover_hu: float
    metal_hu: float
    threshold: float


def tissue_of(array: np.ndarray) -> Tissue:
    """Look at every fourth row and column of 24 slices.

    Parameters
    ----------
    array
        Volume in HU, int16 or float32 [k, j, i].

    Returns
    -------
    Tissue
        Of a scan without tissue, that of a typical CT.
    """
    sample = array[:: max(1, array.shape[0] // 24), ::4, ::4]
    sample = sample[sample > BORDER_HU]
    soft = sample[(sample > SOFT_TISSUE_HU[0]) & (sample < SOFT_TISSUE_HU[1])]
    return Tissue(
        float(np.median(soft)) if soft.size else TYPICAL_TISSUE_HU,
        float(np.median(sample)) if sample.size else TYPICAL_TISSUE_HU,
        float(np.mean(sample < FAT_HU)) if sample.size else 0.0,
    )
