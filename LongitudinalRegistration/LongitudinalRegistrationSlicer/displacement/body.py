"""Where the patient is in a scan, coarsely: enough to leave air and table out of a display."""

import numpy as np
import slicer
import vtk

from LongitudinalRegistrationSlicer.views.lattice import Lattice, bordered

COARSE_MM = 4.0
BODY_HU = -300


def bodyLattice(volume):
    """Return the body (1, elsewhere 0) of a volume node as a Lattice; 1 everywhere where there is no volume."""
    if volume is None or volume.GetImageData() is None:
        return Lattice(np.ones((1, 1, 1, 1), np.float32), np.eye(4))
    steps = [max(1, round(COARSE_MM / spacing)) for spacing in volume.GetSpacing()]
    voxels = slicer.util.arrayFromVolume(volume)[:: steps[2], :: steps[1], :: steps[0]]
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    toRAS = slicer.util.arrayFromVTKMatrix(matrix)
    toRAS[:3, :3] *= steps
    body = _largestPart(voxels > BODY_HU)
    return Lattice(*bordered(body.astype(np.float32)[..., None], toRAS))


def _largestPart(mask):
    """Return the largest connected part of a mask [k, j, i], what it encloses in each slice filled in."""
    import SimpleITK as sitk

    parts = sitk.RelabelComponent(sitk.ConnectedComponent(sitk.GetImageFromArray(mask.astype(np.uint8))))
    largest = sitk.GetArrayFromImage(parts == 1)
    return np.stack([sitk.GetArrayFromImage(sitk.BinaryFillhole(sitk.GetImageFromArray(part))) for part in largest])
