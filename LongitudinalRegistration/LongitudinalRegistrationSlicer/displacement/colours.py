"""The painter that shows the displacement in colour over a slice view, and its legend.

MAGNITUDE: viridis, from 0 to the largest value in mm. RGB: red, green and blue are the displacement to the patient's
left or right, front or back, head or foot (x, y, z) without its sign, as in figure 2 of the paper: what does not move
is black, that is, keeps the scan's grey. JACOBIAN: orange expands, blue shrinks, unchanged is clear, yellow folds.
"""

import dataclasses
import functools
import math

import numpy as np

from LongitudinalRegistrationSlicer.displacement.display import DisplacementDisplay
from LongitudinalRegistrationSlicer.views.colour_ramp import colourRamp
from LongitudinalRegistrationSlicer.views.legend import Legend
from LongitudinalRegistrationSlicer.views.upsampling import blended

MAGNITUDE, RGB, JACOBIAN = "Magnitude", "RGB (paper)", "Jacobian"
MODES = (MAGNITUDE, RGB, JACOBIAN)
VIRIDIS = (
    (68, 1, 84),
    (71, 44, 122),
    (59, 81, 139),
    (44, 113, 142),
    (33, 144, 141),
    (39, 173, 129),
    (92, 200, 99),
    (170, 220, 50),
    (253, 231, 37),
)
SHRINKS, NEUTRAL, EXPANDS, FOLDS = (5, 80, 200), (235, 235, 235), (230, 97, 1), (255, 255, 0)
NICE = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
RATIOS = (1.1, 1.25, 1.5, 2.0, 3.0, 4.0)
RAMP_STEPS = 1000


@dataclasses.dataclass
class DisplacementPainter(DisplacementDisplay):
    """mode: one of MODES; opacity 0..1; largestMm: where the scale ends, None: by itself."""

    mode: str = MAGNITUDE
    opacity: float = 0.6
    largestMm: object = None

    def __call__(self, frame, picture):
        """Return the picture of a slice_overlay.Frame with the colours over it."""
        if frame.background is None:
            return picture
        samples = self.samples(frame)
        colours, alpha = self._colours(samples)
        return blended(picture, colours, alpha * samples.body * np.float32(self.opacity))

    def largest(self):
        """Return where the scale ends: mm, or for the Jacobian its ratio."""
        if self.mode == JACOBIAN:
            ratio = math.exp(self.highest(ofJacobian=True))
            return next((nice for nice in RATIOS if nice >= ratio), RATIOS[-1])
        return self.largestMm or niceAbove(self.highest())

    def legend(self):
        """Return the Legend of what is shown."""
        end = self.largest()
        if self.mode == JACOBIAN:
            places = np.linspace(-1, 1, 64, dtype=np.float32)
            ticks = ((0.0, f"{1 / end:.2g}"), (0.5, "1"), (1.0, f"{end:g}"))
            extra = ((FOLDS, "folding"), (SHRINKS, "shrinkage"), (EXPANDS, "expansion"))
            return Legend(("Volume ratio",), (("", _asTuple(_diverging(places))),), ticks, extra)
        shares = np.linspace(0, 1, 64, dtype=np.float32)
        count = min((5, 4, 3), key=lambda n: len(f"{end / n:g}"))
        ticks = tuple((n / count, f"{n * end / count:g}") for n in range(count + 1))
        if self.mode == RGB:
            names = ("L/R", "A/P", "S/I")
            bars = [(name, _asTuple(shares[:, None] * 255 * np.eye(3)[n])) for n, name in enumerate(names)]
            return Legend(("mm (absolute)",), tuple(bars), ticks)
        return Legend(("mm",), (("", _asTuple(magnitudeColours(shares))),), ticks)

    def _colours(self, samples):
        """Return colours [y, x, 3], 0..255, and how much they cover [y, x], 0..1."""
        end = np.float32(self.largest())
        if self.mode == JACOBIAN:
            return _jacobianColours(samples.jacobian, end)
        if self.mode == RGB:
            shares = np.minimum(np.abs(samples.vectors) / end, 1)
            return shares * np.float32(255), np.ones_like(samples.body)
        return magnitudeColours(samples.magnitude / end), np.ones_like(samples.body)


def magnitudeColours(shares):
    """Return the colours [..., 3], float32 0..255, of shares of the largest displacement."""
    return _ramp(VIRIDIS, shares)


def niceAbove(value):
    """Return the next number of NICE times a power of ten that is not smaller; 1 for nothing."""
    if value < 1e-3:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return float(next(nice * power for nice in NICE if nice * power >= value * (1 - 1e-6)))


def _jacobianColours(jacobian, end):
    folds = jacobian <= 0
    places = np.log(np.maximum(jacobian, 1e-3)) / np.log(end)
    colours = _diverging(places)
    colours[folds] = FOLDS
    return colours, np.where(folds, 1, np.minimum(2 * np.abs(places), 1)).astype(np.float32)


def _diverging(places):
    """Return the colours of places from -1 (shrinks) by 0 to 1 (expands)."""
    return _ramp((SHRINKS, NEUTRAL, EXPANDS), (places + 1) / 2)


def _ramp(anchors, shares):
    """Return the colours [..., 3], float32, at fractions 0..1 between the first and the last anchor."""
    places = np.clip(shares, 0, 1) * np.float32(RAMP_STEPS)
    return np.take(_table(anchors), (places + np.float32(0.5)).astype(np.intp), axis=0)


@functools.lru_cache(maxsize=4)
def _table(anchors):
    return colourRamp(anchors, RAMP_STEPS + 1).astype(np.float32)


def _asTuple(colours):
    return tuple(map(tuple, np.round(colours).astype(int).tolist()))
