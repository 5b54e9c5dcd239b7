"""The report of a registration: what was done, how well, how long; parts of its JSON content, and it as text."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING

from ..evaluation.verdict import SIMILARITIES, volume_change_percent
from ..scan.geometry import bounds_of
from ..scan.voxel_checksum import voxel_checksum

if TYPE_CHECKING:
    import SimpleITK as sitk

    from ..evaluation.scores import LabelScore

SCANS = ("fixed", "Baseline"), ("moving", "Follow-up")
METHODS = {
    "cost-volume": "cost-volume network ({network}){refined}",
    "vxm2": "VoxelMorph (paper){refined}",
    "niftyreg": "NiftyReg",
    "refinement": "refinement alone",
    "voxelmorph": "network {network}{refined}",
}
"""How a report says by which method a pair was registered (see methods.registry); the last is of earlier reports."""
LABEL_FIGURES = "dsc", "hd95_mm", "centroid_mm", "volume_ml", "dsc_2mm"
"""Of scores.LabelScore, in the order in which reports list them."""


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
        content[str(score.label)] = {"name": score.name, **{step: rounded(v) for step, v in score.dsc.items()}}
        if not (score.in_fixed and score.in_moving):
            content[str(score.label)]["missing_from"] = "moving" if score.in_fixed else "fixed"
    return content


def vertebrae_content(scores: tuple[LabelScore, ...]) -> dict[str, dict]:
    """Everything that is known of each label: number to name, status, and its figures (LABEL_FIGURES) by step.

    The status is "both", "baseline only" or "follow-up only"; a figure that is not defined is None. "lies_on" says by
    step which label of the follow-up overlaps the baseline's most, and by what DSC.
    """
    return {
        str(score.label): {
            "name": score.name,
            "status": score.status,
            **{name: {step: rounded(value) for step, value in getattr(score, name).items()} for name in LABEL_FIGURES},
            "lies_on": {
                step: {"label": label, "dsc": rounded(value)} for step, (label, value) in score.lies_on.items()
            },
        }
        for score in scores
    }


def vertebrae_csv(vertebrae: dict[str, dict]) -> str:
    """The vertebrae of a report as CSV, a line each; empty where a figure is not defined."""
    measures = [(name, step) for name in LABEL_FIGURES for step in ("before", "after")]
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["label", "name", "status", *(f"{name}_{step}" for name, step in measures)])
    for label, row in vertebrae.items():
        cells = (row[name].get(step) for name, step in measures)
        writer.writerow([label, row["name"], row["status"], *("" if v is None else f"{v:.4f}" for v in cells)])
    return table.getvalue()


def rounded(value: float) -> float | None:
    """A figure to four places; None for NaN."""
    return None if math.isnan(value) else round(value, 4)


def mean_dsc(scores: tuple[LabelScore, ...], step: str) -> float:
    """Mean DSC over the labels that both scans have; NaN without any.

    Parameters
    ----------
    scores
        As from score_labels.
    step
        Name of the step: "before", "affine" or "after".

    Returns
    -------
    float
        [0, 1]; NaN without any.
    """
    values = [score.dsc[step] for score in scores if not math.isnan(score.dsc[step])]
    return sum(values) / len(values) if values else float("nan")


def scan_content(image: sitk.Image) -> dict:
    """Say which scan it was and where it lies.

    Parameters
    ----------
    image
        The scan, HU.

    Returns
    -------
    dict
        As place_content, and the checksum of its voxels: see voxel_checksum.
    """
    return {**place_content(image), "voxels_sha256": voxel_checksum(image)}


def place_content(image: sitk.Image) -> dict:
    """Say where a scan lies.

    Parameters
    ----------
    image
        Of which only the geometry counts.

    Returns
    -------
    dict
        Size (i, j, k), spacing (mm), and the lowest and highest x, y, z of the voxel centres (LPS, mm).
    """
    lowest, highest = bounds_of(image)
    return {
        "size": list(image.GetSize()),
        "spacing_mm": [round(spacing, 4) for spacing in image.GetSpacing()],
        "lowest_mm": lowest.round(3).tolist(),
        "highest_mm": highest.round(3).tolist(),
    }


def _cell(value: float | None) -> str:
    return "  -  " if value is None else f"{value:.3f}"


def method_text(content: dict) -> str:
    """How a pair was registered, in words: "cost-volume network (cvpyramid), refinement"."""
    method = str(content.get("method", "unknown"))
    refined = (content.get("options") or {}).get("refinement", True)
    return METHODS.get(method, method).format(
        network=content.get("network") or "unknown", refined=", refinement" if refined else ""
    )


def _volume_text(row: dict) -> str:
    """A label's volume in the follow-up, and registered, with the change in percent; nothing where it is not known."""
    change, volumes = volume_change_percent(row), row.get("volume_ml") or {}
    return "" if change is None else f"   {volumes['before']:.1f} -> {volumes['after']:.1f} ({change:+.0f} %)"


def _scan_text(noted: dict) -> str:
    """A scan by its size, and by its name where that was asked for."""
    parts = [noted["name"]] if "name" in noted else []
    if "size" in noted:
        size = " x ".join(str(count) for count in noted["size"])
        spacing = " x ".join(f"{value:.2f}" for value in noted["spacing_mm"])
        parts.append(f"{size} voxels of {spacing} mm")
    return ", ".join(parts)


def report_text(content: dict) -> str:
    """The report as lines for a terminal."""
    lines = [f"{words:<13} {_scan_text(content['inputs'][role])}" for role, words in SCANS if role in content["inputs"]]
    lines.append(f"Method        {method_text(content)}")
    if content["fallback_reason"]:
        lines.append(f"Fell back     {content['fallback_reason']}")
    lines += [f"{content['verdict']['level'].capitalize():<13} {reason}" for reason in content["verdict"]["reasons"]]
    if content["dsc"]:
        lines += ["", "Vertebra       DSC before  affine   after   on 2 mm   volume, ml"]
        for number, row in content["dsc"].items():
            note = f"   (not in the {row['missing_from']} scan)" if "missing_from" in row else ""
            known = (content.get("vertebrae") or {}).get(number) or {}
            coarse = _cell((known.get("dsc_2mm") or {}).get("after"))
            cells = f"{_cell(row['before']):>10}  {_cell(row['affine']):>6}  {_cell(row['after']):>6}  {coarse:>8}"
            volume = _volume_text(known)
            lines.append(f"{row['name']:<5}({number:>3})    {cells}{volume}{note}")
        mean = content["mean_dsc"]
        lines.append(f"{'mean':<14} {_cell(mean['before']):>10}  {_cell(mean['affine']):>6}  {_cell(mean['after']):>6}")
    lines += ["", f"{'Similarity':<14} {'before':>10}  {'affine':>6}  {'after':>6}"]
    for measure in SIMILARITIES:
        row = content[measure.key]
        lines.append(
            f"{measure.title:<14} {_cell(row['before']):>10}  {_cell(row['affine']):>6}  {_cell(row['after']):>6}"
        )
    lines.append(f"{'NDV':<14} {content['ndv_percent']:>26.4f} %")
    if inverse := content.get("inverse_consistency"):
        lines.append(
            f"{'Inverse':<14} {inverse['mean_mm']:>26.4f} mm, there and back; {inverse['largest_mm']:.3f} mm at most"
        )
    seconds = {name: value for name, value in content["seconds"].items() if value}
    lines += ["", "Seconds       " + ", ".join(f"{name} {value:.2f}" for name, value in seconds.items())]
    lines += [f"Warning       {warning}" for warning in content["warnings"]]
    return "\n".join(lines)
