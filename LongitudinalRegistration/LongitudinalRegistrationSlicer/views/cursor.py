"""The place under the mouse in the slice views, as a place of the baseline."""

import slicer

from LongitudinalRegistrationSlicer.views.layout import FOLLOW_UP, viewNames


class CursorObserver:
    """While it is enabled, `onMoved(ras)` is called with each new place (RAS, mm), or None outside the views.

    Views that show the follow-up as it was scanned give no place.
    """

    def __init__(self, onMoved):
        self._onMoved = onMoved
        self._node, self._tag = None, None

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
        inFollowUp = view is not None and view.GetLayoutName() in viewNames(FOLLOW_UP)
        ras = [0.0, 0.0, 0.0]
        self._onMoved(ras if self._node.GetCursorPositionRAS(ras) and not inFollowUp else None)
