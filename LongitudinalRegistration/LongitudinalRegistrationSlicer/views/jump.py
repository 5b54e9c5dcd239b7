"""Brings a place of the patient into all slice views, and moves no more than is needed for it."""

import numpy as np
import slicer

from LongitudinalRegistrationSlicer.views.layout import BASELINE, ROWS, isShown, viewName, viewNames

EDGE_SHARE = 0.05
"""A place this near to a view's edge, as a share of its size, is not seen well: the view is centred on it."""


def showPlace(ras, clickedView=""):
    """Scroll the slice views to a place of the baseline (RAS, mm); a view where it would lie outside is centred on it.

    clickedView: the name of a view that shows the place already and stays as it is. In arranged views the baseline's
    lead, the others of their row follow.
    """
    manager = slicer.app.layoutManager()
    if isShown():
        names = [viewName(BASELINE, row) for row in ROWS if clickedView not in _rowNames(row)]
    else:
        names = [name for name in manager.sliceViewNames() if name != clickedView]
    for name in names:
        node = manager.sliceWidget(name).mrmlSliceNode()
        node.JumpSliceByOffsetting(*ras) if _isInView(node, ras) else node.JumpSliceByCentering(*ras)


def _rowNames(row):
    return [name for name in viewNames() if name.endswith(str(row))]


def _isInView(node, ras):
    """Whether a place is within a view's field, in the direction across its slice wherever it is."""
    toXY = np.linalg.inv(slicer.util.arrayFromVTKMatrix(node.GetXYToRAS()))
    shares = (toXY @ (*ras, 1.0))[:2] / np.maximum(node.GetDimensions()[:2], 1)
    return bool(np.all((shares > EDGE_SHARE) & (shares < 1 - EDGE_SHARE)))
