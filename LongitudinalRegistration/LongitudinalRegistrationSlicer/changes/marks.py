"""What a reader has marked on one scan (segments, a line, points): carried to the other as a proposal, and measured.

A mark on the follow-up has the follow-up's own coordinates: it lies under the result's transform, as the follow-up
does, or under none.
"""

import dataclasses
import math

import numpy as np
import slicer
from slicer.i18n import tr as _
from TableRemovalLib.errors import InputError
from TableRemovalSlicer.hidden_nodes import removeWithDisplays
from TableRemovalSlicer.volumes import addVolumeNode, imageFromVolumeNode

from LongitudinalRegistrationSlicer.changes.mark_nodes import CARRIED_COLOUR, LINE, SEGMENTATION, noteCarried
from LongitudinalRegistrationSlicer.results.belongings import TO_FOLLOW_UP, targetOf
from LongitudinalRegistrationSlicer.results.nodes import transformIsOn, unusedName
from LongitudinalRegistrationSlicer.results.transforms import itkTransformFromNode
from LongitudinalRegistrationSlicer.vertebrae.common_labels import commonLabelImage

UNKNOWN = math.nan
FLIP = np.array((-1.0, -1.0, 1.0))


@dataclasses.dataclass(frozen=True)
class MarkMeasures:
    """What a mark measures on its scan, in mm, ml and HU; NaN where a mark of its kind has no such figure."""

    name: str
    longestMm: float = UNKNOWN
    perpendicularMm: float = UNKNOWN
    volumeMl: float = UNKNOWN
    meanHu: float = UNKNOWN


def carriedMark(result, node, towards):
    """Carry a mark to the other scan; return the new node, a proposal that is moved as one rigid piece.

    towards: "baseline" or "follow-up". Raises InputError where the mark is empty or lies outside the other scan.
    """
    from LongitudinalRegistrationLib.field.inverse import inverse_of

    target = targetOf(result, towards)
    if target is None:
        raise InputError(_("The other scan is not in the scene (any more)."))
    transform = itkTransformFromNode(result)
    through = transform if towards == TO_FOLLOW_UP else inverse_of(transform)
    carry = _carriedSegments if node.IsA(SEGMENTATION) else _carriedPoints
    made = carry(node, through, target, unusedName(f"{node.GetName()} on {target.GetName()}"))
    noteCarried(made, node, result, towards)
    if towards == TO_FOLLOW_UP and transformIsOn(result):
        made.SetAndObserveTransformNodeID(result.GetID())
    return made


def markMeasures(node, scan):
    """Return the MarkMeasures of a mark's segments, or of its line or points, on its own scan (a volume node).

    Raises InputError where it is empty.
    """
    if node.IsA(SEGMENTATION):
        return [_segmentMeasures(node, scan, segmentId) for segmentId in _segmentIds(node)]
    points = _points(node)
    if not points:
        raise InputError(_("'{name}' has no point: place at least one.").format(name=node.GetName()))
    longest = float(np.linalg.norm(np.subtract(*points[:2]))) if node.IsA(LINE) and len(points) > 1 else UNKNOWN
    return [MarkMeasures(node.GetName(), longestMm=longest)]


def _segmentMeasures(node, scan, segmentId):
    from LongitudinalRegistrationLib.changes.lesions import measure_lesion

    found = measure_lesion(imageFromVolumeNode(scan), commonLabelImage(node, scan, {segmentId: 1}))
    name = node.GetSegmentation().GetSegment(segmentId).GetName()
    return MarkMeasures(name, found.longest_mm, found.perpendicular_mm, found.volume_ml, found.mean_hu)


def _segmentIds(node):
    segments = node.GetSegmentation()
    ids = [segments.GetNthSegmentID(index) for index in range(segments.GetNumberOfSegments())]
    if not ids:
        raise InputError(_("'{name}' has no segment: mark at least one voxel.").format(name=node.GetName()))
    return ids


def _carriedSegments(node, through, target, name):
    from LongitudinalRegistrationLib.changes.marks import carry_mask

    source = node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole())
    if source is None:
        text = _("'{name}' does not say which scan it was made on: choose its source geometry in Segmentations.")
        raise InputError(text.format(name=node.GetName()))
    grid, made = imageFromVolumeNode(target), slicer.mrmlScene.AddNewNodeByClass(SEGMENTATION, name)
    made.CreateDefaultDisplayNodes()
    made.SetReferenceImageGeometryParameterFromVolumeNode(target)
    try:
        for segmentId in _segmentIds(node):
            proposal = carry_mask(commonLabelImage(node, source, {segmentId: 1}), through, grid)
            _checkInside(proposal, target)
            segment = node.GetSegmentation().GetSegment(segmentId)
            _addSegment(made, proposal.mask, segment.GetName(), segment.GetColor())
    except InputError:
        removeWithDisplays(made)
        raise
    return made


def _addSegment(node, mask, name, colour):
    labels = addVolumeNode(mask, name, "vtkMRMLLabelMapVolumeNode")
    slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(labels, node)
    removeWithDisplays(labels)
    segments = node.GetSegmentation()
    segment = segments.GetNthSegment(segments.GetNumberOfSegments() - 1)
    segment.SetName(name)
    segment.SetColor(colour)


def _carriedPoints(node, through, target, name):
    from LongitudinalRegistrationLib.changes.marks import carry_points

    points = tuple(tuple(FLIP * point) for point in _points(node))
    proposal = carry_points(points, through, imageFromVolumeNode(target))
    _checkInside(proposal, target)
    made = slicer.mrmlScene.AddNewNodeByClass(node.GetClassName(), name)
    made.CreateDefaultDisplayNodes()
    for point in proposal.points:
        made.AddControlPoint(*(FLIP * point).tolist())
    _tellApart(made.GetDisplayNode())
    return made


def _tellApart(display):
    """Give what was carried a colour of its own and no name: in an overlay it lies on its mark, which has its name."""
    display.SetSelectedColor(*CARRIED_COLOUR)
    display.SetPropertiesLabelVisibility(False)
    display.SetPointLabelsVisibility(False)


def _checkInside(proposal, target):
    if not proposal.inside:
        text = _("The mark lies outside '{name}': it cannot be measured there.")
        raise InputError(text.format(name=target.GetName()))


def _points(node):
    """Return the control points of markups in the node's own space, RAS, mm."""
    return [np.array(node.GetNthControlPointPosition(index)) for index in range(node.GetNumberOfControlPoints())]
