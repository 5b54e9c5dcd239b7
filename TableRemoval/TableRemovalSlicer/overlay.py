"""The preview in the slice views: a labelmap over the scan, with colours of its own, that is never saved."""

import slicer
import vtk

from TableRemovalSlicer.hidden_nodes import addHiddenNode, removeNode

COLOURS = (
    ("nothing", 0.0, 0.0, 0.0, 0.0),
    ("kept", 0.20, 0.85, 0.35, 0.16),
    ("removed", 0.95, 0.20, 0.15, 0.55),
    ("outline", 0.30, 1.00, 0.40, 1.0),
    ("seed on kept", 1.0, 0.9, 0.1, 1.0),
    ("seed", 1.0, 0.9, 0.1, 1.0),
)


class PreviewOverlay:
    """The labelmap node over one volume node; `array` is its voxels, uint8 [k, j, i] of overlay_labels."""

    def __init__(self, volumeNode):
        imageData = vtk.vtkImageData()
        imageData.SetDimensions(volumeNode.GetImageData().GetDimensions())
        imageData.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
        imageData.GetPointData().GetScalars().Fill(0)
        self._colours = addHiddenNode("vtkMRMLColorTableNode", "Table Removal colours")
        self._colours.SetTypeToUser()
        self._colours.SetNumberOfColors(len(COLOURS))
        for number, (name, *rgba) in enumerate(COLOURS):
            self._colours.SetColor(number, name, *rgba)
        self._display = addHiddenNode("vtkMRMLLabelMapVolumeDisplayNode", "Table Removal preview display")
        self._display.SetAndObserveColorNodeID(self._colours.GetID())
        self.node = addHiddenNode("vtkMRMLLabelMapVolumeNode", "Table Removal preview")
        self.node.CopyOrientation(volumeNode)
        self.node.SetAndObserveImageData(imageData)
        self.node.SetAndObserveDisplayNodeID(self._display.GetID())
        self.array = slicer.util.arrayFromVolume(self.node)

    def changed(self):
        """Tell the views that `array` has changed."""
        slicer.util.arrayFromVolumeModified(self.node)

    def show(self, visible):
        """Show or hide the overlay in all slice views."""
        for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
            if visible:
                composite.SetLabelVolumeID(self.node.GetID())
                composite.SetLabelOpacity(1.0)
            elif composite.GetLabelVolumeID() == self.node.GetID():
                composite.SetLabelVolumeID(None)

    def remove(self):
        """Take the overlay out of the scene."""
        self.show(False)
        for node in (self.node, self._display, self._colours):
            removeNode(node)
