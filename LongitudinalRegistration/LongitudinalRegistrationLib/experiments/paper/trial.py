"""One simulated follow-up, and how well one method finds its displacement (paper, section 3.2.2 and 3.4)."""

from __future__ import annotations

import os
from dataclasses import dataclass
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
from ...system.parallel import thread_count
from ...training.simulation.simulator import (
    COARSE_SPACING_MM,
    SimulatorOptions,
    densify_field,
    random_coarse_field,
    warp_block,
)
from .solvers import solver

EDGE_VOXELS = 2
PAPER_DELTA_MM = 11.0
"""Largest component that makes a follow-up as hard as the paper's, see docs/training.md."""


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


@dataclass(frozen=True)
class _Simulated:
    """A simulated follow-up of a scan, [k, j, i], on its grid.

    truth: true field (k, j, i, 3), mm; fixed: without the table, [0, 1]; with_table: the same on the table, which has
    not moved; body: of it; labels: the scan's, moved, or None; before: the scores of doing nothing.
    """

    truth: np.ndarray
    fixed: np.ndarray
    with_table: np.ndarray
    body: np.ndarray
    labels: np.ndarray | None
    before: dict[str, float | None]


_follow_up: dict[tuple, _Simulated] = {}


def _simulated(scan: _Prepared, trial: Trial) -> _Simulated:
    """A simulated follow-up, made once where several methods take it in a row."""
    key = trial.image, trial.labels, trial.field, trial.delta_mm, trial.shift_mm
    if key not in _follow_up:
        _follow_up.clear()
        _follow_up[key] = _simulate(scan, trial)
    return _follow_up[key]


def _simulate(scan: _Prepared, trial: Trial) -> _Simulated:
    rng = np.random.default_rng([2021, trial.field])
    options = SimulatorOptions(delta_mm=trial.delta_mm)
    grid, shape, spacing = scan.grid, scan.refined.shape, scan.grid.spacing_mm
    coarse = random_coarse_field(scan.body, spacing, options, rng)
    truth = densify_field(coarse, spacing / COARSE_SPACING_MM, np.zeros(3, np.int64), shape)
    truth += rng.uniform(-trial.shift_mm, trial.shift_mm, 3).astype(np.float32)
    moved = warp_block(scan.refined, truth / np.float32(spacing), np.zeros(3, np.int64))
    noise = np.float32(options.noise) * rng.standard_normal(shape, dtype=np.float32)
    table = np.where(binary_dilation(scan.body, iterations=EDGE_VOXELS), np.float32(0.0), scan.original)
    fixed, with_table = (np.clip(image + noise, 0.0, 1.0) for image in (moved, np.maximum(moved, table)))
    true = grid.image(truth)
    body = _through(grid.image(scan.body), grid, true, labels=True)
    labels = None if scan.labels is None else _through(scan.labels, grid, true, labels=True)
    before = _scores(scan, _Simulated(truth, fixed, with_table, body, labels, {}), None)
    return _Simulated(truth, fixed, with_table, body, labels, before)


def run_trial(trial: Trial) -> dict[str, Any]:
    """Deform a scan at random, let the method find the deformation, and score it.

    Parameters
    ----------
    trial
        What is done.

    Returns
    -------
    dict
        end_point_error_mm, ssim, ncc and, with labels, dsc (mean over the labels), each _before and _after, over the
        body of the simulated scan; ndv_percent; seconds of the method; threads; cores of the machine, and its load (how
        many processes wanted to run in the last minute, 0 where the system does not tell).
    """
    scan = _prepared(trial.image, trial.labels)
    follow_up = _simulated(scan, trial)
    seen = (follow_up.fixed, scan.refined) if trial.refined else (follow_up.with_table, scan.original)
    found, seconds = solver(trial.method, trial.niftyreg_spacing_mm)((*seen, scan.grid))
    after = _scores(scan, follow_up, found)
    return {
        **{f"{measure}_before": value for measure, value in follow_up.before.items()},
        **{f"{measure}_after": value for measure, value in after.items()},
        "ndv_percent": ndv_percent(found, follow_up.body),
        "seconds": seconds,
        "threads": thread_count(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else 0.0,
    }


def _scores(scan: _Prepared, follow_up: _Simulated, field: sitk.Image | None) -> dict[str, float | None]:
    """The scores of a field (vector image on the scan's grid); None: of doing nothing."""
    grid, body = scan.grid, follow_up.body
    warped, vectors = scan.refined, np.zeros_like(follow_up.truth)
    if field is not None:
        warped, vectors = _through(grid.image(scan.refined), grid, field), sitk.GetArrayFromImage(field)
    return {
        "end_point_error_mm": mean_end_point_error(follow_up.truth, vectors, body),
        "ssim": ssim(follow_up.fixed, warped, body),
        "ncc": global_ncc(follow_up.fixed, warped, body),
        "dsc": _dsc(scan, follow_up, field),
    }


def _through(image: sitk.Image, grid: Grid, field: sitk.Image | None, labels: bool = False) -> np.ndarray:
    transform = None
    if field is not None:
        transform = sitk.DisplacementFieldTransform(sitk.Cast(field, sitk.sitkVectorFloat64))
    return sitk.GetArrayFromImage(resample(image, grid.reference(), transform, labels=labels, outside=0.0))


def _dsc(scan: _Prepared, follow_up: _Simulated, field: sitk.Image | None) -> float | None:
    """Mean over the labels, each interpolated once from its own voxels; the true field would reach 1."""
    if scan.labels is None or follow_up.labels is None:
        return None
    moving = _through(scan.labels, scan.grid, field, labels=True)
    present = [int(value) for value in np.unique(follow_up.labels) if value]
    return float(np.mean(list(dice_per_label(follow_up.labels, moving, present).values()))) if present else None
