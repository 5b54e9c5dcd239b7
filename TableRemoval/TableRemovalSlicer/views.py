"""What the slice views show: followed, moved, remembered and put back."""

import dataclasses

import slicer

from TableRemovalSlicer.seed_marker import ijkFromRas, rasFromIjk

AXIAL = "Axial"


def axialSliceNode():
    """Return the slice node of the first axial view, of any view where none is axial, or None."""
    nodes = slicer.util.getNodesByClass("vtkMRMLSliceNode")
    return next((node for node in nodes if node.GetOrientation() == AXIAL), nodes[0] if nodes else None)


def sliceIndexShown(volumeNode):
    """Return the slice index k that the axial view shows, cut to those the volume has; None without a view."""
    node = axialSliceNode()
    if node is None:
        return None
    toRas = node.GetSliceToRAS()
    k = ijkFromRas(volumeNode, [toRas.GetElement(row, 3) for row in range(3)])[2]
    return min(max(k, 0), volumeNode.GetImageData().GetDimensions()[2] - 1)


def showSlice(volumeNode, k):
    """Move the axial view to the middle of slice k."""
    node = axialSliceNode()
    if node is not None:
        columns, rows, _slices = volumeNode.GetImageData().GetDimensions()
        node.JumpSliceByOffsetting(*rasFromIjk(volumeNode, columns / 2, rows / 2, k))


def showVolume(volumeNode):
    """Put a volume at the bottom of all slice views."""
    for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        composite.SetBackgroundVolumeID(volumeNode.GetID())


@dataclasses.dataclass(frozen=True)
class _Layers:
    background: str
    foreground: str
    label: str
    foregroundOpacity: float
    labelOpacity: float


class DisplaySettings:
    """Layers of all slice views, layout, and window and level of the volumes, as they were when this was made."""

    def __init__(self):
        self._layers = {
            node.GetID(): _Layers(
                node.GetBackgroundVolumeID(),
                node.GetForegroundVolumeID(),
                node.GetLabelVolumeID(),
                node.GetForegroundOpacity(),
                node.GetLabelOpacity(),
            )
            for node in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
        }
        self._windows = {
            node.GetID(): (node.GetAutoWindowLevel(), node.GetWindow(), node.GetLevel())
            for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeDisplayNode")
        }
        self._layouts = {
            node.GetID(): node.GetViewArrangement() for node in slicer.util.getNodesByClass("vtkMRMLLayoutNode")
        }

    def keepBackground(self, volumeNode):
        """Leave this volume in the views when the rest is put back: the user asked for it."""
        self._layers = {
            name: dataclasses.replace(layers, background=volumeNode.GetID()) for name, layers in self._layers.items()
        }

    def restoreLayout(self):
        """Put the layout back, and nothing else."""
        for name, layout in self._layouts.items():
            node = slicer.mrmlScene.GetNodeByID(name)
            if node is not None and node.GetViewArrangement() != layout:
                node.SetViewArrangement(layout)

    def restore(self):
        """Put everything back that still exists."""
        self.restoreLayout()
        for name, (automatic, window, level) in self._windows.items():
            node = slicer.mrmlScene.GetNodeByID(name)
            if node is not None:
                node.SetAutoWindowLevel(automatic)
                node.SetWindowLevel(window, level)
        for name, layers in self._layers.items():
            node = slicer.mrmlScene.GetNodeByID(name)
            if node is not None:
                node.SetBackgroundVolumeID(_existing(layers.background))
                node.SetForegroundVolumeID(_existing(layers.foreground))
                node.SetLabelVolumeID(_existing(layers.label))
                node.SetForegroundOpacity(layers.foregroundOpacity)
                node.SetLabelOpacity(layers.labelOpacity)


def _existing(nodeID):
    return nodeID if nodeID and slicer.mrmlScene.GetNodeByID(nodeID) is not None else None
