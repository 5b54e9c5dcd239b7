"""A displacement as text."""

import math

AXES = (
    ("to the patient's right", "to the patient's left"),
    ("forward", "backward"),
    ("towards the head", "towards the feet"),
)
SHORT_AXES = (("right", "left"), ("anterior", "posterior"), ("superior", "inferior"))
LEAST_MM, LEAST_SHORT_MM = 0.05, 0.5


def describeDisplacement(vectorRas):
    """Return a displacement (RAS, mm) as text: its length, then each direction, the largest first."""
    length = math.sqrt(sum(float(value) ** 2 for value in vectorRas))
    parts = [(abs(value), names[value < 0]) for value, names in zip(map(float, vectorRas), AXES, strict=True)]
    shown = [f"{size:.1f} mm {name}" for size, name in sorted(parts, reverse=True) if size >= LEAST_MM]
    return f"{length:.1f} mm: {', '.join(shown)}" if shown else "0.0 mm"


def shortDisplacement(vectorRas):
    """Return a displacement (RAS, mm) in whole millimetres, the largest direction first: "3 mm left, 2 mm superior"."""
    parts = [(abs(value), names[value < 0]) for value, names in zip(map(float, vectorRas), SHORT_AXES, strict=True)]
    shown = [f"{size:.0f} mm {name}" for size, name in sorted(parts, reverse=True) if size >= LEAST_SHORT_MM]
    return ", ".join(shown) or "0 mm"
