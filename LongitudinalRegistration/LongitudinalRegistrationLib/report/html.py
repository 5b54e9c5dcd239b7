"""The report of a registration as one HTML page that needs nothing else: to read, to keep, to print."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape
from pathlib import Path

from ..evaluation.verdict import dsc_word, verdict
from ..system.files import write_atomically
from .content import method_text
from .html_style import STYLE, bar_plot

LEVELS = {"good": "Good", "check": "Check", "poor": "Poor"}
STEPS = {"before": "before", "affine": "affine step", "after": "after"}
MEASURES = {"ssim": "SSIM", "ncc": "NCC", "bone": "Bone overlap (Dice, above 180 HU)"}
STATUS = {"baseline only": "only in the baseline", "follow-up only": "only in the follow-up"}


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
    text = html_report(report, pictures, title, patient, names)
    return write_atomically(path, ".html", lambda name: Path(name).write_text(text, encoding="utf-8"))


def html_report(
    report: dict,
    pictures: dict[str, bytes],
    title: str,
    patient: str | None = None,
    names: dict[str, str] | None = None,
) -> str:
    """The page's text; see write_html_report."""
    rows = [
        {**row, "name": (names or {}).get(label, row["name"]), "label": label}
        for label, row in (report.get("vertebrae") or {}).items()
    ]
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(patient)}</p>" if patient else "",
        _verdict(report),
        _pictures(pictures),
        _vertebrae(rows),
        _figures(report),
        f'<div class="details">{_details(report)}</div>',
        f'<div class="checksums">{_section("Scans", _pairs(_inputs(report.get("inputs") or {})))}</div>',
        "<footer>For research. Not a medical device; no diagnosis rests on these figures alone.</footer>",
    ]
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>\n'
        + "\n".join(filter(None, parts))
        + ("\n</body></html>\n")
    )


def _section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{content}</section>" if content else ""


def _pairs(pairs: Iterable[tuple[str, object]]) -> str:
    rows = "".join(f"<tr><th>{escape(str(name))}</th><td>{escape(str(value))}</td></tr>" for name, value in pairs)
    return f'<table class="pairs">{rows}</table>' if rows else ""


def _verdict(report: dict) -> str:
    found = verdict(report)
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in found.reasons)
    method = f"<p>Method: {escape(method_text(report))}.</p>"
    return f'<div class="verdict {found.level}"><strong>{LEVELS[found.level]}</strong><ul>{reasons}</ul></div>{method}'


def _pictures(pictures: dict[str, bytes]) -> str:
    figures = "".join(
        f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{base64.b64encode(data).decode()}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for caption, data in pictures.items()
    )
    return f'<div class="pictures">{figures}</div>' if figures else ""


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _vertebrae(rows: list[dict]) -> str:
    """The table with a row for each label, the mean and the worst, and the plot of DSC."""
    if not rows:
        return ""
    columns = [("dsc", 2), ("hd95_mm", 1), ("centroid_mm", 1)]
    body = "".join(_vertebra(row, columns) for row in rows)
    both = [row for row in rows if row["status"] == "both"]
    for name, pick in (("mean", lambda values, _: sum(values) / len(values)), ("worst", _worst)):
        cells = ""
        for key, digits in columns:
            for step in ("before", "after"):
                values = [row[key][step] for row in both if row[key].get(step) is not None]
                cells += f"<td>{_number(pick(values, key) if values else None, digits)}</td>"
        body += f'<tr class="sum"><th>{name}</th>{cells}<td></td></tr>'
    head = "".join(f'<th colspan="2">{words}</th>' for words in ("DSC", "Hausdorff 95 %, mm", "Centroids apart, mm"))
    steps = "<th>before</th><th>after</th>" * 3
    table = (
        f'<table class="vertebrae"><thead><tr><th rowspan="2">Vertebra</th>{head}<th rowspan="2">Fit after</th></tr>'
        f"<tr>{steps}</tr></thead><tbody>{body}</tbody></table>"
    )
    return _section("Vertebrae", table + bar_plot([(row["name"], row["dsc"]) for row in both]))


def _worst(values: list[float], key: str) -> float:
    return min(values) if key == "dsc" else max(values)


def _vertebra(row: dict, columns: list[tuple[str, int]]) -> str:
    name = f"<th>{escape(row['name'])}</th>"
    if row["status"] != "both":
        return f'<tr>{name}<td class="none" colspan="7">{escape(STATUS.get(row["status"], row["status"]))}</td></tr>'
    after = dsc_word(row["dsc"].get("after")) or "none"
    cells = ""
    for key, digits in columns:
        for step in ("before", "after"):
            style = f' class="{after}"' if (key, step) == ("dsc", "after") else ""
            cells += f"<td{style}>{_number(row[key].get(step), digits)}</td>"
    return f'<tr>{name}{cells}<td class="{after}">{after}</td></tr>'


def _figures(report: dict) -> str:
    head = "".join(f"<th>{words}</th>" for words in STEPS.values())
    body = "".join(
        f"<tr><th>{words}</th>{''.join(f'<td>{_number(report[key].get(step), 3)}</td>' for step in STEPS)}</tr>"
        for key, words in MEASURES.items()
        if report.get(key)
    )
    table = f'<table class="figures"><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>'
    single = []
    if report.get("ndv_percent") is not None:
        single.append(("Folded part of the body (NDV)", f"{report['ndv_percent']:.4f} %"))
    displacement = report.get("displacement") or {}
    if displacement.get("largest_mm") is not None:
        single.append(("Largest displacement component after the affine step", f"{displacement['largest_mm']:.1f} mm"))
    common = (report.get("fields_of_view") or {}).get("common_percent")
    if common is not None:
        single.append(("Common part of the bodies (of the smaller one)", f"{common:.0f} %"))
    return _section("Figures", (table if body else "") + _pairs(single))


def _seconds(seconds: dict[str, float]) -> list[tuple[str, str]]:
    words = {"to_transform": "prepared scans to transform", "total": "in total"}
    return [(words.get(name, name.replace("_", " ")), f"{value:.2f} s") for name, value in seconds.items() if value]


def _flat(options: dict, prefix: str = "") -> Iterable[tuple[str, object]]:
    """Options as lines, nested ones after their parent's name."""
    for name, value in options.items():
        words = f"{prefix}{name.replace('_', ' ')}"
        if isinstance(value, dict):
            yield from _flat(value, f"{words.removesuffix(' options')}: ")
        else:
            yield words, _value(value)


def _details(report: dict) -> str:
    """Seconds, parameters and versions, beside each other."""
    versions = (report.get("versions") or {}).items()
    parts = {
        "Time": _seconds(report.get("seconds") or {}),
        "Parameters": _flat(report.get("options") or {}),
        "Versions": ((name, value or "not installed") for name, value in versions),
    }
    return "".join(_section(title, _pairs(pairs)) for title, pairs in parts.items())


def _value(value: object) -> object:
    if value is None:
        return "default"
    return ("no", "yes")[value] if isinstance(value, bool) else value


def _inputs(inputs: dict[str, dict]) -> list[tuple[str, str]]:
    """What was read, by size and checksum: a file's name may hold the patient's."""
    return [(role.replace("_", " "), _input(record)) for role, record in inputs.items()]


def _input(record: dict) -> str:
    size = " x ".join(str(count) for count in record.get("size", ()))
    parts = f"{size} voxels" if size else "", f"SHA-256 {record['sha256']}" if "sha256" in record else ""
    return "; ".join(filter(None, parts))
