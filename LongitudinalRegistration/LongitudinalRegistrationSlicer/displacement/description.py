"""A displacement as text."""

import math

AXES = (
    ("to the patient's right", "to the patient's left"),
    ("forward", "backward"),
    ("towards the head", "towards the feet"),
)
LEAST_MM = 0.05


def describeDisplacement(vectorRas):
    """Return a displacement (RAS, mm) as text: its length, then each direction, the largest first."""
    length = math.sqrt(sum(float(value) ** 2 for value in vectorRas))
    parts = [(abs(value), names[value < 0]) for value, names in zip(map(float, vectorRas), AXES, strict=True)]
    shown = [f"{size:.1f} mm {name}" for size, name in sorted(parts, reverse=True) if size >= LEAST_MM]
    return f"{length:.1f} mm: {', '.join(shown)}" if shown else "0.0 mm"
