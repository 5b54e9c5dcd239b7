"""The body mask in the Segment Editor, and back."""

import numpy as np
import slicer

from TableRemovalSlicer.results import SEGMENT, addBodySegmentation

SEGMENTATION_ROLE = "TableRemoval.HandEdited"
EDITOR_TAG = "SegmentEditor"


def editedSegmentation(volumeNode):
    """Return the segmentation in which this volume's mask is being edited by hand, or None."""
    return volumeNode.GetNodeReference(SEGMENTATION_ROLE)


def toSegmentEditor(volumeNode, mask):
    """Put the mask (sitk.Image, uint8 0/1) into a segmentation that the Segment Editor opens with; return it."""
    old = editedSegmentation(volumeNode)
    if old is not None:
        slicer.mrmlScene.RemoveNode(old)
    segmentation = addBodySegmentation(volumeNode, mask, f"{volumeNode.GetName()} body mask edited")
    volumeNode.SetNodeReferenceID(SEGMENTATION_ROLE, segmentation.GetID())
    editor = slicer.mrmlScene.GetSingletonNode(EDITOR_TAG, "vtkMRMLSegmentEditorNode")
    if editor is None:
        editor = slicer.mrmlScene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
        editor.UnRegister(None)
        editor.SetSingletonTag(EDITOR_TAG)
        editor = slicer.mrmlScene.AddNode(editor)
    editor.SetAndObserveSegmentationNode(segmentation)
    editor.SetAndObserveSourceVolumeNode(volumeNode)
    editor.SetSelectedSegmentID(segmentation.GetSegmentation().GetNthSegmentID(0))
    return segmentation


def editedSlices(volumeNode, maskOf):
    """Return the slices that differ between the edited segmentation and maskOf(k), as {k: uint8 0/1 [j, i]}."""
    segmentation = editedSegmentation(volumeNode)
    segmentId = segmentation.GetSegmentation().GetSegmentIdBySegmentName(SEGMENT) or SEGMENT
    array = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segmentId, volumeNode)
    drawn = (array > 0).astype(np.uint8)
    return {k: drawn[k] for k in range(drawn.shape[0]) if not np.array_equal(drawn[k], maskOf(k))}


def removeEdited(volumeNode):
    """Remove the edited segmentation from the scene."""
    segmentation = editedSegmentation(volumeNode)
    if segmentation is not None:
        volumeNode.SetNodeReferenceID(SEGMENTATION_ROLE, None)
        slicer.mrmlScene.RemoveNode(segmentation)
