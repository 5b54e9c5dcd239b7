"""The vertebrae's names in the slice views: beside each centre in sagittal and coronal views; in axial ones beside each
vertebra that the slice cuts."""

import slicer
import vtk
from TableRemovalSlicer.hidden_nodes import addHiddenNode

from LongitudinalRegistrationSlicer.label_segmentations import removeHidden

AXIAL = "Axial"
TEXT_SCALE, GLYPH_PERCENT = 3.4, 0.8
WHITE = (1.0, 1.0, 1.0)


class OutlineNames:
    """Names at points (RAS, mm), from now until `remove`; extents: the lowest and highest S, mm, that each reaches."""

    def __init__(self, points, extents):
        self._points, self._extents = points, extents
        self._projected = _addNames(points, "Vertebra names", projected=True)
        self._cut = _addNames(points, "Vertebra names in axial views", projected=False)
        self._axial, self._shownAt = {}, None

    def showIn(self, viewNodes):
        """Show the names in these slice views only."""
        axial = [node for node in viewNodes if node.GetOrientation() == AXIAL]
        others = [node.GetID() for node in viewNodes if node.GetOrientation() != AXIAL]
        for names, ids in ((self._cut, [node.GetID() for node in axial]), (self._projected, others)):
            display = names.GetDisplayNode()
            display.SetViewNodeIDs(ids)
            display.SetVisibility(bool(ids))
        self._stopFollowing()
        self._axial = {node: node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onSlice) for node in axial}
        for node in axial[:1]:
            self._onSlice(node)

    def remove(self):
        """Take the names away."""
        self._stopFollowing()
        for node in (self._projected, self._cut):
            removeHidden(node)

    def _stopFollowing(self):
        for node, tag in self._axial.items():
            node.RemoveObserver(tag)
        self._axial = {}

    def _onSlice(self, sliceNode, event=None):
        """Bring the names of the vertebrae that a slice cuts into it."""
        height = sliceNode.GetSliceOffset()
        if height == self._shownAt or self._cut.GetScene() is None:
            return
        self._shownAt = height
        with slicer.util.NodeModify(self._cut):
            for index, (name, (right, anterior, centre)) in enumerate(self._points.items()):
                lowest, highest = self._extents.get(name, (centre, centre))
                where = height if lowest <= height <= highest else centre
                self._cut.SetNthControlPointPosition(index, right, anterior, where)


def _addNames(points, title, projected):
    node = addHiddenNode("vtkMRMLMarkupsFiducialNode", title)
    _removeDisplays(node)
    _addDisplay(node, projected)
    for name, point in points.items():
        node.AddControlPoint(point, name)
    node.SetLocked(True)
    return node


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
