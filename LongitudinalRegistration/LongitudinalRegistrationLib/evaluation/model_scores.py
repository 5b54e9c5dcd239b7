"""Scores of a shipped network on scans it was not trained on: simulated follow-ups with a known field.

    python -m LongitudinalRegistrationLib.evaluation.model_scores SCAN [SCAN ...]
    python -m LongitudinalRegistrationLib.evaluation.model_scores --phantoms 101,102

The network alone, without affine step and refinement. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..bodies import find_body
from ..grid import Grid, common_grid, resample
from ..labels import label_name
from ..network.model_store import DEFAULT_NETWORK, Model, find_model
from ..network.predict import Predictor
from ..normalise import normalised_on_grid
from ..reading import read_image
from ..training.simulator import SimulatorOptions, simulate_follow_up
from .metrics import dice_per_label, mean_end_point_error, ndv_percent, ssim

DELTAS_MM = (6.0, 11.0)
SEED = 2021


def on_network_grid(image: sitk.Image, model: Model) -> tuple[np.ndarray, np.ndarray, Grid]:
    """A scan without its table on the network's grid: image [k, j, i] in [0, 1], body mask, the grid."""
    body = find_body(image)
    grid = common_grid(body.mask, body.mask, sitk.AffineTransform(3), model.size, model.spacing_mm)
    return *normalised_on_grid(body.clean, body.mask, grid), grid


def _warp(array: np.ndarray, field: sitk.Image, grid: Grid, labels: bool = False) -> np.ndarray:
    transform = sitk.DisplacementFieldTransform(sitk.Cast(field, sitk.sitkVectorFloat64))
    return sitk.GetArrayFromImage(resample(grid.image(array), grid.reference(), transform, labels=labels, outside=0.0))


def simulated_scores(
    image: sitk.Image, predictor: Predictor, delta_mm: float, rng, labels: sitk.Image | None = None
) -> dict:
    """One simulated follow-up (paper, section 3.2.2): scores before and after the network.

    Parameters
    ----------
    image
        Scan in HU.
    labels
        Vertebrae on the scan's grid, or None.

    Returns
    -------
    dict
        end_point_error_mm, ssim and, with labels, dsc (mean over labels), each [before, after]; ndv_percent. Means are
        over the body.
    """
    moving, mask, grid = on_network_grid(image, predictor.model)
    fixed, truth = simulate_follow_up(moving, mask, grid.spacing_mm, SimulatorOptions(delta_mm=delta_mm), rng)
    true_field = grid.image(truth)
    body = _warp(mask, true_field, grid, labels=True)
    found = predictor.field(fixed, moving, grid)
    scores = {
        "end_point_error_mm": [
            mean_end_point_error(truth, field, body) for field in (0 * truth, sitk.GetArrayFromImage(found))
        ],
        "ssim": [ssim(fixed, warped, body) for warped in (moving, _warp(moving, found, grid))],
        "ndv_percent": ndv_percent(found, body),
    }
    if labels is not None:
        here = sitk.GetArrayFromImage(resample(labels, grid.reference(), labels=True))
        there = _warp(here, true_field, grid, labels=True)
        scores["dsc"] = [
            float(np.mean(list(dice_per_label(there, warped).values())))
            for warped in (here, _warp(here, found, grid, labels=True))
        ]
        scores["labels"] = [label_name(v) for v in np.unique(here) if v]
    return scores


def _rounded(value):
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return round(value, 4) if isinstance(value, float) else value


def _phantom(seed: int):
    from ..phantom import PhantomOptions, make_phantom

    scan = make_phantom(seed, PhantomOptions(size=256, slices=100)).baseline
    return f"phantom seed {seed}", scan.image, scan.vertebrae


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", nargs="*", type=Path)
    parser.add_argument("--phantoms", default="", help="seeds, separated by commas")
    parser.add_argument("--network", default=DEFAULT_NETWORK)
    arguments = parser.parse_args()
    predictor = Predictor(find_model(arguments.network))
    inputs = [(path.name, read_image(path), None) for path in arguments.scans]
    inputs += [_phantom(int(seed)) for seed in arguments.phantoms.split(",") if seed]
    results = {
        name: {
            f"delta {delta:g} mm": simulated_scores(image, predictor, delta, np.random.default_rng(SEED), labels)
            for delta in DELTAS_MM
        }
        for name, image, labels in inputs
    }
    print(json.dumps(_rounded(results), indent=2))


if __name__ == "__main__":
    main()
