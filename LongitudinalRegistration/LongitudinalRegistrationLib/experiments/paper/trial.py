"""One simulated follow-up, and how well one method finds its displacement (paper, section 3.2.2 and 3.4)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import binary_dilation

from ...evaluation.metrics import dice_per_label, global_ncc, mean_end_point_error, ssim
from ...field.jacobian import ndv_percent
from ...scan.body import find_body
from ...scan.grid import Grid, body_bounds, common_grid, resample
from ...scan.normalise import normalised_on_grid
from ...scan.read import read_image
from ...training.simulation.simulator import (
    COARSE_SPACING_MM,
    SimulatorOptions,
    densify_field,
    random_coarse_field,
    warp_block,
)
from .solvers import solver

EDGE_VOXELS = 2


@dataclass(frozen=True)
class Trial:
    """A simulated follow-up and the method that registers it.

    Attributes
    ----------
    patient, scan
        Of the manifest; what tables call it.
    image, labels
        Files.
    field
        Number of the random field and its noise.
    delta_mm
        Its largest component.
    shift_mm
        Limit of a shift of the patient on the table, each component.
    refined
        Whether the table has been removed, for the method; the scores are always taken without it.
    method
        See solvers.solver.
    group
        Of the experiment: what the method stands for, and the fold.
    niftyreg_spacing_mm
        Voxels that NiftyReg works on.
    """

    patient: str
    scan: str
    image: str
    labels: str | None
    field: int
    delta_mm: float
    shift_mm: float = 0.0
    refined: bool = True
    method: str = "vxm2"
    group: str = ""
    split: str = ""
    niftyreg_spacing_mm: float = 2.0


@dataclass(frozen=True)
class _Prepared:
    """A scan on 160 x 160 x 256 voxels of 2 mm, [k, j, i]: without its table, with it, [0, 1]; its body; labels."""

    refined: np.ndarray
    original: np.ndarray
    body: np.ndarray
    grid: Grid
    labels: sitk.Image | None


_scan: dict[str, _Prepared] = {}


def _prepared(image: str, labels: str | None) -> _Prepared:
    """A scan, read once where it is used several times in a row."""
    key = f"{image} {labels}"
    if key not in _scan:
        _scan.clear()
        scan = read_image(Path(image))
        body = find_body(scan)
        bounds = body_bounds(body.mask)
        grid = common_grid(bounds, bounds, sitk.AffineTransform(3))
        refined, mask = normalised_on_grid(body.clean, body.mask, grid)
        original, _ = normalised_on_grid(scan, body.mask, grid)
        _scan[key] = _Prepared(refined, original, mask, grid, read_image(Path(labels)) if labels else None)
    return _scan[key]


def run_trial(trial: Trial) -> dict[str, Any]:
    """Deform a scan at random, let the method find the deformation, and score it.

    Parameters
    ----------
    trial
        What is done.

    Returns
    -------
    dict
        The trial's own columns; end_point_error_mm, ssim, ncc and, with labels, dsc (mean over the labels), each
        _before and _after, over the body of the simulated scan; ndv_percent; seconds of the method.
    """
    scan = _prepared(trial.image, trial.labels)
    grid = scan.grid
    truth, fixed, seen_fixed, seen_moving = _simulated(scan, trial)
    found, seconds = solver(trial.method, trial.niftyreg_spacing_mm)((seen_fixed, seen_moving, grid))
    true = grid.image(truth)
    body = _through(grid.image(scan.body), grid, true, labels=True)
    steps = {"before": None, "after": found}
    arrays = {"before": np.zeros_like(truth), "after": sitk.GetArrayFromImage(found)}
    result: dict[str, Any] = {**asdict(trial), "ndv_percent": ndv_percent(found, body), "seconds": seconds}
    for step, field in steps.items():
        warped = scan.refined if field is None else _through(grid.image(scan.refined), grid, field)
        result[f"end_point_error_mm_{step}"] = mean_end_point_error(truth, arrays[step], body)
        result[f"ssim_{step}"] = ssim(fixed, warped, body)
        result[f"ncc_{step}"] = global_ncc(fixed[body > 0], warped[body > 0])
        result[f"dsc_{step}"] = None if scan.labels is None else _dsc(scan.labels, grid, true, field)
    return result


def _simulated(scan: _Prepared, trial: Trial) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """True field (k, j, i, 3), mm; fixed image without table; and fixed and moving image as the method sees them.

    The patient moves, the table does not.
    """
    rng = np.random.default_rng([2021, trial.field])
    options = SimulatorOptions(delta_mm=trial.delta_mm)
    shape, spacing = scan.refined.shape, scan.grid.spacing_mm
    coarse = random_coarse_field(scan.body, spacing, options, rng)
    field = densify_field(coarse, spacing / COARSE_SPACING_MM, np.zeros(3, np.int64), shape)
    field += rng.uniform(-trial.shift_mm, trial.shift_mm, 3).astype(np.float32)
    fixed = warp_block(scan.refined, field / np.float32(spacing), np.zeros(3, np.int64))
    noise = np.float32(options.noise) * rng.standard_normal(shape, dtype=np.float32)
    if trial.refined:
        noisy = np.clip(fixed + noise, 0.0, 1.0)
        return field, noisy, noisy, scan.refined
    table = np.where(binary_dilation(scan.body, iterations=EDGE_VOXELS), np.float32(0.0), scan.original)
    with_table = np.clip(np.maximum(fixed, table) + noise, 0.0, 1.0)
    return field, np.clip(fixed + noise, 0.0, 1.0), with_table, scan.original


def _through(image: sitk.Image, grid: Grid, field: sitk.Image | None, labels: bool = False) -> np.ndarray:
    transform = None
    if field is not None:
        transform = sitk.DisplacementFieldTransform(sitk.Cast(field, sitk.sitkVectorFloat64))
    return sitk.GetArrayFromImage(resample(image, grid.reference(), transform, labels=labels, outside=0.0))


def _dsc(labels: sitk.Image, grid: Grid, truth: sitk.Image, field: sitk.Image | None) -> float | None:
    """Mean over the labels, each interpolated once from its own voxels; the true field would reach 1."""
    fixed, moving = _through(labels, grid, truth, labels=True), _through(labels, grid, field, labels=True)
    present = [int(value) for value in np.unique(fixed) if value]
    return float(np.mean(list(dice_per_label(fixed, moving, present).values()))) if present else None
