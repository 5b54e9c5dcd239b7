"""The vertebrae's names in the slice views: beside each centre in sagittal and coronal views, in axial ones where the
slice goes through it."""

import slicer
from TableRemovalSlicer.hidden_nodes import addHiddenNode

from LongitudinalRegistrationSlicer.label_segmentations import removeHidden

AXIAL = "Axial"
TEXT_SCALE, GLYPH_PERCENT = 3.4, 0.8
WHITE = (1.0, 1.0, 1.0)


class OutlineNames:
    """Names at points (RAS, mm), from now until `remove`."""

    def __init__(self, points):
        self._node = addHiddenNode("vtkMRMLMarkupsFiducialNode", "Vertebra names")
        _removeDisplays(self._node)
        self._through, self._projected = _addDisplay(self._node, False), _addDisplay(self._node, True)
        for name, point in points.items():
            self._node.AddControlPoint(point, name)
        self._node.SetLocked(True)

    def showIn(self, viewNodes):
        """Show the names in these slice views only."""
        axial = [node.GetID() for node in viewNodes if node.GetOrientation() == AXIAL]
        others = [node.GetID() for node in viewNodes if node.GetOrientation() != AXIAL]
        for display, ids in ((self._through, axial), (self._projected, others)):
            display.SetViewNodeIDs(ids)
            display.SetVisibility(bool(ids))

    def remove(self):
        """Take the names away."""
        removeHidden(self._node)


def _removeDisplays(node):
    """Take away the display nodes that the scene gave a new markups node by itself."""
    displays = [node.GetNthDisplayNode(index) for index in range(node.GetNumberOfDisplayNodes())]
    node.RemoveAllDisplayNodeIDs()
    for display in displays:
        slicer.mrmlScene.RemoveNode(display)


def _addDisplay(node, projected):
    display = addHiddenNode("vtkMRMLMarkupsFiducialDisplayNode", "Vertebra names display")
    node.AddAndObserveDisplayNodeID(display.GetID())
    display.SetTextScale(TEXT_SCALE)
    display.SetGlyphScale(GLYPH_PERCENT)
    display.SetSelectedColor(*WHITE)
    display.SetColor(*WHITE)
    display.SetVisibility3D(False)
    display.SetSliceProjection(projected)
    display.SetSliceProjectionUseFiducialColor(True)
    display.SetSliceProjectionOpacity(1.0)
    display.SetPointLabelsVisibility(True)
    display.SetHandlesInteractive(False)
    return display
