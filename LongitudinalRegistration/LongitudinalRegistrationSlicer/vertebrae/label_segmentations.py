"""Hidden segmentation nodes that show the labels of a scan, never saved: the user's own nodes stay as they are."""

import numpy as np
import slicer
import vtk
from TableRemovalSlicer.hidden_nodes import addHiddenNode, removeNode

from LongitudinalRegistrationSlicer.vertebrae.label_summary import summaryOf

ITEM_ATTRIBUTE = "LongitudinalRegistration.Hidden"


def addHiddenSegmentation(labelsNode, name):
    """Add a hidden segmentation node with the labels of a node, under the same transform, and return it.

    A segmentation's segments are shared, not copied; a label map's are made.
    """
    node = _addNode(name)
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
    shared = _addNode(name)
    shared.SetAndObserveSegmentation(node.GetSegmentation())
    _addDisplay(shared)
    return shared


def removeHiddenSegmentation(node):
    """Remove a node that addHiddenSegmentation or shareSegmentation returned, where it is still in the scene.

    It lets go of the segments first: Slicer removes a segment whose item goes, and they may be the user's.
    """
    if node.GetScene() is None:
        return
    displays = [node.GetNthDisplayNode(index) for index in range(node.GetNumberOfDisplayNodes())]
    node.RemoveAllDisplayNodeIDs()
    node.SetAndObserveSegmentation(slicer.vtkSegmentation())
    item = _hierarchy().GetItemByDataNode(node)
    if item:
        _hierarchy().RemoveItem(item, False, True)
    for each in (*displays, node):
        removeNode(each)


def removeSavedItems():
    """Remove the items of hidden nodes that a scene was saved with: their nodes were not saved."""
    slicer.vtkMRMLSubjectHierarchyNode.ResolveSubjectHierarchy(slicer.mrmlScene)
    hierarchy, items = _hierarchy(), vtk.vtkIdList()
    hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), items, False)
    for item in [items.GetId(index) for index in range(items.GetNumberOfIds())]:
        if hierarchy.GetItemAttribute(item, ITEM_ATTRIBUTE) and hierarchy.GetItemDataNode(item) is None:
            hierarchy.RemoveItem(item, False, True)


def segmentIdsByLabel(node, labelsNode):
    """Return the segment IDs of a hidden node by the label's ID (segment ID or label map value)."""
    segments = node.GetSegmentation()
    ids = [segments.GetNthSegmentID(index) for index in range(segments.GetNumberOfSegments())]
    if labelsNode.IsA("vtkMRMLSegmentationNode"):
        return {segmentId: segmentId for segmentId in ids}
    return {segments.GetSegment(segmentId).GetLabelValue(): segmentId for segmentId in ids}


def _addNode(name):
    """Add a hidden segmentation node, and an item in the subject hierarchy that no tree shows: Slicer reports an error
    for each change of a segmentation without one."""
    node = addHiddenNode("vtkMRMLSegmentationNode", name)
    node.SetAttribute(slicer.vtkMRMLSubjectHierarchyConstants.GetSubjectHierarchyExcludeFromTreeAttributeName(), "1")
    item = _hierarchy().CreateItem(_hierarchy().GetSceneItemID(), node)
    _hierarchy().SetItemAttribute(item, ITEM_ATTRIBUTE, "1")
    return node


def _hierarchy():
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)


def _croppedCopy(labelMap):
    """Add a hidden label map of the part that has labels, under the same transform: the whole takes long to import."""
    box, toRas = summaryOf(labelMap).box, vtk.vtkMatrix4x4()
    labelMap.GetIJKToRASMatrix(toRas)
    origin = toRas.MultiplyPoint((*(part.start for part in reversed(box)), 1.0))
    for row in range(3):
        toRas.SetElement(row, 3, origin[row])
    copy = addHiddenNode("vtkMRMLLabelMapVolumeNode", f"{labelMap.GetName()} cropped")
    slicer.util.updateVolumeFromArray(copy, np.ascontiguousarray(slicer.util.arrayFromVolume(labelMap)[box]))
    copy.SetIJKToRASMatrix(toRas)
    copy.SetAndObserveTransformNodeID(labelMap.GetTransformNodeID())
    return copy


def _addDisplay(node):
    display = addHiddenNode("vtkMRMLSegmentationDisplayNode", f"{node.GetName()} display")
    node.SetAndObserveDisplayNodeID(display.GetID())
    display.SetVisibility3D(False)
    display.SetVisibility2DFill(False)
    display.SetVisibility2DOutline(True)
