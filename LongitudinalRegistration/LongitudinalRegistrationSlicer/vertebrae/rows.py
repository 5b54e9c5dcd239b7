"""How well each vertebra fits, as rows: from a registration's report, with the other methods' results beside it."""

import csv
import dataclasses
import io
import math

from LongitudinalRegistrationLib.evaluation.verdict import GOOD_DSC, LEAST_DSC, SIMILARITIES
from LongitudinalRegistrationLib.methods.registry import title_of
from slicer.i18n import tr as _

from LongitudinalRegistrationSlicer.results.nodes import changesOf, methodOf, reportOf, samePair
from LongitudinalRegistrationSlicer.vertebrae.names import displayName, spineOrder

BOTH, BASELINE_ONLY, FOLLOW_UP_ONLY = "both", "baseline only", "follow-up only"
GOOD, FAIR, POOR = "good", "fair", "poor"
UNKNOWN = math.nan


@dataclasses.dataclass(frozen=True)
class Measure:
    """A figure in the table: its key in VertebraRow.figures, title, decimals, whether more is better, and from where
    on it is good and fair; without `good` it is neither good nor bad."""

    key: str
    title: str
    decimals: int
    moreIsBetter: bool = True
    good: float | None = None
    fair: float | None = None

    def quality(self, figure):
        """Return GOOD, FAIR or POOR, or "" where there is no figure, or one that is neither good nor bad."""
        if self.good is None or math.isnan(figure):
            return ""
        sign = 1 if self.moreIsBetter else -1
        if sign * figure >= sign * self.good:
            return GOOD
        return FAIR if sign * figure >= sign * self.fair else POOR

    def text(self, figure):
        """Return the figure as the table shows it."""
        if math.isnan(figure):
            return "–"
        return f"{figure:+.{self.decimals}f}" if self.key in SIGNED else f"{figure:.{self.decimals}f}"


MEASURES = (
    Measure("dsc before", "DSC before", 2, True, GOOD_DSC, LEAST_DSC),
    Measure("dsc after", "DSC after", 2, True, GOOD_DSC, LEAST_DSC),
    Measure("change", "DSC change", 2, True, 0.005, -0.005),
    Measure("volume before", "Volume before (ml)", 1),
    Measure("volume after", "Volume after (ml)", 1),
    Measure("hd95 before", "HD95 before (mm)", 1, False, 3.0, 6.0),
    Measure("hd95 after", "HD95 after (mm)", 1, False, 3.0, 6.0),
    Measure("centroid before", "Centre before (mm)", 1, False, 2.0, 5.0),
    Measure("centroid after", "Centre after (mm)", 1, False, 2.0, 5.0),
)
"""Volumes are of the follow-up's label, as it came and registered."""


CHANGES = (
    Measure("hu before", "Mean HU before", 0),
    Measure("hu change", "HU change", 0),
    Measure("body hu change", "HU change (body)", 0),
    Measure("volume change", "Volume change (%)", 0),
    Measure("height before", "Height before (mm)", 1),
    Measure("height after", "Height after (mm)", 1),
    Measure("compression", "Compression (%)", 0),
)
"""What has changed in each vertebra, where the scans were compared; heights are the least of front, middle and back."""
SIGNED = ("change", "hu change", "body hu change", "volume change")


@dataclasses.dataclass(frozen=True)
class VertebraRow:
    """A label: value (None in the rows of mean and worst), name, which scans have it, and its figures (NaN where there
    is none) by a measure's key."""

    value: object
    name: str
    status: str
    figures: dict


def vertebraRows(report, names=None):
    """Return the rows of a report down the spine; `names`: label values by name (see displayName)."""
    found = {}
    for value, entry in (report.get("dsc") or {}).items():
        found[value] = {"status": _statusOf(entry), "dsc": entry}
    for value, entry in (report.get("vertebrae") or {}).items():
        found[value] = {**found.get(value, {}), **entry}
    ordered = sorted(found.items(), key=lambda item: spineOrder(int(item[0])))
    return [
        VertebraRow(int(value), displayName(value, names), entry.get("status", BOTH), _figures(entry))
        for value, entry in ordered
    ]


def methodMeasures(result):
    """Return a measure "DSC after" for each other method's result of the same pair, with the result's report."""
    others = [node for node in samePair(result) if node is not result and reportOf(node).get("dsc")]
    measures = []
    for node in others:
        title = _("DSC after ({method})").format(method=title_of(methodOf(node)))
        measures.append((Measure(f"dsc after {node.GetID()}", title, 2, True, GOOD_DSC, LEAST_DSC), reportOf(node)))
    return measures


def rowsWithMethods(result, names=None):
    """Return (rows, measures) of a result: its own figures and the other methods' results of the same pair."""
    rows, measures = withChanges(vertebraRows(reportOf(result), names), changesOf(result))
    for measure, report in methodMeasures(result):
        scores = report["dsc"]
        measures.append(measure)
        rows = [
            dataclasses.replace(row, figures={**row.figures, measure.key: _figure(scores.get(str(row.value)), "after")})
            for row in rows
        ]
    return rows, measures


def withChanges(rows, content):
    """Return (rows, measures) of the table with what has changed in each vertebra, where a content (see
    results.nodes.changesOf) has it."""
    found = {entry["label"]: _changeFigures(entry) for entry in content.get("vertebrae") or ()}
    if not found:
        return rows, list(MEASURES)
    unknown = dict.fromkeys((measure.key for measure in CHANGES), UNKNOWN)
    rows = [dataclasses.replace(row, figures={**row.figures, **found.get(row.value, unknown)}) for row in rows]
    return rows, [*MEASURES, *CHANGES]


def _changeFigures(entry):
    """Return the figures of a vertebra of a content, NaN where they are not known."""
    figures = {
        "hu before": entry["whole"]["mean_before_hu"],
        "hu change": entry["whole"]["change_hu"],
        "body hu change": entry["body"]["change_hu"],
        "volume change": entry["whole"]["volume_change_percent"],
        "compression": _loss(entry["compression_percent"], entry["compression_error_percent"]),
        "height before": _least(entry["heights_before"]),
        "height after": _least(entry["heights_after"]),
    }
    return {key: UNKNOWN if value is None else float(value) for key, value in figures.items()}


def _loss(percent, error):
    """Return a loss of height, 0 where it is within its measuring error."""
    return 0.0 if percent is not None and error is not None and percent <= error else percent


def _least(heights):
    known = [value for value in heights.values() if value is not None]
    return min(known) if len(known) == len(heights) else None


def summaryRows(rows, measures):
    """Return the rows for the mean and the worst of each figure; none without labels that both scans have."""
    shared = [row for row in rows if row.status == BOTH]
    if not shared:
        return []
    means, worst = {}, {}
    for measure in measures:
        known = [row.figures[measure.key] for row in shared if not math.isnan(row.figures[measure.key])]
        means[measure.key] = sum(known) / len(known) if known else UNKNOWN
        isRated = known and measure.good is not None
        worst[measure.key] = (min if measure.moreIsBetter else max)(known) if isRated else UNKNOWN
    return [VertebraRow(None, _("Mean"), BOTH, means), VertebraRow(None, _("Worst"), BOTH, worst)]


def summaryText(rows):
    """Return a sentence: mean DSC, and which vertebra fits worst; "" without scores."""
    known = [row for row in rows if not math.isnan(row.figures["dsc before"] + row.figures["dsc after"])]
    if not known:
        return ""
    before, after = (sum(row.figures[key] for row in known) / len(known) for key in ("dsc before", "dsc after"))
    worst = min(known, key=lambda row: row.figures["dsc after"])
    text = _("Mean DSC {before:.2f} → {after:.2f} over {count} vertebrae; lowest: {name} {lowest:.2f}.")
    if len(known) == 1:
        text = _("DSC {before:.2f} → {after:.2f} of one vertebra, {name}.")
    text = text.format(before=before, after=after, count=len(known), name=worst.name, lowest=worst.figures["dsc after"])
    alone = [row.name for row in rows if row.status != BOTH]
    return text + (" " + _("In one scan only: {names}.").format(names=", ".join(alone)) if alone else "")


def similarityText(report):
    """Return a sentence with SSIM, NCC and overlap of bone before and after, for where no vertebra has scores."""
    parts = []
    for measure in SIMILARITIES:
        before, after = (_figure(report.get(measure.key), when) for when in ("before", "after"))
        if not math.isnan(before + after):
            parts.append(f"{measure.title} {before:.2f} → {after:.2f}")
    if not parts:
        quick = report.get("quick_ncc") or {}
        before, after = _figure(quick, "affine"), _figure(quick, "after")
        parts = [] if math.isnan(before + after) else [f"NCC {before:.2f} → {after:.2f}"]
    return "; ".join(parts) + "." if parts else ""


def sortedRows(rows, key, descending=False):
    """Return rows sorted by a figure, those without it last; key None: down the spine."""
    if key is None:
        ordered = sorted(rows, key=lambda row: spineOrder(row.value))
        return ordered[::-1] if descending else ordered
    known = [row for row in rows if not math.isnan(row.figures.get(key, UNKNOWN))]
    ordered = sorted(known, key=lambda row: row.figures[key], reverse=descending)
    return ordered + [row for row in rows if row not in known]


def rowsAsText(rows, measures, delimiter):
    """Return rows with titles as text, a line each: for the clipboard (tab) or a CSV file (comma)."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
    writer.writerow([_("Vertebra"), *(measure.title for measure in measures), _("Found in")])
    for row in rows:
        figures = (row.figures[measure.key] for measure in measures)
        writer.writerow([row.name, *("" if math.isnan(figure) else f"{figure:.4g}" for figure in figures), row.status])
    return stream.getvalue()


def saveCsv(path, rows, measures):
    """Write rows with titles as a CSV file. Raises InputError where it cannot be written."""
    from LongitudinalRegistrationLib.system.files import write_text

    write_text(rowsAsText(rows, measures, ","), path)


def _statusOf(score):
    missing = {"moving": BASELINE_ONLY, "fixed": FOLLOW_UP_ONLY}
    return missing.get(score.get("missing_from"), BOTH)


def _figures(entry):
    figures = {
        f"{measure} {when}": _figure(entry.get(part), when)
        for measure, part in (("dsc", "dsc"), ("hd95", "hd95_mm"), ("centroid", "centroid_mm"), ("volume", "volume_ml"))
        for when in ("before", "after")
    }
    return {**figures, "change": figures["dsc after"] - figures["dsc before"]}


def _figure(pair, when):
    figure = (pair or {}).get(when)
    return UNKNOWN if figure is None else float(figure)
