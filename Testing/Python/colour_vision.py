"""How well two colours can be told apart."""

import numpy as np


def rgb(name):
    return tuple(int(name[n : n + 2], 16) / 255 for n in (1, 3, 5))


def linear(colour):
    return np.array([c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour])


def contrast(one, other):
    """Contrast of two sRGB colours after WCAG 2: from 1 to 21."""
    bright, dark = sorted((float(linear(c) @ (0.2126, 0.7152, 0.0722)) for c in (one, other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def colour_blind_distance(one, other):
    """Smallest distance of two sRGB colours as seen with protanopia and deuteranopia (Machado 2009, severity 1)."""
    simulations = (
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    )
    seen = [[np.clip(np.array(m) @ linear(c), 0, 1) ** (1 / 2.2) for c in (one, other)] for m in simulations]
    return min(float(np.linalg.norm(a - b)) for a, b in seen)
