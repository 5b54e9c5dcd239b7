"""Vertebra labels made by the TotalSegmentator extension, where it is installed."""

import slicer

CERVICAL, THORACIC, LUMBAR = 7, 12, 5
SUBSET = [
    f"vertebrae_{part}{n}"
    for part, last in (("C", CERVICAL), ("T", THORACIC), ("L", LUMBAR))
    for n in range(1, last + 1)
]


def isInstalled():
    """Whether the extension is there."""
    return hasattr(slicer.modules, "totalsegmentator")


def segmentVertebrae(volume):
    """Add a segmentation of a scan's vertebrae to the scene and return it. Takes minutes, and blocks.

    Raises what TotalSegmentator raises; nothing is left in the scene then.
    """
    from TotalSegmentator import TotalSegmentatorLogic

    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{volume.GetName()} vertebrae")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    try:
        logic = TotalSegmentatorLogic()
        logic.setupPythonRequirements()
        logic.process(volume, segmentation, task="total", subset=SUBSET)
    except Exception:
        slicer.mrmlScene.RemoveNode(segmentation)
        raise
    return segmentation
