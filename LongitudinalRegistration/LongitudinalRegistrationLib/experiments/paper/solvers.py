"""What finds the displacement of a simulated follow-up: a network alone, the whole of `longct`, NiftyReg."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from ...field.transforms import displacement_on, field_on
from ...methods.method import Problem
from ...methods.network.architectures.catalogue import NETWORKS
from ...methods.network.model_store import Model, find_model, trained_model
from ...methods.network.predict import loaded_predictor
from ...methods.niftyreg.binaries import find_programs
from ...methods.niftyreg.run import f3d
from ...pipeline.choice import solve
from ...pipeline.options import RegistrationOptions
from ...pipeline.registration import prepare
from ...pipeline.stages import Stages
from ...scan.grid import AIR_HU, Grid, resample, smooth_for_spacing
from ...system.parallel import thread_count
from ..model_scores import for_model

SPAN_HU = 1500.0
"""HU between 0 and 1 of a normalised image, for methods that take HU; air stays air."""
NIFTYREG, DEFAULT, VOXELMORPH = "niftyreg", "default", "vxm2"
Images = tuple[np.ndarray, np.ndarray, Grid]
"""Fixed and moving image, [k, j, i], float32, [0, 1], and their grid."""


def solver(method: str, niftyreg_spacing_mm: float) -> Callable[[Images], tuple[sitk.Image, float]]:
    """Choose what registers a pair of normalised images, without an affine step.

    Parameters
    ----------
    method
        A network that ships (alone); "default": `longct register`; "niftyreg": reg_f3d; or "RUN/SPLIT": the network
        that a training run has trained in a split.
    niftyreg_spacing_mm
        Voxels that NiftyReg works on.

    Returns
    -------
    callable
        From images to the field (vector image on their grid, mm, LPS) and the seconds it took.

    Raises
    ------
    InputError
        If the method is not known, or what it needs is not there.
    """
    if method == NIFTYREG:
        return lambda images: _by_niftyreg(images, niftyreg_spacing_mm)
    if method == DEFAULT:
        return _by_default
    model = find_model(method) if method in NETWORKS else model_of_run(Path(method))
    return lambda images: _by_network(images, model)


def model_of_run(split: Path) -> Model:
    """Read what a training run has trained in a split.

    Parameters
    ----------
    split
        The split's folder in the run's folder.

    Returns
    -------
    Model
        Runs on TensorFlow.

    Raises
    ------
    InputError
        If there is no such run, or it has not ended.
    """
    config, weights = split.parent / "config.json", split / "best.weights.h5"
    if not (config.exists() and weights.exists()):
        raise InputError(f"{split} is no split of a training run that has ended, and no method: check the name.")
    content = json.loads(config.read_text(encoding="utf-8"))
    delta_mm = content["simulator"]["delta_mm"]
    resolution = content.get("flow_resolution", "half")
    return trained_model(content["network"], weights, content["leaky_slope"], delta_mm, resolution)


def _on_voxels(array: np.ndarray, grid: Grid, spacing_mm: float) -> tuple[np.ndarray, Grid]:
    """An image [k, j, i] on larger voxels over the same box, blurred as a scan would be."""
    factor = round(spacing_mm / grid.spacing_mm)
    if factor == 1:
        return array, grid
    target = grid.coarser(factor)
    smooth = smooth_for_spacing(grid.image(array), target.spacing_mm)
    return sitk.GetArrayFromImage(resample(smooth, target.reference(), outside=0.0)), target


def _by_network(images: Images, model: Model) -> tuple[sitk.Image, float]:
    fixed, moving, grid = images
    (fixed_there, there), (moving_there, _) = (for_model(image, grid, model) for image in (fixed, moving))
    predictor = loaded_predictor(model, thread_count())
    begun = time.perf_counter()
    found = predictor.field(fixed_there, moving_there, there)
    seconds = time.perf_counter() - begun
    return field_on(found, grid.reference()), seconds


def _hu(array: np.ndarray, grid: Grid) -> sitk.Image:
    return grid.image(np.float32(AIR_HU) + np.float32(SPAN_HU) * array)


def _by_default(images: Images) -> tuple[sitk.Image, float]:
    """The network and its refinement, both scans prepared before."""
    fixed, moving, grid = images
    options = RegistrationOptions(method="cost-volume", table_removal=False, affine=False, threads=thread_count())
    scans = [prepare(_hu(image, grid), options) for image in (fixed, moving)]
    stages = Stages()
    found = solve(Problem(scans[0], scans[1], stages), options)
    seconds = stages.report()["to_transform"]
    return displacement_on(found.candidate.transform, grid.reference()), seconds


def _by_niftyreg(images: Images, spacing_mm: float) -> tuple[sitk.Image, float]:
    fixed, moving, grid = images
    pair = [_hu(*_on_voxels(image, grid, spacing_mm)) for image in (fixed, moving)]
    programs = find_programs(None)
    begun = time.perf_counter()
    found = f3d(programs, pair[0], pair[1], sitk.AffineTransform(3), thread_count())
    seconds = time.perf_counter() - begun
    return field_on(found, grid.reference()), seconds
