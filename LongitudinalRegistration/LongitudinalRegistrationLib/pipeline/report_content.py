"""What a report says of a registration: its result as JSON content."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ..evaluation.verdict import SIMILARITIES, verdict
from ..report.content import checksum, dsc_content, mean_dsc, rounded, scan_content, vertebrae_content
from ..system.versions import versions

if TYPE_CHECKING:
    import SimpleITK as sitk

    from .choice import Solution
    from .options import RegistrationOptions
    from .registration import RegistrationResult
    from .stages import Stages


def quick_content(solution: Solution, stages: Stages) -> dict:
    """What is known as soon as the transform is: method, agreement on 4 mm voxels, seconds, verdict."""
    candidate = solution.candidate
    steps = {"affine": candidate.before, "after": candidate.after}
    content = {
        "method": candidate.method,
        "network": candidate.network,
        "fallback_reason": solution.reason,
        "seconds": stages.report(),
        "quick_ncc": {step: rounded(found.ncc) for step, found in steps.items()},
        "quick_local_ncc": {step: rounded(found.local_ncc) for step, found in steps.items()},
        "ndv_percent": round(candidate.ndv_percent, 5),
        "warnings": list(solution.warnings),
    }
    return {**content, "verdict": asdict(verdict(content))}


def result_content(result: RegistrationResult) -> dict:
    """Method, seconds, scores and verdict of a registration, without its inputs."""
    steps, inverse = result.scores, result.inverse_consistency
    content = {
        "method": result.method,
        "network": result.network,
        "fallback_reason": result.fallback_reason,
        "seconds": result.seconds,
        "dsc": dsc_content(result.label_scores),
        "vertebrae": vertebrae_content(result.label_scores),
        "mean_dsc": {step: rounded(mean_dsc(result.label_scores, step)) for step in steps},
        **{
            measure.key: {step: rounded(getattr(score, measure.key)) for step, score in steps.items()}
            for measure in SIMILARITIES
        },
        "ndv_percent": round(result.ndv_percent, 5),
        "inverse_consistency": inverse and {name: rounded(value) for name, value in asdict(inverse).items()},
        "fields_of_view": {"common_percent": round(result.common_body_percent, 1)},
        "displacement": {"largest_mm": round(result.largest_mm, 2), "known_mm": result.known_mm},
        "options": _options_content(result.options),
        "warnings": list(result.warnings),
    }
    return {**content, "verdict": asdict(verdict(content))}


def _options_content(options: RegistrationOptions) -> dict:
    """Options as plain values, without the place of programs on this machine."""
    return {name: value for name, value in asdict(options).items() if name != "niftyreg_folder"}


def report_content(
    result: RegistrationResult,
    inputs: dict[str, Path | None],
    images: dict[str, sitk.Image] | None = None,
    names: bool = False,
) -> dict:
    """Content of report.json.

    Parameters
    ----------
    result
        Of the registration.
    inputs
        Role ("fixed", "moving", ...) to the file or folder it came from.
    images
        Role to the scan that was read; its place and the checksum of its voxels are noted.
    names
        Whether the files' names are noted, without their folders: they may hold the patient's.

    Returns
    -------
    dict
        What JSON can hold; units are in its names.
    """
    noted = {
        role: {**({"name": path.resolve().name} if names else {}), "sha256": checksum(path)}
        for role, path in inputs.items()
        if path is not None
    }
    for role, image in (images or {}).items():
        noted[role] = {**noted.get(role, {}), **scan_content(image)}
    return {**result_content(result), "versions": versions(), "inputs": noted}
