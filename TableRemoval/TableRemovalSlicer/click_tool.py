"""Clicks in the slice views, by way of Markups' place mode, so that every view and its zoom work as usual."""

import contextlib

import slicer

from TableRemovalSlicer.hidden_nodes import placeToolKept, removeNode
from TableRemovalSlicer.seed_marker import addPointsWithoutLabels, ijkFromRas


class ClickTool:
    """While it exists, clicks in the views become points; `taken` returns them and takes them away."""

    def __init__(self):
        self._kept = contextlib.ExitStack()
        self._kept.enter_context(placeToolKept())
        self.node = addPointsWithoutLabels("Table Removal click")
        selection = slicer.app.applicationLogic().GetSelectionNode()
        selection.SetReferenceActivePlaceNodeClassName("vtkMRMLMarkupsFiducialNode")
        selection.SetActivePlaceNodeID(self.node.GetID())
        self._interaction = slicer.app.applicationLogic().GetInteractionNode()
        self._interaction.SetPlaceModePersistence(1)
        self._interaction.SetCurrentInteractionMode(slicer.vtkMRMLInteractionNode.Place)

    @property
    def active(self):
        """Whether clicks still come here: Escape, or another tool, ends that."""
        return (
            self.node.GetScene() is not None
            and self._interaction.GetCurrentInteractionMode() == slicer.vtkMRMLInteractionNode.Place
        )

    def taken(self, volumeNode):
        """Return the voxels (i, j, k) clicked since the last call."""
        voxels, defined = [], slicer.vtkMRMLMarkupsNode.PositionDefined
        for number in reversed(range(self.node.GetNumberOfControlPoints())):
            if self.node.GetNthControlPointPositionStatus(number) == defined:
                position = [0.0, 0.0, 0.0]
                self.node.GetNthControlPointPosition(number, position)
                voxels.insert(0, ijkFromRas(volumeNode, position))
                self.node.RemoveNthControlPoint(number)
        return voxels

    def close(self):
        """Leave place mode, and the place tool as it was."""
        self._interaction.SetPlaceModePersistence(0)
        self._interaction.SetCurrentInteractionMode(slicer.vtkMRMLInteractionNode.ViewTransform)
        self._kept.close()
        removeNode(self.node)
