"""The scores of a registration's report: as text, their mean, and the table in the scene."""

import numpy as np
import slicer
import vtk
from LongitudinalRegistrationLib.methods.registry import title_of
from slicer.i18n import tr as _
from TableRemovalSlicer.chart_nodes import cellText, setColumns

from LongitudinalRegistrationSlicer.vertebrae.rows import MEASURES, vertebraRows

NAME_COLUMN, STATUS_COLUMN = "Vertebra", "Found in"
SHOWN_STAGES = ("load", "affine", "grid", "network", "refinement", "niftyreg", "judge")


def meanDice(report):
    """Return the mean Dice score (before, after) over the labels that both scans have, or None."""
    pairs = [(score["before"], score["after"]) for score in (report.get("dsc") or {}).values()]
    known = [pair for pair in pairs if None not in pair]
    return tuple(np.mean(known, axis=0)) if known else None


def resultText(report, pending, message):
    """Return a line about a result: method and seconds, how good it is, what is still to come, what went wrong."""
    parts = [_("Registered with {method}").format(method=title_of(report.get("method", "?")))]
    if report.get("fallback_reason"):
        parts[0] += f" ({report['fallback_reason']})"
    seconds = report.get("seconds", {})
    if "to_transform" in seconds:
        stages = [f"{name} {seconds[name]:.2f}" for name in SHOWN_STAGES if seconds.get(name, 0) >= 0.005]
        parts.append(f"{seconds['to_transform']:.2f} s" + (f" ({', '.join(stages)})" if stages else ""))
    dice = meanDice(report)
    if dice:
        parts.append(f"DSC {dice[0]:.2f} → {dice[1]:.2f}")
    for name, first in (("ssim", "before"), ("ncc", "before"), ("quick_ncc", "affine")):
        before, after = ((report.get(name) or {}).get(when) for when in (first, "after"))
        if None not in (before, after):
            parts.append(f"{name.replace('quick_', '').upper()} {before:.2f} → {after:.2f}")
    if report.get("ndv_percent") is not None:
        parts.append(f"NDV {report['ndv_percent']:.3f} %")
    parts += report.get("warnings", [])
    if pending:
        parts.append(_("the registered volume is being computed"))
    return "; ".join(part.rstrip(".") for part in parts + ([message] if message else [])) + "."


def addScores(report, values, name):
    """Add a table with the figures of each label before and after; None where the report has no label.

    values: label values by segment name, for names that are no vertebra's. name: what was registered.
    """
    rows = vertebraRows(report, values)
    if not rows:
        return None
    columns = [(vtk.vtkStringArray(), NAME_COLUMN, [cellText(row.name) for row in rows])]
    for measure in MEASURES:
        columns.append((vtk.vtkDoubleArray(), measure.title, [round(row.figures[measure.key], 3) for row in rows]))
    columns.append((vtk.vtkStringArray(), STATUS_COLUMN, [row.status for row in rows]))
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", f"{name} vertebra scores")
    setColumns(table, columns)
    table.SetUseColumnTitleAsColumnHeader(True)
    table.SetLocked(True)
    return table
