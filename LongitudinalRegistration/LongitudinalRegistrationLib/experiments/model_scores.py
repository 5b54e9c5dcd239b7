"""Scores of a network alone, without affine step and refinement: simulated follow-ups with a known field."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..evaluation.metrics import dice_per_label, mean_end_point_error, ssim
from ..field.jacobian import ndv_percent
from ..field.transforms import field_on
from ..methods.network.model_store import Model, trained_model
from ..methods.network.predict import Predictor
from ..scan.body import find_body
from ..scan.grid import Grid, body_bounds, common_grid, resample
from ..scan.labels import label_name
from ..scan.normalise import normalised_on_grid
from ..scan.pyramid import halved
from ..scan.read import read_image
from ..training.config import TrainingConfig
from ..training.manifest import Entry
from ..training.simulation.simulator import SimulatorOptions, simulate_follow_up

DELTAS_MM = (6.0, 11.0)
SEED = 2021
WHOLE_BODY_PERCENT = 99.5


def on_scoring_grid(image: sitk.Image) -> tuple[np.ndarray, np.ndarray, Grid]:
    """Resample a scan without its table to 160 x 160 x 256 voxels of 2 mm, the paper's: what is beyond is not scored.

    Parameters
    ----------
    image
        CT in HU, any grid.

    Returns
    -------
    image
        [k, j, i], float32, [0, 1].
    body
        [k, j, i], uint8, 0 or 1.
    grid
        Of both.
    """
    body = find_body(image)
    bounds = body_bounds(body.mask)
    grid = common_grid(bounds, bounds, sitk.AffineTransform(3))
    return *normalised_on_grid(body.clean, body.mask, grid), grid


def scored_percent(prepared: tuple[np.ndarray, np.ndarray, Grid], image: sitk.Image) -> float:
    """Say how much of a scan's body lies on the scoring grid.

    Parameters
    ----------
    prepared
        As from on_scoring_grid.
    image
        The scan that it was made from.

    Returns
    -------
    float
        Percent, by the body found in the scan and that on the grid.
    """
    body, grid = prepared[1:]
    whole = np.count_nonzero(sitk.GetArrayViewFromImage(find_body(image).mask)) * np.prod(image.GetSpacing())
    return min(100.0, 100.0 * float(np.count_nonzero(body)) * grid.spacing_mm**3 / float(whole))


def for_model(array: np.ndarray, grid: Grid, model: Model) -> tuple[np.ndarray, Grid]:
    """Bring an image of the scoring grid to the model's voxels as it was trained on them: itself, or means of eight.

    Parameters
    ----------
    array
        [k, j, i], float32, on the grid.
    grid
        Of 2 mm voxels.
    model
        Of 2 or 4 mm voxels.

    Returns
    -------
    array, grid
        [k, j, i], float32; and its grid.
    """
    if model.spacing_mm == grid.spacing_mm:
        return array, grid
    return halved(array), grid.coarser(2)


def _transform(field: sitk.Image) -> sitk.Transform:
    return sitk.DisplacementFieldTransform(sitk.Cast(field, sitk.sitkVectorFloat64))


def _warp(array: np.ndarray, field: sitk.Image, grid: Grid, labels: bool = False) -> np.ndarray:
    image, reference = grid.image(array), grid.reference()
    return sitk.GetArrayFromImage(resample(image, reference, _transform(field), labels=labels, outside=0.0))


@dataclass(frozen=True)
class SimulatedPair:
    """A scan and a simulated follow-up on the scoring grid, and what the network made of them.

    moving, fixed: [k, j, i] in [0, 1]; body: of the fixed image; truth, found: fields, mm, LPS; seconds: of the pass.
    """

    grid: Grid
    moving: np.ndarray
    fixed: np.ndarray
    body: np.ndarray
    truth: sitk.Image
    found: sitk.Image
    seconds: float

    def warped(self) -> np.ndarray:
        """Resample the moving image through the field that was found.

        Returns
        -------
        numpy.ndarray
            [k, j, i], float32, [0, 1], on the pair's grid.
        """
        return _warp(self.moving, self.found, self.grid)


def simulated_pair(
    prepared: tuple[np.ndarray, np.ndarray, Grid], predictor: Predictor, delta_mm: float, rng: np.random.Generator
) -> SimulatedPair:
    """Deform a scan (paper, section 3.2.2), and let the network find the deformation.

    Parameters
    ----------
    prepared
        The scan as from on_scoring_grid: the moving image. The noisy deformed copy is the fixed one.
    predictor
        The network.
    delta_mm
        Largest component of the random deformation.
    rng
        Of the deformation and the noise.

    Returns
    -------
    SimulatedPair
        With the true field and the one that was found.
    """
    moving, mask, grid = prepared
    fixed, truth = simulate_follow_up(moving, mask, grid.spacing_mm, SimulatorOptions(delta_mm=delta_mm), rng)
    true_field = grid.image(truth)
    body = _warp(mask, true_field, grid, labels=True)
    (fixed_there, there), (moving_there, _) = (for_model(x, grid, predictor.model) for x in (fixed, moving))
    begun = time.perf_counter()
    found = predictor.field(fixed_there, moving_there, there)
    seconds = time.perf_counter() - begun
    return SimulatedPair(grid, moving, fixed, body, true_field, field_on(found, grid.reference()), seconds)


def simulated_scores(
    prepared: tuple[np.ndarray, np.ndarray, Grid],
    predictor: Predictor,
    delta_mm: float,
    rng: np.random.Generator,
    labels: sitk.Image | None = None,
) -> dict:
    """One simulated follow-up (paper, section 3.2.2): scores before and after the network.

    Parameters
    ----------
    prepared
        Scan, as from on_scoring_grid.
    labels
        Vertebrae on the scan's grid, or None.

    Returns
    -------
    dict
        end_point_error_mm, ssim and, with labels, dsc (mean over labels), each [before, after]; dsc_twice,
        [after, ceiling] (see _label_scores); ndv_percent; seconds of the forward pass. Means are over the body.
    """
    pair = simulated_pair(prepared, predictor, delta_mm, rng)
    truth, found = (sitk.GetArrayViewFromImage(field) for field in (pair.truth, pair.found))
    scores = {
        "end_point_error_mm": [mean_end_point_error(truth, field, pair.body) for field in (0 * truth, found)],
        "ssim": [ssim(pair.fixed, warped, pair.body) for warped in (pair.moving, pair.warped())],
        "ndv_percent": ndv_percent(pair.found, pair.body),
        "seconds": pair.seconds,
    }
    if labels is not None:
        scores.update(_label_scores(labels, pair.grid, pair.truth, pair.found))
    return scores


def _label_scores(labels: sitk.Image, grid: Grid, truth: sitk.Image, found: sitk.Image) -> dict:
    """Mean DSC of the labels on the scoring grid against the labels taken through the true field.

    "dsc": the labels' own voxels through the field, one nearest-neighbour step, in which the true field would reach 1.
    "dsc_twice": after, and ceiling, if the moving labels come on the grid first and are interpolated a second time, as
    segmentations that were made on a resampled scan are; the ceiling is what the true field reaches this way.
    """

    def through(field: sitk.Image | None) -> np.ndarray:
        transform = None if field is None else _transform(field)
        return sitk.GetArrayFromImage(resample(labels, grid.reference(), transform, labels=True))

    fixed, moving = through(truth), through(None)
    present = [int(v) for v in np.unique(fixed) if v]

    def mean(warped: np.ndarray) -> float:
        return float(np.mean(list(dice_per_label(fixed, warped, present).values())))

    return {
        "dsc": [mean(moving), mean(through(found))],
        "dsc_twice": [mean(_warp(moving, field, grid, labels=True)) for field in (found, truth)],
        "labels": [label_name(v) for v in present],
    }


@dataclass(frozen=True)
class ScoredScan:
    """What is scored: a name, the scan in HU, its vertebrae on the same grid or None."""

    name: str
    image: sitk.Image
    labels: sitk.Image | None = None


def read_scored(entry: Entry) -> ScoredScan:
    """A scan of a manifest, read with its labels where it has any."""
    return ScoredScan(entry.name, read_image(entry.image), read_image(entry.labels) if entry.labels else None)


def phantom_scan(seed: int) -> ScoredScan:
    """The baseline of a synthetic patient, 256 x 256 x 100 voxels, with its vertebrae."""
    from ..phantom import PhantomOptions, make_phantom

    scan = make_phantom(seed, PhantomOptions(size=256, slices=100)).baseline
    return ScoredScan(f"phantom seed {seed}", scan.image, scan.vertebrae)


def model_scores(
    scans: Iterable[ScoredScan],
    predictor: Predictor,
    deltas_mm: Sequence[float] = DELTAS_MM,
    seed: int = SEED,
    draws: int = 1,
    progress: Callable[[float], None] | None = None,
) -> dict[str, dict[str, dict]]:
    """Scores of a network on simulated follow-ups: name of the scan, then "delta ... mm", to simulated_scores.

    Every scan and delta starts from the same seed; with several draws the scores are their means. Scans are taken one
    by one, so that they need not be in memory together; with `progress` they must be a sequence.
    """
    results: dict[str, dict[str, dict]] = {}
    for number, scan in enumerate(scans):
        results[scan.name] = {}
        prepared = on_scoring_grid(scan.image)
        inside = round(scored_percent(prepared, scan.image), 2)
        for nth, delta in enumerate(deltas_mm):
            rng = np.random.default_rng(seed)
            found = [simulated_scores(prepared, predictor, delta, rng, scan.labels) for _ in range(draws)]
            results[scan.name][f"delta {delta:g} mm"] = {**_rounded(_mean_of(found)), "scored_body_percent": inside}
            if progress and isinstance(scans, Sequence):
                progress((number + (nth + 1) / len(deltas_mm)) / len(scans))
    return results


def trained_scores(entries: Sequence[Entry], weights: Path, config: TrainingConfig) -> dict[str, dict[str, dict]]:
    """Scores of a network that has just been trained, on simulated follow-ups at its own simulator's delta.

    Parameters
    ----------
    entries
        The scans to score it on, from the cohort's manifest.
    weights
        The trained weights.
    config
        What it was trained with.
    """
    delta_mm = config.simulator.delta_mm
    predictor = Predictor(trained_model(config.network, weights, config.leaky_slope, delta_mm, config.flow_resolution))
    return model_scores((read_scored(entry) for entry in entries), predictor, (delta_mm,), config.seed)


def _mean_of(scores: list[dict]) -> dict:
    """Means of what simulated_scores gives; labels are those of the first."""
    names = [name for name in scores[0] if name != "labels"]
    means = {name: np.mean([score[name] for score in scores], axis=0).tolist() for name in names}
    return {**scores[0], **means}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return round(value, 4) if isinstance(value, float) else value


def scores_text(results: dict[str, dict[str, dict]]) -> str:
    """The scores as lines for a terminal."""
    head = f"{'error, mm':>14} {'SSIM':>14} {'DSC':>14} {'twice of':>14} {'NDV, %':>8} {'s':>5}"
    lines = [f"{'':<34} {head}"]
    for name, deltas in results.items():
        for delta, row in deltas.items():
            cells = [_pair(row["end_point_error_mm"], "->", 2), _pair(row["ssim"], "->", 3)]
            cells += [
                _pair(row[key], word, 3) if key in row else "-" for key, word in (("dsc", "->"), ("dsc_twice", "of"))
            ]
            last = f"{row['ndv_percent']:>8.4f} {row['seconds']:>5.2f}"
            lines.append(f"{name + ', ' + delta:<34} {' '.join(f'{cell:>14}' for cell in cells)} {last}")
        inside = min(row.get("scored_body_percent", 100.0) for row in deltas.values())
        if inside < WHOLE_BODY_PERCENT:
            lines.append(f"  of this body {inside:.1f} % lie on the grid of 320 x 320 x 512 mm; the rest is not scored")
    return "\n".join(lines)


def _pair(values: list[float], word: str, digits: int) -> str:
    return f"{values[0]:.{digits}f} {word} {values[1]:.{digits}f}"
