"""The Dice scores of a registration's report: their mean, and the table in the scene."""

import numpy as np
import slicer
import vtk

from LongitudinalRegistrationSlicer.vertebrae import displayName


def meanDice(report):
    """Return the mean Dice score (before, after) over the labels that both scans have, or None."""
    pairs = [(score["before"], score["after"]) for score in (report.get("dsc") or {}).values()]
    known = [pair for pair in pairs if None not in pair]
    return tuple(np.mean(known, axis=0)) if known else None


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
