"""The place under the mouse in the slice views, as a place of the baseline."""

import slicer

from LongitudinalRegistrationSlicer.views.layout import FOLLOW_UP, viewNames


class CursorObserver:
    """While it is enabled, `onMoved(ras)` is called with each new place (RAS, mm), or None outside the views.

    `result`, a transform node, takes places in views that show the follow-up as it was scanned to the baseline; without
    it these views give no place. `viewName`: of the view that the mouse is in, or "".
    """

    def __init__(self, onMoved, result=None):
        self._onMoved, self.result = onMoved, result
        self._node, self._tag = None, None
        self.viewName = ""

    def setEnabled(self, enabled):
        """Observe the scene's crosshair node, or no longer."""
        if enabled and self._node is None:
            self._node = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
            if self._node is not None:
                event = slicer.vtkMRMLCrosshairNode.CursorPositionModifiedEvent
                self._tag = self._node.AddObserver(event, self._onCursor)
        elif not enabled and self._node is not None:
            self._node.RemoveObserver(self._tag)
            self._node = None

    def _onCursor(self, caller, event):
        view = self._node.GetCursorPositionXYZ([0.0, 0.0, 0.0])
        self.viewName = view.GetLayoutName() if view is not None else ""
        ras = [0.0, 0.0, 0.0]
        inside = self._node.GetCursorPositionRAS(ras)
        self._onMoved(placeOnBaseline(ras, self.viewName, self.result) if inside else None)


def placeOnBaseline(ras, viewName, result):
    """Return a place (RAS, mm) of a view as a place of the baseline; None where a view shows the follow-up as it was
    scanned and there is no result, a transform node, to take it there."""
    if viewName not in viewNames(FOLLOW_UP):
        return ras
    return list(result.GetTransformToParent().TransformPoint(ras)) if result is not None else None
