"""ITK transforms (LPS, mm) to Slicer transform nodes (RAS, mm) and back.

A registration's transform takes fixed points to moving points: a resampling transform. In Slicer that is the
direction *from parent*, so that a moving volume placed under the node appears on the fixed one.
ITK leaves points outside a displacement field where they are, VTK goes on with the displacement of the field's
edge: grids get one more layer of zeros on every side, so that both agree.
"""

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from LongitudinalRegistrationLib.field.transforms import extended_values
from LongitudinalRegistrationLib.scan.geometry import affine_from_matrix, linear_matrix
from slicer.i18n import tr as _
from TableRemovalLib.errors import InputError
from vtk.util.numpy_support import numpy_to_vtk

from LongitudinalRegistrationSlicer.results.transform_parts import (
    gridDirections,
    gridVectors,
    isGrid,
    isLinear,
    transformParts,
)

FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])
FLIP_VECTOR = np.array([-1.0, -1.0, 1.0], dtype=np.float32)


def addTransformNode(transform, name):
    """Add a vtkMRMLTransformNode for a resampling sitk.Transform (fixed to moving points) and return it.

    transform: a vtk transform in RAS will do too, as from vtkTransformFromParts. Raises InputError for a kind of
    transform other than linear, displacement field, or a composite of these.
    """
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", name)
    try:
        isOurs = isinstance(transform, vtk.vtkAbstractTransform)
        node.SetAndObserveTransformFromParent(transform if isOurs else vtkTransformFromITK(transform))
    except InputError:
        slicer.mrmlScene.RemoveNode(node)
        raise
    return node


def vtkTransformFromITK(transform):
    """Return the vtk transform (RAS, mm) that moves points as the sitk.Transform (LPS, mm) does."""
    general = vtk.vtkGeneralTransform()
    general.PostMultiply()
    for part in inOrderOfUse(transform):
        general.Concatenate(_vtkPart(part))
    return general


def vtkTransformFromParts(matrix, field):
    """Return the vtk transform (RAS, mm) of T(x) = A(x + u(x)), as vtkTransformFromITK(compose(A, u)) has it.

    matrix: A, (4, 4), LPS mm; field: u, sitk vector image, mm, LPS. Several times faster: while a panel waits for it.
    """
    values, pad = extended_values(sitk.GetArrayViewFromImage(field).astype(np.float32), field.GetSpacing()[0])
    general = vtk.vtkGeneralTransform()
    general.PostMultiply()
    general.Concatenate(_vtkGrid(values, field, pad))
    general.Concatenate(_vtkLinear(matrix))
    return general


def itkTransformFromNode(node):
    """Return the node's from-parent transform (RAS, mm) as a sitk.CompositeTransform (LPS, mm).

    Raises InputError where the node holds an inverted or another kind of nonlinear transform.
    """
    composite = sitk.CompositeTransform(3)
    for part in reversed(transformParts(node)):
        composite.AddTransform(_itkPart(part))
    return composite


def inOrderOfUse(transform):
    """Return the simple transforms of a sitk.Transform as a list, the one a point meets first in front.

    sitk.CompositeTransform applies the one added last first.
    """
    transform = transform.Downcast()
    if transform.GetName() != "CompositeTransform":
        return [transform]
    parts = [transform.GetNthTransform(n) for n in reversed(range(transform.GetNumberOfTransforms()))]
    return [simple for part in parts for simple in inOrderOfUse(part)]


def _vtkPart(transform):
    if transform.IsLinear():
        return _vtkLinear(linear_matrix(transform))
    if transform.GetName() == "DisplacementFieldTransform":
        field = transform.GetDisplacementField()
        return _vtkGrid(sitk.GetArrayViewFromImage(field), field)
    raise InputError(_("A {kind} cannot be shown: save it as a displacement field.").format(kind=transform.GetName()))


def _vtkLinear(matrix):
    linear = vtk.vtkTransform()
    linear.SetMatrix((FLIP @ matrix @ FLIP).ravel())
    return linear


def _vtkGrid(values, field, pad=0):
    """Return a grid of displacements: values [k, j, i, 3], LPS, which go `pad` voxels beyond their field."""
    k, j, i = values.shape[:3]
    vectors = np.zeros((k + 2, j + 2, i + 2, 3), dtype=np.float32)
    inner = vectors[1:-1, 1:-1, 1:-1]
    np.multiply(values, FLIP_VECTOR, out=inner, casting="same_kind")
    grid = vtk.vtkImageData()
    grid.SetDimensions(i + 2, j + 2, k + 2)
    grid.SetSpacing(field.GetSpacing())
    corner = np.array(field.TransformContinuousIndexToPhysicalPoint([-1.0 - pad] * 3))
    grid.SetOrigin((FLIP[:3, :3] @ corner).tolist())
    grid.GetPointData().SetScalars(numpy_to_vtk(vectors.reshape(-1, 3), deep=True))
    directions = np.eye(4)
    directions[:3, :3] = FLIP[:3, :3] @ np.array(field.GetDirection()).reshape(3, 3)
    transform = slicer.vtkOrientedGridTransform()
    transform.SetDisplacementGridData(grid)
    transform.SetGridDirectionMatrix(slicer.util.vtkMatrixFromArray(directions))
    transform.SetInterpolationModeToLinear()
    return transform


def _itkPart(transform):
    if isLinear(transform):
        matrix = FLIP @ slicer.util.arrayFromVTKMatrix(transform.GetMatrix()) @ FLIP
        return affine_from_matrix(matrix)
    if isGrid(transform):
        return _itkField(transform)
    text = _("An inverse {kind} cannot be written: invert the transform node first.")
    raise InputError(text.format(kind=transform.GetClassName()))


def _itkField(transform):
    vectors, grid = gridVectors(transform), transform.GetDisplacementGrid()
    field = sitk.GetImageFromArray(vectors * FLIP_VECTOR.astype(float), isVector=True)
    field.SetSpacing(grid.GetSpacing())
    field.SetOrigin((FLIP[:3, :3] @ np.array(grid.GetOrigin())).tolist())
    field.SetDirection((FLIP[:3, :3] @ gridDirections(transform)).ravel().tolist())
    return sitk.DisplacementFieldTransform(sitk.Cast(field, sitk.sitkVectorFloat64))
