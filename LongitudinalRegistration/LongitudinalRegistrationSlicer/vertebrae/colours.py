"""A colour for each vertebra; warm and cool take turns down the spine, so that the colour-blind can tell neighbours."""

from LongitudinalRegistrationSlicer.vertebrae.names import spineOrder

PALETTE = (
    (0.90, 0.62, 0.00),
    (0.35, 0.55, 1.00),
    (0.94, 0.89, 0.26),
    (0.80, 0.47, 0.65),
    (1.00, 0.42, 0.17),
    (0.34, 0.76, 0.91),
)
LIGHTER = 0.55


def baselineColour(value):
    """Return the colour (red, green, blue, 0..1) of a label value's vertebra."""
    place, other = spineOrder(value)
    return PALETTE[(place + other) % len(PALETTE)]


def followUpColour(value):
    """Return the same hue, lighter."""
    return tuple(part + LIGHTER * (1.0 - part) for part in baselineColour(value))
