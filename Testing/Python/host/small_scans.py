"""Two small scans of one body with two vertebrae, made in milliseconds: arrays, images, nodes."""

import types

import numpy as np
import SimpleITK as sitk

SPACING, SHAPE = 8.0, (30, 48, 48)
EXTENT_MM = tuple(SPACING * count for count in reversed(SHAPE))
LESION_HU = 400
VERTEBRAE = {20: (10, 15), 21: (15, 20)}
"""The vertebrae of the scans: their first slice and the one behind their last."""


def arrays(shift=0):
    """A body with two vertebrae one over the other, HU and labels [k, j, i], moved by voxels along i."""
    k, j, i = np.indices(SHAPE)
    body = ((i - 24) / 20) ** 2 + ((j - 24) / 15) ** 2 < 1
    labels = np.zeros(SHAPE, np.uint8)
    for value, (first, end) in VERTEBRAE.items():
        labels[first:end, 26:34, 20:28] = value
    hu = np.where(labels > 0, 700, np.where(body, 40, -1000)).astype(np.int16)
    return np.roll(hu, shift, axis=2), np.roll(labels, shift, axis=2)


def add(array, name, kind="vtkMRMLScalarVolumeNode"):
    from TableRemovalSlicer.volumes import addVolumeNode

    node = addVolumeNode(image_of(array), name, kind)
    node.CreateDefaultDisplayNodes()
    return node


def image_of(array):
    """A sitk.Image of an array [k, j, i], SPACING mm a voxel."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((SPACING,) * 3)
    return image


def pair():
    """The two as make_phantom returns a pair, as far as Testing/Slicer's story asks: a lesion has come where the two
    vertebrae meet."""
    baseline, followup = arrays(), arrays(1)
    followup[0][13:17, 28:32, 23:27] += LESION_HU
    sides = [
        types.SimpleNamespace(image=image_of(hu), vertebrae=image_of(labels)) for hu, labels in (baseline, followup)
    ]
    return types.SimpleNamespace(baseline=sides[0], followup=sides[1])
