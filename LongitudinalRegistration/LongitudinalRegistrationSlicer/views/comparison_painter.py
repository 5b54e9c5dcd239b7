"""The painter that overlays the registered scan on the baseline in a slice view's overlay."""

import dataclasses

import numpy as np

from LongitudinalRegistrationSlicer.views.compositing import (
    absoluteDifference,
    checkerboard,
    contours,
    fade,
    redCyan,
    rgb,
    tiles,
)

FADE, FLICKER, CHECKERBOARD, RED_CYAN, DIFFERENCE, CONTOURS = (
    "Fade",
    "Flicker",
    "Checkerboard",
    "Red/cyan",
    "Absolute difference",
    "Contours",
)
MODES = (FADE, FLICKER, CHECKERBOARD, RED_CYAN, DIFFERENCE, CONTOURS)


@dataclasses.dataclass
class ComparisonPainter:
    """mode: one of MODES; opacity of the registered scan in FADE, 0..1; showsMoving: which scan FLICKER shows now;
    tileMm of the checkerboard; largestHu: where the colours of the difference end."""

    mode: str = FADE
    opacity: float = 0.5
    showsMoving: bool = False
    tileMm: float = 25.0
    largestHu: float = 300.0

    def __call__(self, frame, picture):
        """Return the picture of a slice_overlay.Frame; the one given where a scan is missing or the mode is none."""
        if frame.background is None or frame.foreground is None or self.mode not in MODES:
            return picture
        fixed = frame.background.grey
        inside = frame.foreground.inside
        if self.mode == CONTOURS:
            return contours(rgb(fixed), frame.foreground.scalars, inside)
        if self.mode == DIFFERENCE:
            both = inside & frame.background.inside
            return absoluteDifference(frame.background.scalars, frame.foreground.scalars, both, self.largestHu)
        moving = np.where(inside, frame.foreground.grey, fixed)
        if self.mode == CHECKERBOARD:
            return checkerboard(fixed, moving, tiles(frame.xyToRAS, frame.width, frame.height, self.tileMm))
        if self.mode == RED_CYAN:
            return redCyan(fixed, np.where(inside, moving, np.uint8(0)))
        if self.mode == FLICKER:
            return rgb(moving if self.showsMoving else fixed)
        return fade(fixed, moving, self.opacity)
