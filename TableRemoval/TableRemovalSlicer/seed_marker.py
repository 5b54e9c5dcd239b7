"""The seed as a point that can be dragged in the slice views."""

import slicer
import vtk

from TableRemovalSlicer.hidden_nodes import addHiddenPoints, removeNode

GLYPH_SCALE = 2.5
COLOUR = (1.0, 0.9, 0.1)


def addPointsWithoutLabels(name):
    """Add a points node that is neither listed nor saved, without labels in the views, and return it."""
    node = addHiddenPoints(name)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetSaveWithScene(False)
    node.GetDisplayNode().SetPointLabelsVisibility(False)
    return node


class SeedMarker:
    """A Markups point on the current slice of a volume; `onMoved(i, j)` is called while it is dragged."""

    def __init__(self, volumeNode, onMoved):
        self._volumeNode, self._onMoved, self._quiet = volumeNode, onMoved, False
        self.node = addPointsWithoutLabels("Table Removal seed")
        self._display = self.node.GetDisplayNode()
        self._display.SetPropertiesLabelVisibility(False)
        self._display.SetVisibility3D(False)
        self._display.SetGlyphScale(GLYPH_SCALE)
        self._display.SetColor(*COLOUR)
        self._display.SetSelectedColor(*COLOUR)
        self._tag = self.node.AddObserver(slicer.vtkMRMLMarkupsNode.PointModifiedEvent, self._onPointModified)

    def place(self, i, j, k):
        """Put the point on a pixel without calling `onMoved`."""
        self._quiet = True
        try:
            position = rasFromIjk(self._volumeNode, i, j, k)
            if self.node.GetNumberOfControlPoints() == 0:
                self.node.AddControlPoint(vtk.vtkVector3d(*position), "seed")
            else:
                self.node.SetNthControlPointPosition(0, *position)
        finally:
            self._quiet = False

    def show(self, visible):
        """Show or hide the point."""
        self._display.SetVisibility(visible)

    def remove(self):
        """Take the point out of the scene."""
        self.node.RemoveObserver(self._tag)
        removeNode(self.node)

    def _onPointModified(self, caller, event):
        if self._quiet or self.node.GetNumberOfControlPoints() == 0:
            return
        position = [0.0, 0.0, 0.0]
        self.node.GetNthControlPointPosition(0, position)
        i, j, _k = ijkFromRas(self._volumeNode, position)
        self._onMoved(i, j)


def rasFromIjk(volumeNode, i, j, k):
    """Return the centre of a voxel in mm (RAS), a list of three numbers."""
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    return list(matrix.MultiplyPoint((i, j, k, 1.0))[:3])


def ijkFromRas(volumeNode, ras):
    """Return the nearest voxel (i, j, k), which may lie outside the volume."""
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetRASToIJKMatrix(matrix)
    return tuple(round(value) for value in matrix.MultiplyPoint((*ras, 1.0))[:3])
