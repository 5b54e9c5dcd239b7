"""Labels of either scan as images in which one value means one vertebra."""

import dataclasses
import typing

import numpy as np
import slicer
import vtk
from LongitudinalRegistrationLib.scan.label_numbers import label_values, numbered
from LongitudinalRegistrationLib.system.shared_arrays import padded_array
from slicer.i18n import tr as _
from TableRemovalLib.errors import InputError
from TableRemovalSlicer.volumes import imageOnVolumeGrid

from LongitudinalRegistrationSlicer.vertebrae.label_layers import layersOf, voxelsOf
from LongitudinalRegistrationSlicer.vertebrae.label_summary import summaryOf


@dataclasses.dataclass(frozen=True)
class CommonLabels:
    """Label values [k, j, i], uint16, on the grid of a volume node: those in a box whose first index (k, j, i) is
    given; they are 0 outside."""

    inBox: np.ndarray
    first: tuple
    grid: typing.Any

    @property
    def shape(self):
        return self.grid.GetImageData().GetDimensions()[::-1]


def commonLabels(node, volume, values):
    """Return a label map's CommonLabels, or a segmentation's on the volume's grid.

    values: common value by segment ID or label map value (see fixedValues, movingValues); what is not in it becomes 0.
    Raises InputError where the label map is empty.
    """
    if node.IsA("vtkMRMLSegmentationNode"):
        return CommonLabels(_segmentsOnGrid(node, volume, values), (0, 0, 0), volume)
    if node.GetImageData() is None:
        raise InputError(_("'{name}' is empty: choose labels that have voxels.").format(name=node.GetName()))
    box = summaryOf(node).box
    array = slicer.util.arrayFromVolume(node)[box]
    present = label_values(array)
    common = np.array([0, *(values.get(own, 0) for own in present)], np.uint16)
    return CommonLabels(common[numbered(array, present)], tuple(part.start for part in box), node)


def commonLabelImage(node, volume, values):
    """Return commonLabels as a sitk.Image."""
    labels = commonLabels(node, volume, values)
    return imageOnVolumeGrid(padded_array(labels.inBox, labels.shape, labels.first), labels.grid)


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
