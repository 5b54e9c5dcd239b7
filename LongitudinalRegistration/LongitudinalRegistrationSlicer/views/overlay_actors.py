"""The actors that a slice view's overlay adds to the view: lines, and pictures in its corners."""

import numpy as np
import vtk
from vtk.util.numpy_support import numpy_to_vtk


def linesActor(lines):
    """Return the actor of slice_overlay.Lines."""
    count = len(lines.points)
    points = np.zeros((2 * count, 3), np.float32)
    points[:, :2] = np.asarray(lines.points, np.float32).reshape(-1, 2)
    cells = np.empty((count, 3), np.int64)
    cells[:, 0], cells[:, 1], cells[:, 2] = 2, np.arange(0, 2 * count, 2), np.arange(1, 2 * count, 2)
    polyData, vtkPoints, cellArray = vtk.vtkPolyData(), vtk.vtkPoints(), vtk.vtkCellArray()
    vtkPoints.SetData(numpy_to_vtk(points, deep=True))
    cellArray.ImportLegacyFormat(numpy_to_vtk(cells.ravel(), deep=True, array_type=vtk.VTK_ID_TYPE))
    polyData.SetPoints(vtkPoints)
    polyData.SetLines(cellArray)
    mapper, actor = vtk.vtkPolyDataMapper2D(), vtk.vtkActor2D()
    colour = np.asarray(lines.colour, float)
    if colour.ndim == 2:
        polyData.GetCellData().SetScalars(numpy_to_vtk(np.uint8(np.round(255 * colour)), deep=True))
    else:
        mapper.ScalarVisibilityOff()
        actor.GetProperty().SetColor(*colour)
    mapper.SetInputData(polyData)
    actor.SetMapper(mapper)
    actor.GetProperty().SetLineWidth(lines.widthPx)
    return actor


def pictureActor(pixels, left, bottom):
    """Return the actor of a picture, uint8 [y, x, 4] with y upwards, red, green, blue and opacity; left, bottom: the
    pixel of the view that its lower left one lies on."""
    height, width = pixels.shape[:2]
    plane, image = vtk.vtkPlaneSource(), vtk.vtkImageData()
    plane.SetOrigin(left, bottom, 0)
    plane.SetPoint1(left + width, bottom, 0)
    plane.SetPoint2(left, bottom + height, 0)
    image.SetDimensions(width, height, 1)
    image.GetPointData().SetScalars(numpy_to_vtk(pixels.reshape(-1, 4), deep=True))
    texture, mapper, actor = vtk.vtkTexture(), vtk.vtkPolyDataMapper2D(), vtk.vtkTexturedActor2D()
    texture.SetInputData(image)
    texture.InterpolateOff()
    mapper.SetInputConnection(plane.GetOutputPort())
    actor.SetMapper(mapper)
    actor.SetTexture(texture)
    return actor
