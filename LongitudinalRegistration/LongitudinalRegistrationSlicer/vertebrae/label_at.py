"""Which label of the baseline is at a place."""

import slicer
import vtk

from LongitudinalRegistrationSlicer.results.nodes import labelsOf
from LongitudinalRegistrationSlicer.vertebrae.label_layers import layersOf, voxelsOf
from LongitudinalRegistrationSlicer.vertebrae.label_matching import matchesOf


class LabelFinder:
    """Names the baseline's labels of a result as its table does."""

    def __init__(self, result):
        self._node = labelsOf(result)[0]
        self._names = {match.fixedId: match.name for match in matchesOf(result) if match.fixed}

    def nameAt(self, ras):
        """Return the name of the label at a place (RAS, mm), or "" where there is none."""
        node = self._node
        if node is None or node.GetScene() is None:
            return ""
        if node.IsA("vtkMRMLSegmentationNode"):
            return self._segmentAt(ras)
        value = voxelAt(node, ras)
        return self._names.get(int(value), "") if value is not None else ""

    def _segmentAt(self, ras):
        for image, ids in layersOf(self._node, self._names):
            toImage, extent = vtk.vtkMatrix4x4(), image.GetExtent()
            image.GetWorldToImageMatrix(toImage)
            ijk = [round(value) for value in toImage.MultiplyPoint((*ras, 1.0))[:3]]
            if all(extent[2 * axis] <= ijk[axis] <= extent[2 * axis + 1] for axis in range(3)):
                i, j, k = (ijk[axis] - extent[2 * axis] for axis in range(3))
                found = ids.get(int(voxelsOf(image)[k, j, i]))
                if found is not None:
                    return self._names[found]
        return ""


def voxelAt(volume, ras):
    """Return the value of a volume node's voxel at a place (RAS, mm, of the volume's own space), None outside."""
    if volume is None or volume.GetImageData() is None:
        return None
    toIjk = vtk.vtkMatrix4x4()
    volume.GetRASToIJKMatrix(toIjk)
    ijk = [round(value) for value in toIjk.MultiplyPoint((*ras, 1.0))[:3]]
    if not all(0 <= n < count for n, count in zip(ijk, volume.GetImageData().GetDimensions(), strict=True)):
        return None
    return slicer.util.arrayFromVolume(volume)[ijk[2], ijk[1], ijk[0]]
