"""What goes to the registration process and what comes back: scene nodes to arrays, arrays to scene nodes."""

import dataclasses
import typing

import numpy as np
import SimpleITK as sitk
import slicer
from LongitudinalRegistrationLib.methods.registry import title_of
from LongitudinalRegistrationLib.scan.geometry import linear_matrix
from LongitudinalRegistrationLib.system.shared_arrays import save_array, save_image, take_image
from TableRemovalSlicer.volumes import addVolumeNode, geometryOfVolumeNode

from LongitudinalRegistrationSlicer.process.request import EFFORTS, METHODS
from LongitudinalRegistrationSlicer.results.nodes import (
    FIXED_LABELS_ROLE,
    MATCHES_ATTRIBUTE,
    MOVING_LABELS_ROLE,
    REGISTERED_ATTRIBUTE,
    REGISTERED_ROLE,
    RESULT_ATTRIBUTE,
    SCORES_ROLE,
    expectedErrorOf,
    fixedOf,
    isResult,
    methodOf,
    setExpectedError,
    setReport,
    setTransformOn,
    unusedName,
)
from LongitudinalRegistrationSlicer.results.transforms import (
    addTransformNode,
    inOrderOfUse,
    itkTransformFromNode,
    vtkTransformFromParts,
)
from LongitudinalRegistrationSlicer.vertebrae.common_labels import commonLabels, fixedValues, movingValues
from LongitudinalRegistrationSlicer.vertebrae.label_matching import (
    matchesFromText,
    matchesOf,
    matchesToText,
    namesByValue,
    valuesByName,
)
from LongitudinalRegistrationSlicer.vertebrae.scores import addScores
from LongitudinalRegistrationSlicer.views.layout import isShown
from LongitudinalRegistrationSlicer.views.windows import setWindow


@dataclasses.dataclass(frozen=True)
class RegistrationNodes:
    """What a registration adds to the scene; `registered` and `scores` (the table of Dice scores) are None until they
    are made, `scores` also without labels."""

    transform: typing.Any
    registered: typing.Any = None
    scores: typing.Any = None


def scanKey(volume, tableRemoval):
    """Return a key of a volume with its present voxels and geometry, prepared with or without table removal."""
    spacing, origin, direction = geometryOfVolumeNode(volume)
    geometry = hash((*spacing, *origin, *direction))
    return f"{volume.GetID()} {volume.GetImageData().GetMTime()} {geometry} {int(tableRemoval)}"


def scanMessage(volume, tableRemoval, folder):
    """Write a volume's voxels into the folder; return the command that has it prepared (see worker)."""
    array = slicer.util.arrayFromVolume(volume)
    name = f"scan-{volume.GetID()}-{volume.GetImageData().GetMTime()}-{int(tableRemoval)}.npy"
    image = {"file": save_array(array, folder, name), **_geometryRecord(volume)}
    return {"image": image, "table_removal": tableRemoval}


def registerMessage(request, folder):
    """Return the command that has a pair registered whose scans are prepared; labels are written into the folder."""
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
        "labels": _labelRecords(request, folder, "labels"),
        "label_names": namesByValue(_matches(request)),
    }


def changesMessage(request, result, region, folder, number):
    """Return the command that has the scans of a request, which are prepared, compared along a result's transform.

    region: "bone" or "everywhere"; number: of the command. Labels and fields are written into the folder.
    """
    parts = []
    for place, part in enumerate(inOrderOfUse(itkTransformFromNode(result))):
        if part.IsLinear():
            parts.append({"matrix": linear_matrix(part).ravel().tolist()})
        else:
            field = sitk.Cast(part.GetDisplacementField(), sitk.sitkVectorFloat32)
            parts.append({"field": save_image(field, folder, f"changes-{number}-{place}.npy")})
    error = expectedErrorOf(result)
    return {
        "do": "changes",
        "changes": number,
        "fixed": scanKey(request.fixed, request.tableRemoval),
        "moving": scanKey(request.moving, request.tableRemoval),
        "transform": parts,
        "region": region,
        "expected_error": save_image(error, folder, f"changes-{number}-error.npy") if error is not None else None,
        "labels": _labelRecords(request, folder, f"changes-{number}"),
    }


def _labelRecords(request, folder, name):
    """Write the labels of a request into the folder; return what take_image needs, by "fixed" and "moving"."""
    matches, records = _matches(request), {}
    for side, node, volume, values in (
        ("fixed", request.fixedLabels, request.fixed, fixedValues(matches)),
        ("moving", request.movingLabels, request.moving, movingValues(matches)),
    ):
        if node is not None:
            records[side] = _labelRecord(commonLabels(node, volume, values), folder, f"{name}-{side}.npy")
    return records


def _labelRecord(labels, folder, name):
    """Write CommonLabels into the folder; return what take_image needs."""
    padded = {"shape": labels.shape, "first": labels.first}
    return {"file": save_array(labels.inBox, folder, name), "padded": padded, **_geometryRecord(labels.grid)}


def _geometryRecord(volume):
    return dict(zip(("spacing", "origin", "direction"), geometryOfVolumeNode(volume), strict=True))


def importTransform(request, folder, answer):
    """Bring a transform into the scene, and the moving scan under it; return RegistrationNodes.

    Where the moving scan is under the result of an earlier run of the same method on the same baseline, that node is
    updated in place, and what was made with the earlier transform is removed. Removing the transform node undoes the
    registration.
    """
    transform = vtkTransformFromParts(np.reshape(answer["affine"], (4, 4)), take_image(folder, answer["field"]))
    fixed, moving = request.fixed, request.moving
    method, node = answer["report"]["method"], moving.GetParentTransformNode()
    if isResult(node) and fixedOf(node) is fixed and methodOf(node) == method:
        for role in (REGISTERED_ROLE, SCORES_ROLE):
            _removeEarlier(node, role)
        node.SetAndObserveTransformFromParent(transform)
    else:
        name = f"{moving.GetName()} to {fixed.GetName()} ({title_of(method)})"
        node = addTransformNode(transform, unusedName(name))
    node.SetAttribute(RESULT_ATTRIBUTE, method)
    setReport(node, answer["report"])
    record = answer.get("expected_error")
    setExpectedError(node, take_image(folder, record) if record else None)
    node.SetAttribute(MATCHES_ATTRIBUTE, matchesToText(_matches(request)))
    for role, taken in (
        (node.GetFixedNodeReferenceRole(), fixed),
        (node.GetMovingNodeReferenceRole(), moving),
        (FIXED_LABELS_ROLE, request.fixedLabels),
        (MOVING_LABELS_ROLE, request.movingLabels),
    ):
        node.SetNodeReferenceID(role, taken.GetID() if taken is not None else None)
    setTransformOn(node, True)
    return RegistrationNodes(node)


def importRegistered(request, folder, answer, transform):
    """Bring the registered volume of a transform node into the scene, in place of an earlier one."""
    image = take_image(folder, answer["image"])
    _removeEarlier(transform, REGISTERED_ROLE)
    registered = addVolumeNode(image, unusedName(f"{request.moving.GetName()} registered"))
    registered.SetAttribute(REGISTERED_ATTRIBUTE, "1")
    transform.SetNodeReferenceID(REGISTERED_ROLE, registered.GetID())
    setWindow(registered, "Bone")
    return RegistrationNodes(transform, registered)


def importScores(request, report, nodes):
    """Bring the scores of RegistrationNodes into the scene, in place of earlier ones; return the nodes with them."""
    transform = nodes.transform
    _removeEarlier(transform, SCORES_ROLE)
    scores = addScores(report, valuesByName(matchesOf(transform)), request.moving.GetName())
    setReport(transform, report)
    if scores is not None:
        transform.SetNodeReferenceID(SCORES_ROLE, scores.GetID())
    return dataclasses.replace(nodes, scores=scores)


def _removeEarlier(transform, role):
    earlier = transform.GetNodeReference(role)
    if earlier is not None:
        slicer.mrmlScene.RemoveNode(earlier)


def showTransformed(request):
    """Show the moving scan over the fixed one in all slice views, in the bone window.

    Views that are arranged for a comparison (views.layout) show it already, and are left alone.
    """
    if isShown():
        return
    for volume in (request.fixed, request.moving):
        setWindow(volume, "Bone")
    slicer.util.setSliceViewerLayers(
        background=request.fixed, foreground=request.moving, foregroundOpacity=0.5, fit=True
    )


def _matches(request):
    return matchesFromText(request.matches, request.fixedLabels, request.movingLabels)
