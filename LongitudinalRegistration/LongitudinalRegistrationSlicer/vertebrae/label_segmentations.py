"""Hidden segmentation nodes that show the labels of a scan, never saved: the user's own nodes stay as they are."""

import numpy as np
import slicer
import vtk
from TableRemovalSlicer.hidden_nodes import addHiddenNode


def addHiddenSegmentation(labelsNode, name):
    """Add a hidden segmentation node with the labels of a node, under the same transform, and return it.

    A segmentation's segments are shared, not copied; a label map's are made.
    """
    node = addHiddenNode("vtkMRMLSegmentationNode", name)
    node.SetAndObserveTransformNodeID(labelsNode.GetTransformNodeID())
    if labelsNode.IsA("vtkMRMLSegmentationNode"):
        node.SetAndObserveSegmentation(labelsNode.GetSegmentation())
    else:
        cropped = _croppedCopy(labelsNode)
        slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(cropped, node)
        slicer.mrmlScene.RemoveNode(cropped)
    _addDisplay(node)
    return node


def shareSegmentation(node, name):
    """Add a hidden segmentation node with the segments of another, under no transform, and return it."""
    shared = addHiddenNode("vtkMRMLSegmentationNode", name)
    shared.SetAndObserveSegmentation(node.GetSegmentation())
    _addDisplay(shared)
    return shared


def segmentIdsByLabel(node, labelsNode):
    """Return the segment IDs of a hidden node by the label's ID (segment ID or label map value)."""
    segments = node.GetSegmentation()
    ids = [segments.GetNthSegmentID(index) for index in range(segments.GetNumberOfSegments())]
    if labelsNode.IsA("vtkMRMLSegmentationNode"):
        return {segmentId: segmentId for segmentId in ids}
    return {segments.GetSegment(segmentId).GetLabelValue(): segmentId for segmentId in ids}


def _croppedCopy(labelMap):
    """Add a hidden label map of the part that has labels, under the same transform: the whole takes long to import."""
    array = slicer.util.arrayFromVolume(labelMap)
    starts, stops = [], []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        used = np.flatnonzero(array.any(axis=others))
        starts.append(int(used[0]) if len(used) else 0)
        stops.append(int(used[-1]) + 1 if len(used) else 1)
        array = np.take(array, range(starts[-1], stops[-1]), axis=axis)
    toRas = vtk.vtkMatrix4x4()
    labelMap.GetIJKToRASMatrix(toRas)
    origin = toRas.MultiplyPoint((*starts[::-1], 1.0))
    for row in range(3):
        toRas.SetElement(row, 3, origin[row])
    copy = addHiddenNode("vtkMRMLLabelMapVolumeNode", f"{labelMap.GetName()} cropped")
    slicer.util.updateVolumeFromArray(copy, np.ascontiguousarray(array))
    copy.SetIJKToRASMatrix(toRas)
    copy.SetAndObserveTransformNodeID(labelMap.GetTransformNodeID())
    return copy


def _addDisplay(node):
    display = addHiddenNode("vtkMRMLSegmentationDisplayNode", f"{node.GetName()} display")
    node.SetAndObserveDisplayNodeID(display.GetID())
    display.SetVisibility3D(False)
    display.SetVisibility2DFill(False)
    display.SetVisibility2DOutline(True)
