"""The scores of a registration's report: in words, their mean, and the table in the scene."""

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from LongitudinalRegistrationSlicer.vertebrae import displayName

SHOWN_STAGES = ("load", "affine", "grid", "network", "refinement", "niftyreg", "judge")


def meanDice(report):
    """Return the mean Dice score (before, after) over the labels that both scans have, or None."""
    pairs = [(score["before"], score["after"]) for score in (report.get("dsc") or {}).values()]
    known = [pair for pair in pairs if None not in pair]
    return tuple(np.mean(known, axis=0)) if known else None


def resultText(report, pending, message):
    """Return a line about a result: method and seconds, how good it is, what is still to come, what went wrong."""
    parts = [_("Registered with {method}").format(method=report.get("method", "?"))]
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
        parts.append(_("the registered volume follows"))
    return "; ".join(part.rstrip(".") for part in parts + ([message] if message else [])) + "."


def addScores(report, values, name):
    """Add a table with the Dice score of each label before and after; None where the report has none.

    values: label values by segment name, for names that are no vertebra's. name: what was registered.
    """
    scores = report.get("dsc") or {}
    if not scores:
        return None
    names, before, after = vtk.vtkStringArray(), vtk.vtkDoubleArray(), vtk.vtkDoubleArray()
    for value, score in sorted(scores.items(), key=lambda item: int(item[0])):
        names.InsertNextValue(displayName(value, values))
        for column, dice in ((before, score["before"]), (after, score["after"])):
            column.InsertNextValue(float("nan") if dice is None else round(dice, 3))
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", f"{name} Dice scores")
    for title, column in {"Vertebra": names, "DSC before": before, "DSC after": after}.items():
        column.SetName(title)
        table.AddColumn(column)
    table.SetUseColumnTitleAsColumnHeader(True)
    table.SetLocked(True)
    return table
