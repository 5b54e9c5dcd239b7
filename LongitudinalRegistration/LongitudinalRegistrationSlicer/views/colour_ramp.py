"""Colour ramps: colours interpolated between anchors."""

import numpy as np


def colourRamp(anchors, steps):
    """Return colours [steps, 3], evenly spaced from the first to the last of some anchors (r, g, b)."""
    places = np.linspace(0, len(anchors) - 1, steps)
    channels = [np.interp(places, np.arange(len(anchors)), channel) for channel in zip(*anchors, strict=True)]
    return np.stack(channels, axis=-1)
