"""A cross at one place of the patient in all slice views, at the transformed place where the follow-up is shown as it
was scanned; no list shows it and no file keeps it."""

import slicer
from TableRemovalSlicer.hidden_nodes import addHiddenPoints, removeWithDisplays

from LongitudinalRegistrationSlicer.views.layout import FOLLOW_UP, viewNames

COLOUR = (1.0, 0.85, 0.0)
SIZE_PERCENT = 4.0


class MarkedPlace:
    """The cross of a result, a transform node; `show(ras)` moves it."""

    def __init__(self, result):
        self._result, self._nodes = result, {}

    def show(self, ras):
        """Mark a place of the baseline (RAS, mm)."""
        inFollowUp = self._result.GetTransformFromParent().TransformPoint(ras)
        for followUp, place in ((False, ras), (True, inFollowUp)):
            node = self._nodeOf(followUp)
            with slicer.util.NodeModify(node):
                node.RemoveAllControlPoints()
                node.AddControlPoint(*place)
            node.SetNthControlPointLabel(0, "")

    def remove(self):
        """Take the cross away."""
        for node in self._nodes.values():
            removeWithDisplays(node)
        self._nodes = {}

    def _nodeOf(self, followUp):
        if followUp not in self._nodes or self._nodes[followUp].GetScene() is None:
            self._nodes[followUp] = _addCross()
        display, names = self._nodes[followUp].GetDisplayNode(), viewNames(FOLLOW_UP)
        views = slicer.util.getNodesByClass("vtkMRMLSliceNode")
        shown = [view.GetID() for view in views if (view.GetLayoutName() in names) == followUp]
        display.SetViewNodeIDs(shown)
        display.SetVisibility(bool(shown))
        return self._nodes[followUp]


def _addCross():
    node = addHiddenPoints("Marked place")
    node.CreateDefaultDisplayNodes()
    node.SetLocked(True)
    display = node.GetDisplayNode()
    display.SetHideFromEditors(True)
    display.SetSaveWithScene(False)
    display.SetGlyphTypeFromString("CrossDot2D")
    display.SetColor(*COLOUR)
    display.SetSelectedColor(*COLOUR)
    display.SetGlyphScale(SIZE_PERCENT)
    display.SetPointLabelsVisibility(False)
    display.SetPropertiesLabelVisibility(False)
    return node
