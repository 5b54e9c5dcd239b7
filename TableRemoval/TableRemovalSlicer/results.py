"""What is added to the scene for a finished mask, and the record of how it was made."""

import dataclasses
import json

import slicer

RECORD_ATTRIBUTE = "TableRemoval.Parameters"
INPUT_ROLE = "TableRemoval.Input"
SEGMENT = "Body"


def addResult(volumeNode, volume, mask, record):
    """Add the volume without table and the body mask (sitk.Images on one grid) of a scan; return both nodes.

    `record` (a dictionary) is written to both as JSON, with a reference to the scan.
    """
    from TableRemovalSlicer.volumes import addVolumeNode

    name = volumeNode.GetName()
    cleaned = addVolumeNode(volume, f"{name} without table")
    cleaned.GetDisplayNode().CopyContent(volumeNode.GetDisplayNode())
    segmentation = addBodySegmentation(cleaned, mask, f"{name} body mask")
    segmentation.GetDisplayNode().SetVisibility2DFill(False)
    for node in (cleaned, segmentation):
        node.SetAttribute(RECORD_ATTRIBUTE, json.dumps(record))
        node.SetNodeReferenceID(INPUT_ROLE, volumeNode.GetID())
    return cleaned, segmentation


def addBodySegmentation(volumeNode, mask, name):
    """Add a segmentation with one segment from a mask (sitk.Image, uint8 0/1) on the volume's grid."""
    import SimpleITK as sitk

    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    segmentId = segmentation.GetSegmentation().AddEmptySegment(SEGMENT, SEGMENT)
    array = sitk.GetArrayFromImage(mask)
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, segmentation, segmentId, volumeNode)
    return segmentation


def parameterRecord(volumeNode, state, finishOptions):
    """Return what decided a result, as a dictionary that JSON can hold."""
    return {
        "input": volumeNode.GetName(),
        "options": dataclasses.asdict(state.options),
        "overrides": json.loads(state.overrides.to_json()),
        "finish": dataclasses.asdict(finishOptions),
    }
