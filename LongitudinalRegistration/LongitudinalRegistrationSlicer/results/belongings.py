"""What of a patient's two scans can be brought from one to the other by a registration, and which scan it is of."""

import dataclasses
import typing

import slicer

from LongitudinalRegistrationSlicer.results.nodes import REGISTERED_ATTRIBUTE, fixedOf, labelsOf, movingOf

TO_BASELINE, TO_FOLLOW_UP = "baseline", "follow-up"
DIRECTIONS = (TO_BASELINE, TO_FOLLOW_UP)
# On a node that was brought: the ID of the transform that it came through.
BROUGHT_ATTRIBUTE = "LongitudinalRegistration.Brought"
KINDS = (
    "vtkMRMLScalarVolumeNode",
    "vtkMRMLLabelMapVolumeNode",
    "vtkMRMLSegmentationNode",
    "vtkMRMLMarkupsNode",
    "vtkMRMLModelNode",
)
VOLUMES = KINDS[:2]
RIGID_MARKUPS = ("vtkMRMLMarkupsPlaneNode", "vtkMRMLMarkupsROINode")


@dataclasses.dataclass(frozen=True)
class Belonging:
    """A node that can be brought to the other scan; belongs: whether it is known to be of the scan it comes from."""

    node: typing.Any
    belongs: bool


def targetOf(result, towards):
    """Return the volume node of the scan that things are brought to (None: it was removed).

    towards: one of DIRECTIONS.
    """
    return fixedOf(result) if towards == TO_BASELINE else movingOf(result)


def sourceOf(result, towards):
    """Return the volume node of the scan that things come from (None: it was removed)."""
    return movingOf(result) if towards == TO_BASELINE else fixedOf(result)


def belongingsOf(result, towards):
    """Return the Belongings that can be brought through a result, those that belong to the scan they come from first.

    They are volumes, label maps, segmentations, markups and models that lists show. Left out are the other scan and its
    labels, what a registration has made itself, what lies under a transform of its own, and markups that a deformation
    would change in kind (planes, regions of interest).
    """
    of, ofOther = _known(result, towards), _known(result, _other(towards))
    nodes = [node for kind in KINDS for node in slicer.util.getNodesByClass(kind) if _isOfKind(node, kind)]
    found = [
        Belonging(node, _belongs(node, result, towards, of))
        for node in dict.fromkeys(nodes)
        if node not in ofOther and _canCome(node, result)
    ]
    return sorted(found, key=lambda belonging: not belonging.belongs)


def _other(towards):
    return TO_FOLLOW_UP if towards == TO_BASELINE else TO_BASELINE


def _known(result, towards):
    """Return the scan that things come from and its labels, as far as they are there."""
    labels = labelsOf(result)[1 if towards == TO_BASELINE else 0]
    return [node for node in (sourceOf(result, towards), labels) if node is not None]


def _isOfKind(node, kind):
    """Whether a node is of a kind; of volumes only scalar ones and label maps, not vectors or tensors."""
    return kind not in VOLUMES or node.GetClassName() in VOLUMES


def _canCome(node, result):
    if node.GetHideFromEditors() or node.GetAttribute(BROUGHT_ATTRIBUTE) or node.GetAttribute(REGISTERED_ATTRIBUTE):
        return False
    parent = node.GetParentTransformNode()
    if parent is not None and parent is not result:
        return False
    if node.GetClassName() in VOLUMES:
        return node.GetImageData() is not None
    return not any(node.IsA(kind) for kind in RIGID_MARKUPS)


def _belongs(node, result, towards, known):
    if node in known or (towards == TO_BASELINE and node.GetParentTransformNode() is result):
        return True
    scan = sourceOf(result, towards)
    if scan is None:
        return False
    if node.IsA("vtkMRMLSegmentationNode"):
        made = node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole())
        if made is not None:
            return made is scan
    folder = _folderOf(node)
    return folder is not None and folder == _folderOf(scan)


def _folderOf(node):
    """Return the item above a node in the subject hierarchy, or None where that is the scene itself."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(node) if hierarchy is not None else 0
    parent = hierarchy.GetItemParent(item) if item else 0
    return parent if parent and parent != hierarchy.GetSceneItemID() else None
