"""The images in which a segmentation keeps its segments: several segments share one, a label value each."""

import slicer
from vtk.util.numpy_support import vtk_to_numpy


def layersOf(node, segmentIds):
    """Return (image, segment ID by label value) for every image that has one of the segments; it lies in the
    segmentation's own space. Segments without a binary label map are given one."""
    segmentation = node.GetSegmentation()
    name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    if not segmentation.ContainsRepresentation(name):
        segmentation.CreateRepresentation(name)
    layers = {}
    for segmentId in segmentIds:
        segment = segmentation.GetSegment(segmentId)
        image = segment.GetRepresentation(name) if segment is not None else None
        if image is not None and image.GetPointData().GetScalars() is not None:
            layers.setdefault(image, {})[int(segment.GetLabelValue())] = segmentId
    return list(layers.items())


def voxelsOf(image):
    """Return the voxels of a layer, not copied, [k, j, i]."""
    extent = image.GetExtent()
    shape = [extent[axis + 1] - extent[axis] + 1 for axis in (4, 2, 0)]
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(shape)
