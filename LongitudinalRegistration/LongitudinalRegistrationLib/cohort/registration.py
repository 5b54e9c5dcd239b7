"""The task of a pair: read it, register it, score it, write what is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from ..evaluation.metrics import mean_end_point_error
from ..field.transforms import displacement_on
from ..methods.method import Problem
from ..pipeline.changes import Labelled, find_all_changes
from ..pipeline.choice import solve
from ..pipeline.options import RegistrationOptions
from ..pipeline.registration import RegistrationResult, check_labels, check_ready, finish, prepare
from ..pipeline.report_content import result_content
from ..pipeline.stages import Stages
from ..report.files import write_report
from ..report.pictures import central_point, report_pictures
from ..scan.pyramid import ScanPyramid
from ..scan.read import read_image
from ..scan.write import write_image, write_transform
from ..system.files import ready_folder
from ..system.parallel import thread_count
from ..system.versions import versions

KEEP = {
    "nothing": (),
    "transform": ("transform.h5",),
    "all": ("transform.h5", "registered.nii.gz", "report.json", "report.html"),
}
"""What can be kept of a pair, and the files that are written then."""
ERROR_SPACING_MM = 8.0

_baseline: dict[str, tuple[ScanPyramid, sitk.Image | None]] = {}


def written_files(keep: str) -> tuple[str, ...]:
    """Name the files of a pair."""
    return KEEP[keep]


def register_pair(
    inputs: dict[str, str],
    checksums: dict[str, str],
    options: RegistrationOptions,
    keep: str,
    folder: str,
    changes: bool = False,
) -> dict[str, Any]:
    """Register a follow-up to its baseline, and score it.

    A worker keeps the baseline that it has prepared last: the follow-ups of a patient come one after the other.

    Parameters
    ----------
    inputs
        Files: "fixed", "moving"; and, where there are any, "fixed_labels", "moving_labels", "truth" (transform from
        baseline points to follow-up points).
    checksums
        SHA-256 of each.
    options
        Of the registration.
    keep
        One of KEEP.
    folder
        For what is kept.
    changes
        Whether what has changed is looked for too.

    Returns
    -------
    dict
        As pipeline.report_content.result_content; end_point_error_mm: step to mean in the body, where the truth is
        known; changes: as of changes.content, or {"error": a sentence} where the scans cannot be compared.

    Raises
    ------
    InputError
        If a file cannot be read, or is not what it should be.
    MethodError
        If the method fails.
    """
    options = replace(options, threads=thread_count())  # as the worker is bound
    check_ready(options)
    stages = Stages()
    with stages.stage("read"):
        moving = read_image(Path(inputs["moving"]))
        moving_labels = _read(inputs, "moving_labels")
        check_labels(moving_labels, moving, "follow-up")
    fixed, fixed_labels = _prepared_baseline(inputs, checksums, options, stages)
    with stages.stage("body_mask"):
        problem = Problem(fixed, prepare(moving, options, "follow-up"), stages)
    result = finish(problem, solve(problem, options), options, fixed_labels, moving_labels)
    content = result_content(result)
    if "truth" in inputs:
        content["end_point_error_mm"] = _end_point_errors(fixed, sitk.ReadTransform(inputs["truth"]), result)
    if changes:
        scans = Labelled(fixed.image, fixed.mask, fixed_labels), Labelled(moving, problem.moving.mask, moving_labels)
        content["changes"] = _changes(*scans, result)
    if KEEP[keep]:
        _write(result, content, (fixed, moving, fixed_labels), checksums, keep, ready_folder(Path(folder)))
    return content


def _changes(fixed: Labelled, moving: Labelled, result: RegistrationResult) -> dict[str, Any]:
    """What has changed; a sentence where the scans cannot be compared, which is no failure of the registration."""
    try:
        found = find_all_changes(fixed, moving, result.transform, expected_error=result.expected_error)
        return found.content()
    except InputError as error:
        return {"error": str(error)}


def _read(inputs: dict[str, str], role: str) -> sitk.Image | None:
    return read_image(Path(inputs[role])) if role in inputs else None


def _prepared_baseline(
    inputs: dict[str, str], checksums: dict[str, str], options: RegistrationOptions, stages: Stages
) -> tuple[ScanPyramid, sitk.Image | None]:
    key = f"{checksums['fixed']} {checksums.get('fixed_labels')} {options.table_removal}"
    if key not in _baseline:
        _baseline.clear()
        with stages.stage("read"):
            image, labels = read_image(Path(inputs["fixed"])), _read(inputs, "fixed_labels")
            check_labels(labels, image, "baseline")
        with stages.stage("body_mask"):
            _baseline[key] = prepare(image, options, "baseline"), labels
    return _baseline[key]


def _end_point_errors(fixed: ScanPyramid, truth: sitk.Transform, result: RegistrationResult) -> dict[str, float]:
    """Mean distance in the baseline's body between where a point ends and where it should, before and after."""
    level = fixed.levels[ERROR_SPACING_MM]
    reference = level.grid.reference()
    true = sitk.GetArrayFromImage(displacement_on(truth, reference))
    found = sitk.GetArrayFromImage(displacement_on(result.transform, reference))
    fields = {"before": np.zeros_like(true), "after": found}
    return {step: round(mean_end_point_error(true, field, level.body), 4) for step, field in fields.items()}


def _write(
    result: RegistrationResult,
    content: dict[str, Any],
    scans: tuple[ScanPyramid, sitk.Image, sitk.Image | None],
    checksums: dict[str, str],
    keep: str,
    folder: Path,
) -> None:
    write_transform(result.transform, folder / "transform.h5")
    if keep != "all":
        return
    fixed, moving, fixed_labels = scans
    write_image(result.registered, folder / "registered.nii.gz")
    noted = {role: {"sha256": checksum} for role, checksum in checksums.items()}
    point = central_point(result.common_centre, fixed_labels)
    pictures = report_pictures(fixed.image, moving, result.registered, point)
    write_report(folder, {**content, "versions": versions(), "inputs": noted}, pictures)
