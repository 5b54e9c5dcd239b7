"""What goes to the registration process and what comes back: scene nodes to arrays, arrays to scene nodes."""

import dataclasses
import typing

import numpy as np
import slicer
from LongitudinalRegistrationLib.geometry import affine_from_matrix
from LongitudinalRegistrationLib.shared_arrays import save_array, save_image, take_image
from LongitudinalRegistrationLib.transforms import compose
from TableRemovalSlicer.volumes import addVolumeNode, geometryOfVolumeNode, imageFromVolumeNode, imageOnVolumeGrid

from LongitudinalRegistrationSlicer.request import EFFORTS, METHODS, RESULT_ATTRIBUTE
from LongitudinalRegistrationSlicer.results import (
    FIXED_LABELS_ROLE,
    MOVING_LABELS_ROLE,
    REGISTERED_ROLE,
    SCORES_ROLE,
    fixedOf,
    isResult,
    methodOf,
    setReport,
)
from LongitudinalRegistrationSlicer.scores import addScores
from LongitudinalRegistrationSlicer.transforms import addTransformNode, vtkTransformFromITK
from LongitudinalRegistrationSlicer.vertebrae import labelValues

WINDOW, LEVEL = 1800, 400


@dataclasses.dataclass(frozen=True)
class RegistrationNodes:
    """What a registration adds to the scene; `registered` and `scores` (the table of Dice scores) are None until they
    are made, `scores` also without labels."""

    transform: typing.Any
    registered: typing.Any = None
    scores: typing.Any = None


def scanKey(volume, tableRemoval):
    """Return what stands for a volume as it is now, prepared one way."""
    spacing, origin, direction = geometryOfVolumeNode(volume)
    geometry = hash((*spacing, *origin, *direction))
    return f"{volume.GetID()} {volume.GetImageData().GetMTime()} {geometry} {int(tableRemoval)}"


def scanMessage(volume, tableRemoval, isFixed, folder):
    """Write a volume's voxels into the folder; return the command that has it prepared (see worker)."""
    array = slicer.util.arrayFromVolume(volume)
    name = f"scan-{volume.GetID()}-{volume.GetImageData().GetMTime()}-{int(tableRemoval)}.npy"
    image = {"file": save_array(array, folder, name)}
    image.update(zip(("spacing", "origin", "direction"), geometryOfVolumeNode(volume), strict=True))
    return {"image": image, "table_removal": tableRemoval, "fixed": isFixed}


def registerMessage(request, folder):
    """Return the command that has a pair registered whose scans are prepared; labels are written into the folder."""
    values = _segmentValues(request)
    labels = {}
    for side, node, volume in (
        ("fixed", request.fixedLabels, request.fixed),
        ("moving", request.movingLabels, request.moving),
    ):
        if node is not None:
            labels[side] = save_image(_labelImage(node, volume, values), folder, f"labels-{side}.npy")
    return {
        "fixed": scanKey(request.fixed, request.tableRemoval),
        "moving": scanKey(request.moving, request.tableRemoval),
        "options": {
            "method": METHODS[request.method],
            "table_removal": request.tableRemoval,
            "refinement": request.refinement,
            "refinement_options": {
                "effort": EFFORTS[request.effort],
                "budget_seconds": request.budgetSeconds,
            },
        },
        "labels": labels,
    }


def importTransform(request, folder, answer):
    """Bring a transform into the scene, and the moving scan under it; return RegistrationNodes.

    Where the moving scan is under the result of an earlier run of the same method on the same baseline, that node is
    updated in place. Removing the transform node undoes the registration.
    """
    affine = affine_from_matrix(np.array(answer["affine"]).reshape(4, 4))
    transform = compose(affine, take_image(folder, answer["field"]))
    fixed, moving = request.fixed, request.moving
    method, node = answer["report"]["method"], moving.GetParentTransformNode()
    if isResult(node) and fixedOf(node) is fixed and methodOf(node) == method:
        node.SetAndObserveTransformFromParent(vtkTransformFromITK(transform))
    else:
        node = addTransformNode(transform, f"{moving.GetName()} to {fixed.GetName()} ({method})")
    node.SetAttribute(RESULT_ATTRIBUTE, method)
    setReport(node, answer["report"])
    for role, taken in (
        (node.GetFixedNodeReferenceRole(), fixed),
        (node.GetMovingNodeReferenceRole(), moving),
        (FIXED_LABELS_ROLE, request.fixedLabels),
        (MOVING_LABELS_ROLE, request.movingLabels),
    ):
        node.SetNodeReferenceID(role, taken.GetID() if taken is not None else None)
    for placed in (moving, request.movingLabels):
        if placed is not None:
            placed.SetAndObserveTransformNodeID(node.GetID())
    return RegistrationNodes(node)


def importRegistered(request, folder, answer, transform):
    """Bring the registered volume and the scores of a transform node into the scene, in place of earlier ones."""
    image = take_image(folder, answer["registered"])
    for role in (REGISTERED_ROLE, SCORES_ROLE):
        earlier = transform.GetNodeReference(role)
        if earlier is not None:
            slicer.mrmlScene.RemoveNode(earlier)
    name = request.moving.GetName()
    registered = addVolumeNode(image, f"{name} registered")
    scores = addScores(answer["report"], _segmentValues(request), name)
    setReport(transform, answer["report"])
    transform.SetNodeReferenceID(REGISTERED_ROLE, registered.GetID())
    if scores is not None:
        transform.SetNodeReferenceID(SCORES_ROLE, scores.GetID())
    _setWindow(registered)
    return RegistrationNodes(transform, registered, scores)


def showTransformed(request):
    """Lay the moving scan over the fixed one in all slice views, window 1800 and level 400."""
    for volume in (request.fixed, request.moving):
        _setWindow(volume)
    slicer.util.setSliceViewerLayers(
        background=request.fixed, foreground=request.moving, foregroundOpacity=0.5, fit=True
    )


def _setWindow(volume):
    volume.CreateDefaultDisplayNodes()
    volume.GetDisplayNode().SetAutoWindowLevel(False)
    volume.GetDisplayNode().SetWindowLevel(WINDOW, LEVEL)


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
