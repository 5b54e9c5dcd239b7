"""The vertebrae's names in the slice views: beside each centre in sagittal and coronal views; in axial ones beside each
vertebra that the slice cuts."""

import slicer
import vtk
from TableRemovalSlicer.hidden_nodes import addHiddenNode, addHiddenPoints, removeWithDisplays

AXIAL = "Axial"
TEXT_SCALE, GLYPH_PERCENT = 3.4, 0.8
# A line of names as a share of the view's height, and how many lines' heights a name is wide.
LINE_SHARE, NAME_LINES = 0.05, 3
WHITE = (1.0, 1.0, 1.0)


class OutlineNames:
    """Names at points (RAS, mm), from now until `remove`; extents: the lowest and highest S, mm, that each reaches.

    Sagittal and coronal views share one node, each axial view has its own, whose points follow the view's slice.
    """

    def __init__(self, points, extents):
        self._points = points
        self._reaches = [(*extents.get(name, (point[2], point[2])), point[2]) for name, point in points.items()]
        self._projected = _addNames(points, "Vertebra names", projected=True)
        self._cut, self._views, self._shown = {}, {}, {}

    def showIn(self, viewNodes):
        """Show the names in these slice views only."""
        self._stopFollowing()
        self._views = {node: node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onView) for node in viewNodes}
        axial = [node for node in viewNodes if node.GetOrientation() == AXIAL]
        _showIn(self._projected, [node for node in viewNodes if node not in axial])
        for node in set(self._cut) - set(axial):
            removeWithDisplays(self._cut.pop(node))
        for node in axial:
            if node not in self._cut:
                self._cut[node] = _addNames(self._points, f"Vertebra names in {node.GetLayoutName()}", projected=False)
                _showIn(self._cut[node], [node])
            self._follow(node)

    def remove(self):
        """Take the names away."""
        self._stopFollowing()
        for node in (self._projected, *self._cut.values()):
            removeWithDisplays(node)
        self._cut = {}

    def _stopFollowing(self):
        for node, tag in self._views.items():
            node.RemoveObserver(tag)
        self._views = {}

    def _onView(self, sliceNode, event):
        if self._projected.GetScene() is None:
            return
        if (sliceNode.GetOrientation() == AXIAL) != (sliceNode in self._cut):
            self.showIn([node for node in self._views if node.GetScene() is not None])
        elif sliceNode in self._cut:
            self._follow(sliceNode)

    def _follow(self, sliceNode):
        """Bring the names of the vertebrae that an axial view's slice cuts into it."""
        height, names = sliceNode.GetSliceOffset(), self._cut[sliceNode]
        cut = [low <= height <= high for low, high, _centre in self._reaches]
        places = list(self._points.values())
        apart = placesApart([place[:2] for place, isCut in zip(places, cut, strict=True) if isCut], _lineMm(sliceNode))
        shown = [(*apart.pop(0), height) if isCut else tuple(place) for place, isCut in zip(places, cut, strict=True)]
        if self._shown.get(names) == shown:
            return
        self._shown[names] = shown
        with slicer.util.NodeModify(names):
            for index, place in enumerate(shown):
                names.SetNthControlPointPosition(index, *place)


def placesApart(places, lineMm):
    """Return places (right, anterior, mm) of names, each a line behind the names before it that it would lie over."""
    moved = []
    for right, anterior in places:
        close = [other for other in moved if abs(other[0] - right) < NAME_LINES * lineMm]
        close = [other[1] for other in close if abs(other[1] - anterior) < len(moved) * lineMm]
        moved.append((right, min([anterior, *(place - lineMm for place in close)])))
    return moved


def _lineMm(sliceNode):
    """Return the height of a line of names in a view, mm."""
    return sliceNode.GetFieldOfView()[1] * LINE_SHARE


def _showIn(names, viewNodes):
    display = names.GetDisplayNode()
    display.SetViewNodeIDs([node.GetID() for node in viewNodes])
    display.SetVisibility(bool(viewNodes))


def _addNames(points, title, projected):
    node = addHiddenPoints(title)
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
