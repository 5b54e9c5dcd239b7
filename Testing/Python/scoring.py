"""Networks scored on the middle of the scoring grid, for tests that need not wait for the whole of it."""

import numpy as np
from LongitudinalRegistrationLib.experiments import before_after, model_scores
from LongitudinalRegistrationLib.scan.grid import Grid


def middle_of(prepared):
    """The middle of what on_scoring_grid gives: less than a third of its voxels."""
    *volumes, grid = prepared
    first, size = (0, 16, 80), (160, 128, 96)
    cut = tuple(slice(f, f + n) for f, n in zip(first[::-1], size[::-1], strict=True))
    origin = tuple(o + f * grid.spacing_mm for o, f in zip(grid.origin, first, strict=True))
    return *(np.ascontiguousarray(volume[cut]) for volume in volumes), Grid(size, origin, grid.spacing_mm)


def score_the_middle(monkeypatch):
    """Have everything that scores a network take the middle."""
    whole = model_scores.on_scoring_grid
    for module in (model_scores, before_after):
        monkeypatch.setattr(module, "on_scoring_grid", lambda image: middle_of(whole(image)))
