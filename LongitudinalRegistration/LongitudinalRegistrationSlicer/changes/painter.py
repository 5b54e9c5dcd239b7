"""The painter that shows over a slice view what has become denser (orange) and what has become lighter (blue)."""

import dataclasses
import typing

import numpy as np

from LongitudinalRegistrationSlicer.views.legend import Legend

DENSER, LIGHTER = (230.0, 97.0, 1.0), (0.0, 114.0, 220.0)
"""Orange and blue: told apart with every kind of colour vision."""
FULL_HU = 300.0
LEAST_COVER = 0.45


@dataclasses.dataclass
class ChangePainter:
    """layers: ReslicedVolume of the change in HU and of its significance in standard deviations, both signed.

    Shown is what has changed by leastHu or more and is leastSignificance or more; opacity, 0..1, is that of changes of
    FULL_HU and more, smaller ones cover less.
    """

    layers: typing.Any
    leastHu: float = 40.0
    leastSignificance: float = 3.0
    opacity: float = 0.7

    def __call__(self, frame, picture):
        """Return the picture of a slice_overlay.Frame with the changes over it."""
        if frame.background is None:
            return picture
        change, significance = np.moveaxis(self.layers.onFrame(frame), -1, 0)
        shown = (np.abs(change) >= self.leastHu) & (np.abs(significance) >= self.leastSignificance)
        painted = picture.copy()
        if shown.any():
            values = change[shown]
            cover = self.opacity * np.clip(np.abs(values) / FULL_HU, LEAST_COVER, 1)[:, None]
            colours = np.where((values > 0)[:, None], DENSER, LIGHTER)
            painted[shown] = (painted[shown] * (1 - cover) + colours * cover).astype(np.uint8)
        return painted

    def legend(self):
        """Return the Legend of what is shown."""
        least = f"{self.leastHu:g} HU, {self.leastSignificance:g} SD or more"
        return Legend(("Change of density", least), patches=((LIGHTER, "lighter"), (DENSER, "denser")), top=True)
