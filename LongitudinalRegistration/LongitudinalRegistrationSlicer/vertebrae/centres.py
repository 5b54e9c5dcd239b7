"""Where a vertebra is, and how to bring it into all slice views."""

import slicer
import vtk

from LongitudinalRegistrationSlicer.results.nodes import labelsOf
from LongitudinalRegistrationSlicer.vertebrae.label_summary import summaryOf


def centreOf(result, match):
    """Return the centre (RAS, mm) of a match's label: in the baseline, else where the follow-up's now lies; or None."""
    return centresOf(result, [match]).get(match.value)


def centresOf(result, matches):
    """Return the centres (RAS, mm) of the matches that have one, by value."""
    centres = {}
    for node, idOf in zip(labelsOf(result), (lambda m: m.fixedId, lambda m: m.movingId), strict=True):
        wanted = {match.value: idOf(match) for match in matches if match.value not in centres}
        wanted = {value: labelId for value, labelId in wanted.items() if labelId is not None}
        if node is None or not wanted:
            continue
        find = _segmentCentres if node.IsA("vtkMRMLSegmentationNode") else _valueCentres
        found = find(node, set(wanted.values()))
        centres.update({value: found[labelId] for value, labelId in wanted.items() if labelId in found})
    return centres


def jumpTo(ras):
    """Centre all slice views on a point (RAS, mm)."""
    for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        node.JumpSliceByCentering(*ras)


def _segmentCentres(node, segmentIds):
    centres = {}
    for segmentId in segmentIds:
        centre = node.GetSegmentCenterRAS(segmentId) if node.GetSegmentation().GetSegment(segmentId) else None
        if centre is not None:
            centres[segmentId] = tuple(centre)
    return centres


def _valueCentres(node, values):
    found = summaryOf(node).centres
    toRas, toWorld = vtk.vtkMatrix4x4(), vtk.vtkGeneralTransform()
    node.GetIJKToRASMatrix(toRas)
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(node.GetParentTransformNode(), None, toWorld)
    centres = {}
    for value in values:
        if value in found:
            point = toRas.MultiplyPoint((*found[value], 1.0))[:3]
            centres[value] = tuple(toWorld.TransformPoint(point))
    return centres
