"""Pairs of synthetic scans with new lesions, registered: what the detection of changes is measured on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..methods.method import Problem
from ..phantom import PhantomOptions, PhantomScan, make_phantom
from ..pipeline.choice import solve
from ..pipeline.options import RegistrationOptions
from ..pipeline.registration import prepare
from ..pipeline.stages import Stages
from ..system.files import ready_folder
from ..system.staged_files import StagedFiles

OPTIONS = PhantomOptions(size=256, slices=180, samples_per_slice=3, new_lesions=4)
SLICES_MM = {2.5: 1, 5.0: 2}
ERROR_FILE = "expected_error.nrrd"


@dataclass(frozen=True)
class RegisteredPair:
    """Two scans of a synthetic patient, and how they are registered.

    Attributes
    ----------
    baseline, followup
        The scans; the follow-up has new lesions.
    true, transform
        The true transform and the registration's, baseline points to follow-up points, LPS mm.
    expected_error
        How far off the registration expects to be, mm.
    """

    baseline: PhantomScan
    followup: PhantomScan
    true: sitk.Transform
    transform: sitk.Transform
    expected_error: sitk.Image | None


def thicker(image: sitk.Image, factor: int, labels: bool = False) -> sitk.Image:
    """Join slices to thicker ones.

    Parameters
    ----------
    image
        Scan or labels, axial.
    factor
        How many slices make one; what is left over at the end is dropped.
    labels
        The largest value instead of the mean.

    Returns
    -------
    SimpleITK.Image
        Of the same type.
    """
    if factor == 1:
        return image
    array = sitk.GetArrayFromImage(image)
    joined = array[: len(array) // factor * factor].reshape(-1, factor, *array.shape[1:])
    made = sitk.GetImageFromArray(joined.max(axis=1) if labels else np.round(joined.mean(axis=1)).astype(array.dtype))
    spacing = np.array(image.GetSpacing())
    made.SetOrigin(image.TransformContinuousIndexToPhysicalPoint((0.0, 0.0, (factor - 1) / 2)))
    made.SetSpacing((spacing * [1, 1, factor]).tolist())
    return made


def thicker_scan(scan: PhantomScan, factor: int) -> PhantomScan:
    """Join the slices of a phantom's scan.

    Parameters
    ----------
    scan
        The scan and its labels.
    factor
        See thicker.

    Returns
    -------
    PhantomScan
        On one grid again.
    """
    labels = scan.body, scan.vertebrae, scan.vertebra_parts, scan.lesion
    return PhantomScan(thicker(scan.image, factor), *(thicker(each, factor, labels=True) for each in labels))


def registered(fixed: sitk.Image, moving: sitk.Image) -> tuple[sitk.Transform, sitk.Image | None]:
    """Register two scans as `longct register` does.

    Parameters
    ----------
    fixed, moving
        Baseline and follow-up, HU.

    Returns
    -------
    transform
        Fixed points to moving points, LPS mm.
    expected_error
        How far off it expects to be, mm; None: not known.
    """
    options = RegistrationOptions()
    problem = Problem(prepare(fixed, options), prepare(moving, options), Stages())
    candidate = solve(problem, options).candidate
    return candidate.transform, candidate.expected_error


def pairs_of(seed: int, kept: Path | None = None) -> Mapping[float, RegisteredPair]:
    """Make and register the pairs of a synthetic patient.

    Parameters
    ----------
    seed
        Of the patient.
    kept
        Folder that they are taken from where it has them, and kept in where not. None: made anew.

    Returns
    -------
    Mapping of float to RegisteredPair
        By the distance of slices, mm.
    """
    folder = None if kept is None else kept / f"{seed}"
    if folder is not None and folder.is_dir() and any(folder.glob("*.h5")):
        return {slice_mm: _read(folder, slice_mm) for slice_mm in SLICES_MM}
    made = _made(seed)
    if folder is not None:
        _write(made, folder)
    return made


def _made(seed: int) -> dict[float, RegisteredPair]:
    pair = make_phantom(seed, OPTIONS)
    found = {}
    for slice_mm, factor in SLICES_MM.items():
        baseline, followup = (thicker_scan(scan, factor) for scan in (pair.baseline, pair.followup))
        found[slice_mm] = RegisteredPair(
            baseline, followup, pair.true_transform, *registered(baseline.image, followup.image)
        )
    return found


def _write(pairs: Mapping[float, RegisteredPair], folder: Path) -> None:
    with StagedFiles(ready_folder(folder)) as staged:
        for slice_mm, pair in pairs.items():
            for when in ("baseline", "followup"):
                for each in fields(PhantomScan):
                    image = getattr(getattr(pair, when), each.name)
                    sitk.WriteImage(image, str(staged.folder / f"{slice_mm:g}_{when}_{each.name}.nrrd"), True)
            if pair.expected_error is not None:
                sitk.WriteImage(pair.expected_error, str(staged.folder / f"{slice_mm:g}_{ERROR_FILE}"), True)
            for name in ("true", "transform"):
                sitk.WriteTransform(getattr(pair, name), str(staged.folder / f"{slice_mm:g}_{name}.h5"))
        staged.publish()


def _read(folder: Path, slice_mm: float) -> RegisteredPair:
    baseline, followup = (
        PhantomScan(
            *(sitk.ReadImage(str(folder / f"{slice_mm:g}_{when}_{each.name}.nrrd")) for each in fields(PhantomScan))
        )
        for when in ("baseline", "followup")
    )
    true, transform = (sitk.ReadTransform(str(folder / f"{slice_mm:g}_{name}.h5")) for name in ("true", "transform"))
    error = folder / f"{slice_mm:g}_{ERROR_FILE}"
    return RegisteredPair(baseline, followup, true, transform, sitk.ReadImage(str(error)) if error.exists() else None)
