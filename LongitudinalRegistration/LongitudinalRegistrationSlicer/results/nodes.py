"""What a registration left in the scene, found again from its transform node.

The transform node refers to the scans, the labels, the registered volume and the table, and carries the report: all of
it is saved with the scene.
"""

import itertools
import json

import slicer
from LongitudinalRegistrationLib.methods.registry import current_name

from LongitudinalRegistrationSlicer.results.transform_parts import transformParts

RESULT_ATTRIBUTE = "LongitudinalRegistration.Result"
MATCHES_ATTRIBUTE = "LongitudinalRegistration.LabelMatches"
REPORT_ATTRIBUTE = "LongitudinalRegistration.Report"
CHANGES_ATTRIBUTE = "LongitudinalRegistration.Changes"
EXPECTED_ERROR_ATTRIBUTE = "LongitudinalRegistration.ExpectedError"
# What marks a registered volume as made by the module, also after its transform was removed.
REGISTERED_ATTRIBUTE = "LongitudinalRegistration.Registered"
REGISTERED_ROLE, SCORES_ROLE = "registered", "scores"
FIXED_LABELS_ROLE, MOVING_LABELS_ROLE = "fixedLabels", "movingLabels"


def isResult(node):
    """Whether a node is a registration's transform."""
    return node is not None and node.IsA("vtkMRMLTransformNode") and bool(node.GetAttribute(RESULT_ATTRIBUTE))


def resultNodes():
    """Return the transform nodes of all registrations in the scene, oldest first."""
    return [node for node in slicer.util.getNodesByClass("vtkMRMLTransformNode") if isResult(node)]


def lastResult():
    """Return the newest result, or None."""
    nodes = resultNodes()
    return nodes[-1] if nodes else None


def fixedOf(result):
    """Return the baseline's volume node, or None where it was removed."""
    return result.GetNodeReference(result.GetFixedNodeReferenceRole())


def movingOf(result):
    """Return the follow-up's volume node, or None where it was removed."""
    return result.GetNodeReference(result.GetMovingNodeReferenceRole())


def registeredOf(result):
    """Return the registered volume's node, or None while it is not made."""
    return result.GetNodeReference(REGISTERED_ROLE)


def scoresOf(result):
    """Return the table of the vertebrae's scores, or None."""
    return result.GetNodeReference(SCORES_ROLE)


def labelsOf(result):
    """Return the nodes of baseline's and follow-up's labels (label map or segmentation, each may be None)."""
    return tuple(result.GetNodeReference(role) for role in (FIXED_LABELS_ROLE, MOVING_LABELS_ROLE))


def methodOf(result):
    """Return the name of the method that gave the result: a key of the registry's METHODS."""
    return current_name(result.GetAttribute(RESULT_ATTRIBUTE))


def reportOf(result):
    """Return the report (see the Lib's pipeline.report_content) as a dict; empty where there is none."""
    return json.loads(result.GetAttribute(REPORT_ATTRIBUTE) or "{}")


def setReport(result, report):
    """Keep a report on the result."""
    result.SetAttribute(REPORT_ATTRIBUTE, json.dumps(report))


def changesOf(result):
    """Return what has changed between the scans (see the Lib's changes.content) as a dict; empty where not computed."""
    return json.loads(result.GetAttribute(CHANGES_ATTRIBUTE) or "{}")


def setChanges(result, content):
    """Keep what has changed on the result."""
    result.SetAttribute(CHANGES_ATTRIBUTE, json.dumps(content))


def expectedErrorOf(result):
    """Return how far off a result is expected to be (SimpleITK image, mm, LPS, 8 mm voxels), or None: not known."""
    from LongitudinalRegistrationLib.system.image_text import image_of_text

    text = result.GetAttribute(EXPECTED_ERROR_ATTRIBUTE)
    return image_of_text(text) if text else None


def setExpectedError(result, image):
    """Keep how far off a result is expected to be, to a sixteenth of a millimetre; None: not known."""
    from LongitudinalRegistrationLib.system.image_text import image_text

    result.SetAttribute(EXPECTED_ERROR_ATTRIBUTE, image_text(image) if image is not None else None)


def samePair(result):
    """Return all results of the same baseline and follow-up, this one among them."""
    pair = fixedOf(result), movingOf(result)
    return [node for node in resultNodes() if (fixedOf(node), movingOf(node)) == pair]


def interpolateLinearly(result):
    """Have a result's field interpolated linearly, as it is by ITK and by the registered volume.

    Slicer interpolates a field that it has read from a file cubically: up to some tenths of a millimetre elsewhere.
    """
    for part in transformParts(result):
        if part.IsA("vtkOrientedGridTransform"):
            part.SetInterpolationModeToLinear()


def transformIsOn(result):
    """Whether the follow-up is placed under the result."""
    moving = movingOf(result)
    return moving is not None and moving.GetParentTransformNode() is result


def setTransformOn(result, on):
    """Place the follow-up and its labels under the result, or where they were scanned."""
    for node in (movingOf(result), labelsOf(result)[1]):
        if node is not None:
            node.SetAndObserveTransformNodeID(result.GetID() if on else None)


def unusedName(name):
    """Return a name that no node has: the name itself, or with a number behind it."""
    names = itertools.chain([name], (f"{name} {number}" for number in itertools.count(2)))
    return next(each for each in names if slicer.mrmlScene.GetFirstNodeByName(each) is None)
