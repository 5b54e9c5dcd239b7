"""Labels of either scan as images in which one value means one vertebra."""

import numpy as np
import slicer
import vtk
from TableRemovalSlicer.volumes import imageOnVolumeGrid

from LongitudinalRegistrationSlicer.vertebrae.label_layers import layersOf, voxelsOf


def commonLabelImage(node, volume, values):
    """Return a label map's voxels, or a segmentation's on the volume's grid, as a sitk.Image of common values.

    values: common value by segment ID or label map value (see fixedValues, movingValues); what is not in it becomes 0.
    """
    if not node.IsA("vtkMRMLSegmentationNode"):
        array = slicer.util.arrayFromVolume(node)
        common = np.zeros(int(array.max()) + 1, dtype=np.uint16)
        for own, value in values.items():
            common[own] = value
        return imageOnVolumeGrid(common[array], node)
    return imageOnVolumeGrid(_segmentsOnGrid(node, volume, values), volume)


def _segmentsOnGrid(node, volume, values):
    """Return the common values [k, j, i] of segments on a volume's grid; neither's transform is looked at."""
    grid, found = _emptyGrid(volume), np.zeros(slicer.util.arrayFromVolume(volume).shape, np.uint16)
    for image, ids in layersOf(node, values):
        resampled = slicer.vtkOrientedImageData()
        slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(image, grid, resampled)
        own = voxelsOf(resampled)
        common = np.zeros(max(max(ids), int(own.max(initial=0))) + 1, np.uint16)
        for value, segmentId in ids.items():
            common[value] = values[segmentId]
        layer = common[own]
        np.copyto(found, layer, where=layer > 0)
    return found


def _emptyGrid(volume):
    """Return an image without voxels on a volume's grid, in the volume's own space."""
    grid, toRas = slicer.vtkOrientedImageData(), vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(toRas)
    grid.SetExtent(volume.GetImageData().GetExtent())
    grid.SetGeometryFromImageToWorldMatrix(toRas)
    return grid


def fixedValues(matches):
    """Return the common value of each of the baseline's labels, by its ID."""
    return {match.fixedId: match.value for match in matches if match.fixed}


def movingValues(matches):
    """Return the common value of each of the follow-up's labels, by its ID."""
    return {match.movingId: match.value for match in matches if match.moving}
