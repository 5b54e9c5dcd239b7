"""Volume nodes (RAS) to SimpleITK images (LPS) and back; the flip of x and y happens here only."""

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from slicer.i18n import tr as _
from TableRemovalLib.errors import InputError

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])


def imageFromVolumeNode(node):
    """Return the node's voxels as a sitk.Image (LPS, mm, own pixel type); the voxels are copied.

    A parent transform is not applied: callers refuse such nodes with `transformProblem`.
    """
    return imageOnVolumeGrid(slicer.util.arrayFromVolume(node), node)


def imageOnVolumeGrid(array, node):
    """Return an array [k, j, i] on the grid of a volume node as a sitk.Image (LPS, mm).

    Raises InputError where the node holds no voxels or another shape than the array.
    """
    imageData = node.GetImageData()
    if imageData is None or tuple(array.shape[:3]) != imageData.GetDimensions()[::-1]:
        text = _("'{name}' is empty or lies on another grid: choose a 3-D volume.")
        raise InputError(text.format(name=node.GetName()))
    image = sitk.GetImageFromArray(array)
    spacing, origin, direction = geometryOfVolumeNode(node)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(direction)
    return image


def geometryOfVolumeNode(node):
    """Return a volume node's (spacing, origin, direction) as lists, as a sitk.Image has them (LPS, mm)."""
    ijkToRAS = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(ijkToRAS)
    axes = LPS_TO_RAS @ slicer.util.arrayFromVTKMatrix(ijkToRAS)[:3]
    spacing = np.linalg.norm(axes[:, :3], axis=0)
    return spacing.tolist(), axes[:, 3].tolist(), (axes[:, :3] / spacing).ravel().tolist()


def addVolumeNode(image, name, nodeClassName="vtkMRMLScalarVolumeNode"):
    """Add a volume node with the voxels and geometry of a 3-D sitk.Image (LPS, mm) and return it."""
    axes = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    ijkToRAS = np.eye(4)
    ijkToRAS[:3, :3] = LPS_TO_RAS @ axes
    ijkToRAS[:3, 3] = LPS_TO_RAS @ np.array(image.GetOrigin())
    return slicer.util.addVolumeFromArray(
        sitk.GetArrayViewFromImage(image), ijkToRAS=ijkToRAS, name=name, nodeClassName=nodeClassName
    )
