"""Labels of either scan as images in which one value means one vertebra."""

import numpy as np
import slicer
from TableRemovalSlicer.volumes import imageOnVolumeGrid


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
    array = np.zeros(slicer.util.arrayFromVolume(volume).shape, dtype=np.uint16)
    for segmentId, value in values.items():
        array[slicer.util.arrayFromSegmentBinaryLabelmap(node, segmentId, volume) > 0] = value
    return imageOnVolumeGrid(array, volume)


def fixedValues(matches):
    """Return the common value of each of the baseline's labels, by its ID."""
    return {match.fixedId: match.value for match in matches if match.fixed}


def movingValues(matches):
    """Return the common value of each of the follow-up's labels, by its ID."""
    return {match.movingId: match.value for match in matches if match.moving}
