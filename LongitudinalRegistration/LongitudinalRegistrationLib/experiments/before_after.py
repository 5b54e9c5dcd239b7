"""A picture of one simulated pair before and after a network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..methods.network.predict import Predictor
from ..system.files import write_atomically
from .model_scores import ScoredScan, SimulatedPair, on_scoring_grid, simulated_pair

WINDOW = (0.6, 1.0)
LARGEST_DIFFERENCE = 0.25


def _planes(pair: SimulatedPair) -> dict[str, tuple]:
    """An axial and a coronal plane through the body's middle, cropped to the body."""
    low, high = np.argwhere(pair.body).min(axis=0), np.argwhere(pair.body).max(axis=0) + 1
    middle = (low + high) // 2
    spans = [slice(a, b) for a, b in zip(low, high, strict=True)]
    upwards = slice(high[0] - 1, low[0] - 1 if low[0] else None, -1)
    return {"axial": (middle[0], spans[1], spans[2]), "coronal": (upwards, middle[1], spans[2])}


def draw_before_after(scan: ScoredScan, predictor: Predictor, delta_mm: float, seed: int, path: Path) -> Path:
    """Draw fixed image, difference before and after, and error of the field before and after, axial and coronal.

    Parameters
    ----------
    scan
        The scan that is deformed.
    predictor
        The network.
    delta_mm
        Largest component of the random deformation.
    seed
        Of the deformation.
    path
        Of the PNG.

    Returns
    -------
    pathlib.Path
        The path.
    """
    from matplotlib.figure import Figure

    pair = simulated_pair(on_scoring_grid(scan.image), predictor, delta_mm, np.random.default_rng(seed))
    truth, found = (sitk.GetArrayViewFromImage(field) for field in (pair.truth, pair.found))
    errors = [np.where(pair.body, np.linalg.norm(truth - field, axis=-1), np.nan) for field in (0 * truth, found)]
    differences = [image - pair.fixed for image in (pair.moving, pair.warped())]
    largest = float(np.nanpercentile(errors[0], 99.5))
    means = [float(np.nanmean(error)) for error in errors]
    figure = Figure(figsize=(14, 6.2), layout="constrained")
    layout = figure.add_gridspec(3, 5, height_ratios=(1, 1, 0.05))
    axes = np.array([[figure.add_subplot(layout[row, column]) for column in range(5)] for row in range(2)])
    for row, plane in zip(axes, _planes(pair).values(), strict=True):
        row[0].imshow(pair.fixed[plane], cmap="gray", vmin=WINDOW[0], vmax=WINDOW[1])
        for axis, difference in zip(row[1:3], differences, strict=True):
            shown = axis.imshow(difference[plane], cmap="PuOr", vmin=-LARGEST_DIFFERENCE, vmax=LARGEST_DIFFERENCE)
        for axis, error in zip(row[3:], errors, strict=True):
            coloured = axis.imshow(error[plane], cmap="viridis", vmin=0, vmax=largest)
        for axis in row:
            axis.set_axis_off()
    titles = (
        *("fixed: simulated follow-up", "moving - fixed, before", "moving - fixed, after"),
        *(f"error before: mean {means[0]:.2f} mm", f"error after: mean {means[1]:.2f} mm"),
    )
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=10)
    bars = [figure.add_subplot(layout[2, columns]) for columns in (slice(1, 3), slice(3, 5))]
    figure.colorbar(shown, cax=bars[0], orientation="horizontal", label="difference of intensities in [0, 1]")
    figure.colorbar(coloured, cax=bars[1], orientation="horizontal", label="mm")
    title = f"{Path(scan.name).name}, delta {delta_mm:g} mm, network {predictor.model.name} alone"
    figure.suptitle(title, fontsize=11)
    return write_atomically(path, ".png", lambda name: figure.savefig(name, dpi=110))
