"""The report of a registration as one HTML page that needs nothing else: to read, to keep, to print."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ..evaluation.verdict import SIMILARITIES, dsc_word, verdict
from ..system.files import write_text
from .bars import bar_plot
from .content import method_text

FOLDER = Path(__file__).resolve().parents[2] / "Resources" / "Report"
TEMPLATE, STYLE = "report.html.j2", "report.css"
STEPS = {"before": "before", "affine": "affine step", "after": "after"}
STATUS = {"baseline only": "only in the baseline", "follow-up only": "only in the follow-up"}
Pairs = list[tuple[str, object]]


@dataclass(frozen=True)
class _LabelMeasure:
    """A measure of every label: its key in the report, its title, how many places; worst: min or max, None for what is
    neither good nor bad."""

    key: str
    title: str
    digits: int
    worst: Callable[..., Any] | None


LABEL_MEASURES = (
    _LabelMeasure("dsc", "DSC", 2, min),
    _LabelMeasure("dsc_2mm", "DSC on 2 mm voxels", 2, min),
    _LabelMeasure("hd95_mm", "Hausdorff 95 %, mm", 1, max),
    _LabelMeasure("centroid_mm", "Centroids apart, mm", 1, max),
    _LabelMeasure("volume_ml", "Volume in the follow-up, ml", 1, None),
)


def write_html_report(
    path: Path,
    report: dict,
    pictures: dict[str, bytes],
    title: str = "Registration of a follow-up CT to its baseline",
    patient: str | None = None,
    names: dict[str, str] | None = None,
) -> Path:
    """Write the page, under a temporary name first.

    Parameters
    ----------
    report
        Content of report.json (see pipeline.report_content); what is missing is left out.
    pictures
        Caption to the bytes of a PNG file, in order; four a row.
    patient
        Shown under the title; nothing that names a patient is on the page otherwise, file names neither.
    names
        Label number (as text) to what to call it, for labels that the report knows by number only.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    return write_text(html_report(report, pictures, title, patient, names), path)


def html_report(
    report: dict,
    pictures: dict[str, bytes],
    title: str,
    patient: str | None = None,
    names: dict[str, str] | None = None,
) -> str:
    """The page's text; see write_html_report."""
    rows = [
        {
            **dict.fromkeys((each.key for each in LABEL_MEASURES), {}),
            **row,
            "name": (names or {}).get(label, row["name"]),
            "fit": dsc_word(row["dsc"].get("after")) or "none",
        }
        for label, row in (report.get("vertebrae") or {}).items()
    ]
    both = [row for row in rows if row["status"] == "both"]
    return (
        _environment()
        .get_template(TEMPLATE)
        .render(
            title=title,
            style=Markup((FOLDER / STYLE).read_text(encoding="utf-8")),
            patient=patient,
            verdict=verdict(report),
            method=method_text(report),
            pictures=[(caption, base64.b64encode(data).decode()) for caption, data in pictures.items()],
            vertebrae=rows,
            sums=_sums(both),
            label_measures=LABEL_MEASURES,
            status_words=STATUS,
            plot=bar_plot([(row["name"], row["dsc"]) for row in both]),
            steps=STEPS,
            measures=[(each.explained, report[each.key]) for each in SIMILARITIES if report.get(each.key)],
            figures=_figures(report),
            details=_details(report),
            inputs=_inputs(report.get("inputs") or {}),
        )
    )


def page_environment() -> jinja2.Environment:
    """Make the environment of all pages: their templates, and what is put in escaped."""
    return jinja2.Environment(loader=jinja2.FileSystemLoader(FOLDER), autoescape=True, keep_trailing_newline=True)


@cache
def _environment() -> jinja2.Environment:
    environment = page_environment()
    environment.filters["number"] = _number
    environment.filters["short"] = "{:g}".format
    return environment


def _number(value: float | None | jinja2.Undefined, digits: int) -> str:
    """A number to some places; a dash for one that is not known."""
    return "–" if value is None or isinstance(value, jinja2.Undefined) else f"{value:.{digits}f}"


def _sums(rows: list[dict]) -> list[dict[str, Any]]:
    """The rows of the mean and of the worst of each measure; without rows, dashes."""
    mean: dict[str, Any] = {"name": "mean"}
    worst: dict[str, Any] = {"name": "worst"}
    for measure in LABEL_MEASURES:
        mean[measure.key], worst[measure.key] = {}, {}
        if measure.worst is None:
            continue
        for step in ("before", "after"):
            known = [row[measure.key][step] for row in rows if row[measure.key].get(step) is not None]
            mean[measure.key][step] = sum(known) / len(known) if known else None
            worst[measure.key][step] = measure.worst(known, default=None)
    return [mean, worst]


def _figures(report: dict) -> Pairs:
    """The single figures of a registration."""
    found: Pairs = []
    if report.get("ndv_percent") is not None:
        found.append(("Folded part of the body (NDV)", f"{report['ndv_percent']:.4f} %"))
    displacement = report.get("displacement") or {}
    if displacement.get("largest_mm") is not None:
        found.append(("Largest displacement component after the affine step", f"{displacement['largest_mm']:.1f} mm"))
    if inverse := report.get("inverse_consistency"):
        apart = f"{inverse['mean_mm']:.3f} mm, {inverse['largest_mm']:.2f} mm at most"
        found.append(("There and back through the inverse", apart))
    common = (report.get("fields_of_view") or {}).get("common_percent")
    if common is not None:
        found.append(("Common part of the bodies (of the smaller one)", f"{common:.0f} %"))
    return found


def _details(report: dict) -> list[tuple[str, Pairs]]:
    """Seconds, parameters and versions, beside each other."""
    words = {"to_transform": "prepared scans to transform", "total": "in total"}
    seconds = (report.get("seconds") or {}).items()
    versions = (report.get("versions") or {}).items()
    return [
        ("Time", [(words.get(name, name.replace("_", " ")), f"{value:.2f} s") for name, value in seconds if value]),
        ("Parameters", list(_flat(report.get("options") or {}))),
        ("Versions", [(name, value or "not installed") for name, value in versions]),
    ]


def _flat(options: dict, prefix: str = "") -> Iterable[tuple[str, object]]:
    """Options as lines, nested ones after their parent's name."""
    for name, value in options.items():
        words = f"{prefix}{name.replace('_', ' ')}"
        if isinstance(value, dict):
            yield from _flat(value, f"{words.removesuffix(' options')}: ")
        else:
            yield words, _value(value)


def _value(value: object) -> object:
    if value is None:
        return "default"
    return ("no", "yes")[value] if isinstance(value, bool) else value


def _inputs(inputs: dict[str, dict]) -> Pairs:
    """What was read, by size and checksum: a file's name may hold the patient's."""
    return [(role.replace("_", " "), _input(record)) for role, record in inputs.items()]


def _input(record: dict) -> str:
    size = " x ".join(str(count) for count in record.get("size", ()))
    parts = f"{size} voxels" if size else "", f"SHA-256 {record['sha256']}" if "sha256" in record else ""
    return "; ".join(filter(None, parts))
