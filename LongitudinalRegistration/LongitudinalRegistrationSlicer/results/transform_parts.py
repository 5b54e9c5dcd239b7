"""The simple transforms that a transform node is made of."""

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy


def transformParts(node):
    """Return the parts of a node's from-parent transform as a list, the one a point meets first in front."""
    parts = vtk.vtkCollection()
    if node.GetTransformFromParent() is not None:
        slicer.vtkMRMLTransformNode.FlattenGeneralTransform(parts, node.GetTransformFromParent())
    return [parts.GetItemAsObject(index) for index in range(parts.GetNumberOfItems())]


def isLinear(part):
    """Whether a part is a matrix."""
    return part.IsA("vtkLinearTransform") or part.IsA("vtkHomogeneousTransform")


def isGrid(part):
    """Whether a part is a grid of displacements that is not inverted."""
    return bool(part.IsA("vtkOrientedGridTransform")) and not part.GetInverseFlag()


def gridVectors(part):
    """Return the displacements of a grid, [k, j, i, 3], RAS, mm."""
    part.Update()
    grid = part.GetDisplacementGrid()
    vectors = vtk_to_numpy(grid.GetPointData().GetScalars()).reshape(*grid.GetDimensions()[::-1], 3)
    return vectors * part.GetDisplacementScale() + part.GetDisplacementShift()


def gridDirections(part):
    """Return the 3 x 3 matrix whose columns are a grid's axes (RAS)."""
    matrix = part.GetGridDirectionMatrix()
    return np.eye(3) if matrix is None else slicer.util.arrayFromVTKMatrix(matrix)[:3, :3]
