"""A volume's values at every pixel of a slice view, by VTK's own trilinear interpolation: quick enough to scroll."""

import numpy as np
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy


class ReslicedVolume:
    """values float32 [k, j, i, c] and the 4 x 4 matrix from (i, j, k, 1) to RAS in mm; 0 outside."""

    def __init__(self, values, ijkToRAS):
        k, j, i, channels = values.shape
        self._values = np.ascontiguousarray(values, np.float32)
        self._toIjk = np.linalg.inv(ijkToRAS)
        image = vtk.vtkImageData()
        image.SetDimensions(i, j, k)
        image.GetPointData().SetScalars(numpy_to_vtk(self._values.reshape(-1, channels)))
        self._reslice = vtk.vtkImageReslice()
        self._reslice.SetInputData(image)
        self._reslice.SetInterpolationModeToLinear()
        self._reslice.SetBackgroundLevel(0)
        self._reslice.SetOutputSpacing(1, 1, 1)
        self._reslice.SetOutputOrigin(0, 0, 0)

    def onFrame(self, frame):
        """Return the values [y, x, c] on a slice_overlay.Frame."""
        transform = vtk.vtkTransform()
        transform.SetMatrix((self._toIjk @ frame.xyToRAS).ravel())
        self._reslice.SetResliceTransform(transform)
        self._reslice.SetOutputExtent(0, frame.width - 1, 0, frame.height - 1, 0, 0)
        self._reslice.Update()
        scalars = vtk_to_numpy(self._reslice.GetOutput().GetPointData().GetScalars())
        return scalars.reshape(frame.height, frame.width, self._values.shape[-1])
