"""How far segments reach along the patient."""

import numpy as np
import slicer
import vtk

from LongitudinalRegistrationSlicer.vertebrae.label_layers import layersOf, voxelsOf


def extentsOf(node, segmentIds):
    """Return the lowest and highest S (mm, before the node's transform) of segments, by their ID, to the slice."""
    found = {}
    for image, ids in layersOf(node, segmentIds):
        for value, reached in _extents(image, ids).items():
            found[ids[value]] = reached
    return found


def _extents(image, wanted):
    """Return the extents of label values along the image's axis that lies nearest to S."""
    matrix, extent, voxels = vtk.vtkMatrix4x4(), image.GetExtent(), voxelsOf(image)
    image.GetImageToWorldMatrix(matrix)
    toS = slicer.util.arrayFromVTKMatrix(matrix)[2]
    axis = int(np.abs(toS[:3]).argmax())
    middle = [(extent[2 * n] + extent[2 * n + 1]) / 2 for n in range(3)]
    found = {}
    for index, cut in enumerate(np.moveaxis(voxels, 2 - axis, 0)):
        middle[axis] = extent[2 * axis] + index
        height = float(toS[:3] @ middle + toS[3])
        for value in _present(cut, wanted):
            low, high = found.get(value, (height, height))
            found[value] = min(low, height), max(high, height)
    return found


def _present(cut, wanted):
    """Return which of the label values are in a part of an image."""
    present = np.zeros(max(max(wanted), int(cut.max(initial=0))) + 1, bool)
    present[cut.ravel()] = True
    return [value for value in wanted if present[value]]
