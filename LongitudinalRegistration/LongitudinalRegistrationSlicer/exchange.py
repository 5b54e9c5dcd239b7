"""What goes to the registration process and what comes back: scene nodes to files, files to scene nodes."""

import dataclasses
import typing

import numpy as np
import SimpleITK as sitk
import slicer
from TableRemovalSlicer.volumes import addVolumeNode, imageFromVolumeNode, imageOnVolumeGrid

from LongitudinalRegistrationSlicer.request import METHODS, RESULT_ATTRIBUTE
from LongitudinalRegistrationSlicer.scores import addScores
from LongitudinalRegistrationSlicer.transforms import addTransformNode
from LongitudinalRegistrationSlicer.vertebrae import labelValues

WINDOW, LEVEL = 1800, 400


@dataclasses.dataclass(frozen=True)
class RegistrationNodes:
    """What a registration adds to the scene; `scores` (the table of Dice scores) is None without labels."""

    transform: typing.Any
    registered: typing.Any
    scores: typing.Any


def writeInputs(request, folder):
    """Write the scans and labels as files into the folder; return the arguments that name them."""
    sitk.WriteImage(imageFromVolumeNode(request.fixed), str(folder / "fixed.nrrd"))
    sitk.WriteImage(imageFromVolumeNode(request.moving), str(folder / "moving.nrrd"))
    arguments = ["--fixed", folder / "fixed.nrrd", "--moving", folder / "moving.nrrd"]
    values = _segmentValues(request)
    pairs = (("fixed", request.fixedLabels, request.fixed), ("moving", request.movingLabels, request.moving))
    for side, labels, volume in pairs:
        if labels is not None:
            path = folder / f"{side}_labels.nrrd"
            sitk.WriteImage(_labelImage(labels, volume, values), str(path), useCompression=True)
            arguments += [f"--{side}-labels", path]
    return arguments


def optionArguments(request):
    """Return the command line's arguments for the options of a request."""
    arguments = ["--method", METHODS[request.method]]
    if not request.tableRemoval:
        arguments.append("--no-table-removal")
    if not request.refinement:
        arguments.append("--no-refinement")
    return arguments


def importResults(request, folder, report):
    """Read what the process wrote into nodes; the moving volume comes under the transform.

    Removing the transform node undoes the registration.
    """
    transform = sitk.ReadTransform(str(folder / "transform.h5"))
    registeredImage = sitk.ReadImage(str(folder / "registered.nii.gz"))
    fixed, moving = request.fixed, request.moving
    node = addTransformNode(transform, f"{moving.GetName()} to {fixed.GetName()}")
    node.SetAttribute(RESULT_ATTRIBUTE, report.get("method", ""))
    node.AddNodeReferenceID(node.GetFixedNodeReferenceRole(), fixed.GetID())
    node.AddNodeReferenceID(node.GetMovingNodeReferenceRole(), moving.GetID())
    moving.SetAndObserveTransformNodeID(node.GetID())
    if request.movingLabels is not None:
        request.movingLabels.SetAndObserveTransformNodeID(node.GetID())
    registered = addVolumeNode(registeredImage, f"{moving.GetName()} registered")
    return RegistrationNodes(node, registered, addScores(report, _segmentValues(request), moving.GetName()))


def showResults(request, nodes):
    """Lay the moving scan over the fixed one in all slice views, window 1800 and level 400."""
    for volume in (request.fixed, request.moving, nodes.registered):
        volume.CreateDefaultDisplayNodes()
        volume.GetDisplayNode().SetAutoWindowLevel(False)
        volume.GetDisplayNode().SetWindowLevel(WINDOW, LEVEL)
    slicer.util.setSliceViewerLayers(
        background=request.fixed, foreground=request.moving, foregroundOpacity=0.5, fit=True
    )


def _segmentValues(request):
    """Return the label value of each segment name in the request's segmentations, the same for both scans."""
    names = []
    for node in (request.fixedLabels, request.movingLabels):
        if node is not None and node.IsA("vtkMRMLSegmentationNode"):
            segments = node.GetSegmentation()
            names += [segments.GetNthSegment(n).GetName() for n in range(segments.GetNumberOfSegments())]
    return labelValues(names)


def _labelImage(node, volume, values):
    """Return a label map node's voxels, or a segmentation's on the volume's grid, as a sitk.Image."""
    if not node.IsA("vtkMRMLSegmentationNode"):
        return imageFromVolumeNode(node)
    array = np.zeros(slicer.util.arrayFromVolume(volume).shape, dtype=np.uint16)
    segments = node.GetSegmentation()
    for index in range(segments.GetNumberOfSegments()):
        segmentId = segments.GetNthSegmentID(index)
        inside = slicer.util.arrayFromSegmentBinaryLabelmap(node, segmentId, volume) > 0
        array[inside] = values[segments.GetNthSegment(index).GetName()]
    return imageOnVolumeGrid(array, volume)
