"""Whether a registration can be trusted: the rules of `auto`, and the verdict in words for who reads the scans."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..scan.labels import label_name
from .label_shift import label_shift

if TYPE_CHECKING:
    from .scores import Agreement

MAX_NDV_PERCENT = 0.1
RANGE_FACTOR = 1.5
SIMILARITY_TOLERANCE = 0.005
# What is said of a start that may be wrong; a report's warnings are known by these words.
AFFINE_DOUBT = "the affine alignment may have failed"


@dataclass(frozen=True)
class Similarity:
    """How a measure of scores.Scores is written.

    Attributes
    ----------
    key
        The attribute of Scores, and its name in report.json.
    title, words, explained
        At the head of a line, within a sentence, and where there is room.
    """

    key: str
    title: str
    words: str
    explained: str


SIMILARITIES = (
    Similarity("ssim", "SSIM", "SSIM", "SSIM"),
    Similarity("ncc", "NCC", "NCC", "NCC"),
    Similarity("bone", "Bone overlap", "bone overlap", "Bone overlap (Dice, above 180 HU)"),
)
"""All of scores.Scores, in the order in which reports list them; here, where nothing heavy is imported."""


QUICK = {"quick_ncc": "NCC", "quick_local_ncc": "local NCC"}
"""What is measured before all is: on voxels of 4 mm, for a start."""


def reason_for_doubt(
    affine: Agreement, result: Agreement, ndv_percent: float, displacement_mm: float, known_mm: float | None
) -> str | None:
    """Why a result should not be trusted, in words; None if nothing speaks against it.

    Parameters
    ----------
    affine, result
        Agreement of the scans after the affine step alone and of the result.
    ndv_percent
        Folded part of the body, percent.
    displacement_mm
        Largest displacement component within the body, after the affine step.
    known_mm
        The largest displacement component that the model was trained on; None without a model.
    """
    least = affine.ncc - SIMILARITY_TOLERANCE, affine.local_ncc - SIMILARITY_TOLERANCE
    if result.ncc < least[0] or result.local_ncc < least[1]:
        return (
            f"the result is less similar to the fixed scan than the affine alignment alone (NCC {result.ncc:.3f} "
            f"after {affine.ncc:.3f}, local NCC {result.local_ncc:.3f} after {affine.local_ncc:.3f})"
        )
    if ndv_percent > MAX_NDV_PERCENT:
        return f"the field folds in {ndv_percent:.2f} % of the body"
    if known_mm is not None and displacement_mm > RANGE_FACTOR * known_mm:
        return f"displacements of {displacement_mm:.0f} mm are out of the range the model knows ({known_mm:.0f} mm)"
    return None


GOOD, CHECK, POOR = "good", "check", "poor"
# Ten times what `auto` accepts: no longer single voxels, but a place that is torn.
POOR_NDV_PERCENT = 10 * MAX_NDV_PERCENT
# Dice from which two segmentations are commonly said to agree well (Zijdenbos 1994).
LEAST_DSC = 0.7
# A vertebra 27 mm high that is 4 mm off along the spine still has it.
GOOD_DSC = 0.85
# Less than half of a vertebra's volume lies on itself: its partner may be the neighbour.
POOR_DSC = 0.5
# A fall that is more than the noise of nearest-neighbour resampling.
DSC_TOLERANCE = 0.02
# Half of the smaller scan's body has no partner; below align.LEAST_OVERLAP (0.15) no start is tried at all.
LEAST_COMMON_PERCENT, POOR_COMMON_PERCENT = 50.0, 20.0
# Halfway between two patients after the registration (SSIM 0.21, NCC 0.10) and the least of any method on any pair of
# one patient in docs/benchmarks/registration.json, the real one and the phantoms (SSIM 0.58, NCC 0.69).
LEAST_SSIM, LEAST_NCC = 0.40, 0.40
# A mean DSC that falls by this much while the scans become more alike: the labels are not where the scan is.
LABELS_FALL = 0.1
# A registration that makes a lesion larger or smaller by more than this hides what it is to show.
MOST_VOLUME_CHANGE_PERCENT = 10.0
CHECK_PREFIX = "Check this result: "


@dataclass(frozen=True)
class Verdict:
    """Whether a registration can be trusted.

    Attributes
    ----------
    level
        "good", "check" or "poor".
    reasons
        Sentences that say why, at least one; for "good", what supports it.
    """

    level: str
    reasons: tuple[str, ...]


def dsc_word(dsc: float | None) -> str | None:
    """How well a vertebra fits by its DSC: "good", "fair" or "low"; None for None."""
    if dsc is None:
        return None
    if dsc >= GOOD_DSC:
        return "good"
    return "fair" if dsc >= LEAST_DSC else "low"


def verdict(report: dict) -> Verdict:
    """Judge a registration by its report (see pipeline.report_content); what is missing is left out."""
    rules = (
        _likeness,
        _labels_shifted,
        _labels_elsewhere,
        _method,
        _similarity,
        _folding,
        _displacement,
        _fields_of_view,
        _vertebrae,
        _volumes,
    )
    found = [item for rule in rules for item in rule(report)]
    if not found:
        return Verdict(GOOD, (_support(report),))
    found.sort(key=lambda item: item[0] != POOR)
    return Verdict(found[0][0], tuple(dict.fromkeys(reason for _, reason in found)))


Found = list[tuple[str, str]]


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _method(report: dict) -> Found:
    """Why another method was taken, a start that may be wrong, and all other warnings."""
    found = []
    reason = report.get("fallback_reason")
    if reason:
        found.append((CHECK, _sentence(f"NiftyReg was used instead of the network, because {reason}")))
    for warning in report.get("warnings") or ():
        level = POOR if AFFINE_DOUBT in warning else CHECK
        found.append((level, _sentence(warning.removeprefix(CHECK_PREFIX))))
    return found


def _pair(report: dict, name: str, first: str) -> tuple[float, float] | None:
    row = report.get(name) or {}
    values = row.get(first), row.get("after")
    return None if values[0] is None or values[1] is None else (values[0], values[1])


def _likeness(report: dict) -> Found:
    """Scans that no registration could make alike."""
    measures = ("ssim", "SSIM", LEAST_SSIM), ("ncc", "NCC", LEAST_NCC)
    known = [
        (float(row["after"]), words, least)
        for row, words, least in ((report.get(name) or {}, words, least) for name, words, least in measures)
        if row.get("after") is not None
    ]
    if not known or any(value >= least for value, _words, least in known):
        return []
    values = ", ".join(f"{words} {value:.2f}" for value, words, _least in known)
    return [(POOR, f"These may be two patients: after the registration the scans are hardly alike ({values}).")]


def _labels_shifted(report: dict) -> Found:
    """Labels that are numbered one level, or more, off those of the other scan."""
    vertebrae = report.get("vertebrae") or {}
    shift = label_shift(vertebrae)
    if shift is None:
        return []
    count = abs(shift.levels)
    words = "one level" if count == 1 else f"{count} levels"
    moving, fixed = label_name(shift.moving), label_name(shift.fixed)
    text = (
        f"One scan's labels look shifted by {words}: the follow-up's {moving} lies on the baseline's {fixed} "
        f"(DSC {shift.dsc:.2f}). Number the vertebrae of both scans alike."
    )
    return [(POOR, text)]


def _labels_elsewhere(report: dict) -> Found:
    """Labels that fitted before the registration and do not after it, though the scans fit better."""
    rows = [row["dsc"] for row in (report.get("vertebrae") or {}).values() if row.get("dsc")]
    rows = [row for row in rows if None not in (row.get("before"), row.get("after"))]
    pairs = [pair for pair in (_pair(report, name, "before") for name in ("ssim", "ncc")) if pair]
    if not rows or not pairs or any(after <= before for before, after in pairs):
        return []
    before, after = (sum(row[when] for row in rows) / len(rows) for when in ("before", "after"))
    if after >= before - LABELS_FALL:
        return []
    text = (
        f"The scans are more alike after the registration, their labels less (mean DSC {before:.2f} to {after:.2f}): "
        "the follow-up's labels seem to lie where it was shown registered. Import them while its transform is off."
    )
    return [(POOR, text)]


def _similarity(report: dict) -> Found:
    """A measure that is lower after the registration than it was: than unregistered, or than the affine step alone."""
    names = {**QUICK, **{measure.key: measure.words for measure in SIMILARITIES}}
    found = []
    for name, words in names.items():
        for first, before in (("before", "before the registration"), ("affine", "after the affine step alone")):
            pair = _pair(report, name, first)
            if pair and pair[1] < pair[0] - SIMILARITY_TOLERANCE:
                text = f"The scans are less alike than {before}: {words} fell from {pair[0]:.3f} to {pair[1]:.3f}."
                found.append((POOR if first == "before" else CHECK, text))
                break
    return found


def _folding(report: dict) -> Found:
    folded = report.get("ndv_percent") or 0.0
    if folded <= MAX_NDV_PERCENT:
        return []
    text = f"The deformation folds in {folded:.2f} % of the body (NDV); at most {MAX_NDV_PERCENT:g} % is usual."
    return [(POOR if folded > POOR_NDV_PERCENT else CHECK, text)]


def _displacement(report: dict) -> Found:
    row = report.get("displacement") or {}
    largest, known = row.get("largest_mm"), row.get("known_mm")
    if largest is None or known is None or largest <= RANGE_FACTOR * known:
        return []
    return [(CHECK, f"Points move by up to {largest:.0f} mm; the network was trained on up to {known:.0f} mm.")]


def _fields_of_view(report: dict) -> Found:
    common = (report.get("fields_of_view") or {}).get("common_percent")
    if common is None or common >= LEAST_COMMON_PERCENT:
        return []
    text = f"The scans show only {common:.0f} % of the body in common (of the smaller scan)."
    return [(POOR if common < POOR_COMMON_PERCENT else CHECK, text)]


def _vertebrae(report: dict) -> Found:
    """Vertebrae, by name, that fit badly, or worse than before."""
    poor: list[str] = []
    low: list[str] = []
    fell: list[str] = []
    if label_shift(report.get("vertebrae") or {}) is not None:
        return []
    rows = (report.get("vertebrae") or {}).values()
    statuses = {row.get("status", "both") for row in rows}
    if "baseline only" in statuses and "both" not in statuses:
        return [(CHECK, "No label is in both scans: check the labels and their numbers.")]
    for row in rows:
        before, after = (row["dsc"].get(step) for step in ("before", "after"))
        if after is None:
            continue
        if after < LEAST_DSC:
            (poor if after < POOR_DSC else low).append(f"{row['name']} ({after:.2f})")
        if before is not None and after < before - DSC_TOLERANCE:
            fell.append(f"{row['name']} ({before:.2f} to {after:.2f})")
    groups = (
        (POOR, f"Vertebrae with a DSC below {POOR_DSC:g}", poor),
        (CHECK, f"Vertebrae with a DSC below {LEAST_DSC:g}", low),
        (CHECK, "Vertebrae that fit worse than before the registration (DSC)", fell),
    )
    return [(level, f"{words}: {', '.join(names)}.") for level, words, names in groups if names]


def volume_change_percent(row: dict) -> float | None:
    """By how much a registration changes the volume of a follow-up's label, percent; None where that is not known.

    Parameters
    ----------
    row
        Of the report's vertebrae.

    Examples
    --------
    >>> volume_change_percent({"volume_ml": {"before": 2.0, "after": 1.5}})
    -25.0
    """
    volumes = row.get("volume_ml") or {}
    before, after = volumes.get("before"), volumes.get("after")
    return None if not before or after is None else 100 * (after / before - 1)


def _volumes(report: dict) -> Found:
    """Labels, lesions among them, that the registration makes larger or smaller."""
    changes = [(row["name"], volume_change_percent(row)) for row in (report.get("vertebrae") or {}).values()]
    names = [f"{name} ({x:+.0f} %)" for name, x in changes if x is not None and abs(x) > MOST_VOLUME_CHANGE_PERCENT]
    if not names:
        return []
    most = f"{MOST_VOLUME_CHANGE_PERCENT:g} %"
    return [(CHECK, f"Labels whose volume the registration changes by over {most}: {', '.join(names)}.")]


def _support(report: dict) -> str:
    """What speaks for a result, in one sentence."""
    parts = []
    after = [row["dsc"].get("after") for row in (report.get("vertebrae") or {}).values()]
    after = [value for value in after if value is not None]
    if after:
        least = math.floor(100 * min(after)) / 100
        count = f"{len(after)} vertebrae overlap" if len(after) > 1 else "one vertebra overlaps"
        parts.append(f"{count} by {least:.2f} or more (DSC)")
    names = {**{measure.key: measure.words for measure in SIMILARITIES}, "quick_ncc": QUICK["quick_ncc"]}
    for name, words in names.items():
        pair = _pair(report, name, "before") or _pair(report, name, "affine")
        if pair and not any(part.startswith(words) for part in parts):
            parts.append(f"{words} went from {pair[0]:.2f} to {pair[1]:.2f}")
    if report.get("ndv_percent") is not None:
        parts.append(f"the deformation folds in {report['ndv_percent']:.3f} % of the body")
    return _sentence("; ".join(parts)) if parts else "Nothing speaks against the result."
