"""Example slices: figs. 1, 2, 5 and 6, window 1800 HU, level 400 HU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from ...cohort.pairs import Pair
from ...pipeline.options import RegistrationOptions
from ...pipeline.registration import register
from ...scan.body import find_body
from ...scan.grid import AIR_HU, resample
from ...scan.read import read_image
from ...training.simulation.simulated_scan import simulate_scan
from ...training.simulation.simulator import SimulatorOptions
from .outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WINDOW_HU, LEVEL_HU = 1800.0, 400.0
LOW_HU, HIGH_HU = LEVEL_HU - WINDOW_HU / 2, LEVEL_HU + WINDOW_HU / 2
DELTA_MM = 11.0
PIXEL_MM = 1.5


def slices_outcome(pairs: Sequence[Pair]) -> dict[str, Outcome]:
    """Make the example slices of the first patient with two follow-ups, else of the first pair.

    Parameters
    ----------
    pairs
        Of the cohort.

    Returns
    -------
    dict
        "fig1" (one patient over time), "fig2" (a displacement field in colours), "fig5" (a simulated follow-up), "fig6"
        (before and after the table is removed; before and after the registration) to what is drawn.

    Raises
    ------
    InputError
        If there is no pair.
    """
    if not pairs:
        raise InputError("There is no follow-up to show.")
    own = [pair for pair in pairs if pair.baseline == pairs[0].baseline][:3]
    baseline = read_image(own[0].baseline.image)
    follow_ups = [read_image(pair.follow_up.image) for pair in own]
    body = find_body(baseline)
    middle = _middle(body.mask)
    result = register(baseline, follow_ups[-1], RegistrationOptions())
    simulated = simulate_scan(baseline, SimulatorOptions(delta_mm=DELTA_MM), np.random.default_rng(2021))
    registered = result.registered
    dvf = result.dvf

    def over_time(figure: Figure) -> None:
        scans = [(own[0].baseline.time_point, baseline)]
        scans += [(pair.follow_up.time_point, scan) for pair, scan in zip(own, follow_ups, strict=True)]
        axes = figure.subplots(2, len(scans), squeeze=False)
        for column, (name, scan) in enumerate(scans):
            place = _middle(find_body(scan).mask)
            for axis, plane in zip(axes[:, column], (2, 1), strict=True):
                _show(axis, _plane(scan, plane, place))
            axes[0, column].set_title(name)

    def field(figure: Figure) -> None:
        axes = figure.subplots(1, 2)
        _show(axes[0], _plane(baseline, 1, middle), "baseline")
        _colours(axes[1], _plane(dvf, 1, middle, baseline), "displacement")
        figure.suptitle("grey: none; red: x, green: y, blue: z (LPS)", y=0.02, va="bottom", fontsize=8)

    def moved(figure: Figure) -> None:
        axes = figure.subplots(1, 3)
        first, second = (_plane(scan, 2, middle) for scan in (baseline, simulated.image))
        _show(axes[0], first, "scan")
        _show(axes[1], second, f"simulated follow-up, {DELTA_MM:g} mm")
        _difference(axes[2], second - first, "difference")

    def before_after(figure: Figure) -> None:
        axes = figure.subplots(2, 3)
        clean = body.clean
        _show(axes[0, 0], _plane(baseline, 2, middle), "original")
        _show(axes[0, 1], _plane(clean, 2, middle), "refined")
        _difference(axes[0, 2], _plane(clean, 2, middle) - _plane(baseline, 2, middle), "what was removed")
        fixed = _plane(baseline, 1, middle)
        _show(axes[1, 0], _plane(registered, 1, middle), "follow-up, registered")
        _difference(axes[1, 1], _plane(follow_ups[-1], 1, middle, baseline) - fixed, "difference before")
        _difference(axes[1, 2], _plane(registered, 1, middle) - fixed, "difference after")

    return {
        "fig1": Outcome([], over_time, (2.6 * (len(own) + 1), 6.0)),
        "fig2": Outcome([], field, (6.0, 3.5)),
        "fig5": Outcome([], moved, (8.4, 2.6)),
        "fig6": Outcome([], before_after, (8.4, 6.4)),
    }


def _middle(mask: sitk.Image) -> tuple[float, float, float]:
    """The middle of a body's box, LPS mm."""
    places = np.argwhere(sitk.GetArrayViewFromImage(mask))
    middle = ((places.min(axis=0) + places.max(axis=0)) / 2)[::-1]
    return mask.TransformContinuousIndexToPhysicalPoint(middle.tolist())


def _plane(
    image: sitk.Image, axis: int, point: tuple[float, float, float], extent: sitk.Image | None = None
) -> np.ndarray:
    """A plane across an axis (2: axial, 1: coronal) through a point, on square pixels, seen as radiologists do.

    It reaches as far as `extent`, or as the image itself.
    """
    frame = image if extent is None else extent
    low, high = (np.array(frame.TransformContinuousIndexToPhysicalPoint(at)) for at in _corners(frame))
    low, high = np.minimum(low, high), np.maximum(low, high)
    low[axis] = high[axis] = point[axis]
    size = np.maximum(np.round((high - low) / PIXEL_MM), 0).astype(int) + 1
    reference = sitk.Image(size.tolist(), sitk.sitkFloat32)
    reference.SetOrigin(low.tolist())
    reference.SetSpacing([PIXEL_MM] * 3)
    vectors = image.GetNumberOfComponentsPerPixel() > 1
    found = sitk.GetArrayFromImage(resample(image, reference, outside=0.0 if vectors else AIR_HU))
    flat = np.take(found, 0, axis=2 - axis).astype(float)
    return flat if axis == 2 else flat[::-1]


def _corners(image: sitk.Image) -> tuple[list[float], list[float]]:
    return [0.0, 0.0, 0.0], [float(n - 1) for n in image.GetSize()]


def _show(axis: Axes, plane: np.ndarray, title: str = "") -> None:
    axis.imshow(plane, cmap="gray", vmin=LOW_HU, vmax=HIGH_HU)
    _bare(axis, title)


def _difference(axis: Axes, plane: np.ndarray, title: str) -> None:
    axis.imshow(plane, cmap="PuOr", vmin=-WINDOW_HU / 2, vmax=WINDOW_HU / 2)
    _bare(axis, title)


def _colours(axis: Axes, plane: np.ndarray, title: str) -> None:
    most = max(float(np.percentile(np.abs(plane), 99.5)), 1e-6)
    axis.imshow(np.clip(0.5 + 0.5 * plane / most, 0.0, 1.0))
    _bare(axis, f"{title}, ± {most:.0f} mm")


def _bare(axis: Axes, title: str) -> None:
    axis.set_axis_off()
    axis.set_title(title)
