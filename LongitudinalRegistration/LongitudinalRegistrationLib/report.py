"""The report of a registration: what was done, how well, how long; as JSON content and as a text table."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

from .choice import Solution
from .evaluation.label_scores import LabelScore
from .registration import RegistrationResult
from .stages import Stages
from .versions import versions


def checksum(path: Path) -> str:
    """SHA-256 of a file, or of all files of a folder in the order of their names."""
    digest = hashlib.sha256()
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for name in files:
        with open(name, "rb") as stream:
            while block := stream.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()


def dsc_content(scores: tuple[LabelScore, ...]) -> dict[str, dict]:
    """DSC per label: number to name, before, affine and after; a label that one scan lacks says so."""
    content = {}
    for score in scores:
        content[str(score.label)] = {"name": score.name, **{step: _rounded(v) for step, v in score.dsc.items()}}
        if not (score.in_fixed and score.in_moving):
            content[str(score.label)]["missing_from"] = "moving" if score.in_fixed else "fixed"
    return content


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def mean_dsc(scores: tuple[LabelScore, ...], step: str) -> float:
    """Mean DSC over the labels that both scans have; NaN without any."""
    values = [score.dsc[step] for score in scores if not math.isnan(score.dsc[step])]
    return sum(values) / len(values) if values else float("nan")


def quick_content(solution: Solution, stages: Stages) -> dict:
    """What is known as soon as the transform is: method, agreement on 4 mm voxels, seconds."""
    steps = {"affine": solution.affine, "after": solution.after}
    return {
        "method": solution.candidate.method,
        "network": solution.candidate.network,
        "fallback_reason": solution.reason,
        "seconds": stages.report(),
        "quick_ncc": {step: _rounded(found.ncc) for step, found in steps.items()},
        "quick_local_ncc": {step: _rounded(found.local_ncc) for step, found in steps.items()},
        "ndv_percent": round(solution.ndv_percent, 5),
        "warnings": list(solution.warnings),
    }


def result_content(result: RegistrationResult) -> dict:
    """Method, seconds and scores of a registration, without its inputs."""
    steps = result.scores
    return {
        "method": result.method,
        "network": result.network,
        "fallback_reason": result.fallback_reason,
        "seconds": result.seconds,
        "dsc": dsc_content(result.label_scores),
        "mean_dsc": {step: _rounded(mean_dsc(result.label_scores, step)) for step in steps},
        "ssim": {step: _rounded(score.ssim) for step, score in steps.items()},
        "ncc": {step: _rounded(score.ncc) for step, score in steps.items()},
        "ndv_percent": round(result.ndv_percent, 5),
        "warnings": list(result.warnings),
    }


def report_content(result: RegistrationResult, inputs: dict[str, Path | None]) -> dict:
    """Content of report.json.

    Parameters
    ----------
    inputs
        Role ("fixed", "moving", ...) to the file or folder it came from.
    """
    return {
        **result_content(result),
        "versions": versions(),
        "inputs": {
            role: {"name": path.name, "sha256": checksum(path)} for role, path in inputs.items() if path is not None
        },
    }


def _cell(value: float | None) -> str:
    return "  -  " if value is None else f"{value:.3f}"


def report_text(content: dict) -> str:
    """The report as lines for a terminal."""
    network = f", network {content['network']}" if content["network"] else ""
    lines = [f"Method        {content['method']}{network}"]
    if content["fallback_reason"]:
        lines.append(f"Fell back     {content['fallback_reason']}")
    if content["dsc"]:
        lines += ["", "Vertebra       DSC before  affine   after"]
        for number, row in content["dsc"].items():
            note = f"   (not in the {row['missing_from']} scan)" if "missing_from" in row else ""
            cells = f"{_cell(row['before']):>10}  {_cell(row['affine']):>6}  {_cell(row['after']):>6}"
            lines.append(f"{row['name']:<5}({number:>3})    {cells}{note}")
        mean = content["mean_dsc"]
        lines.append(f"{'mean':<14} {_cell(mean['before']):>10}  {_cell(mean['affine']):>6}  {_cell(mean['after']):>6}")
    lines += ["", f"{'Similarity':<14} {'before':>10}  {'affine':>6}  {'after':>6}"]
    for key in ("ssim", "ncc"):
        row = content[key]
        lines.append(
            f"{key.upper():<14} {_cell(row['before']):>10}  {_cell(row['affine']):>6}  {_cell(row['after']):>6}"
        )
    lines.append(f"{'NDV':<14} {content['ndv_percent']:>26.4f} %")
    seconds = {name: value for name, value in content["seconds"].items() if value}
    lines += ["", "Seconds       " + ", ".join(f"{name} {value:.2f}" for name, value in seconds.items())]
    lines += [f"Warning       {warning}" for warning in content["warnings"]]
    return "\n".join(lines)
