"""How far segments reach along the patient."""

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy


def extentsOf(node, segmentIds):
    """Return the lowest and highest S (mm, before the node's transform) of segments that have a binary label map.

    Segments of one layer share its image, which is looked through once.
    """
    layers = {}
    for segmentId in segmentIds:
        segment = node.GetSegmentation().GetSegment(segmentId)
        name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
        image = segment.GetRepresentation(name) if segment is not None else None
        if image is not None and image.GetPointData().GetScalars() is not None:
            layers.setdefault(image, {})[int(segment.GetLabelValue())] = segmentId
    found = {}
    for image, ids in layers.items():
        reached = _extentsByValue(image)
        found.update({ids[value]: reached[value] for value in ids if value in reached})
    return found


def _extentsByValue(image):
    extent, matrix = image.GetExtent(), vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    shape = [extent[axis + 1] - extent[axis] + 1 for axis in (4, 2, 0)]
    array = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(shape)
    places = np.nonzero(array)
    values, numbers = np.unique(array[places], return_inverse=True)
    height = np.full(len(numbers), matrix.GetElement(2, 3))
    for column, start, along in zip((2, 1, 0), (extent[4], extent[2], extent[0]), places, strict=True):
        height += matrix.GetElement(2, column) * (along + start)
    lowest, highest = np.full(len(values), np.inf), np.full(len(values), -np.inf)
    np.minimum.at(lowest, numbers, height)
    np.maximum.at(highest, numbers, height)
    return {int(value): (low, high) for value, low, high in zip(values, lowest, highest, strict=True)}
