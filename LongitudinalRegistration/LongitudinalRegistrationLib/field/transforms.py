"""One transform from fixed points to moving points (LPS, mm): T(x) = A(x + u(x)).

A is the affine pre-alignment, u the displacement field on a grid in the fixed scan's space.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ..scan.voxels import writable_view

TAPER_MM = 80.0
FIELD_SPACING_MM = 4.0
DISPLAY_STEP_MM = 1.0 / 256.0


def extend_smoothly(field: sitk.Image, taper_mm: float = TAPER_MM) -> sitk.Image:
    """Carry a field past its grid's edge and let it fade to zero, so that no jump stays at the edge.

    Beyond the edge the field repeats its edge vectors times a cosine that falls from 1 to 0 over `taper_mm`.

    Parameters
    ----------
    field
        Vector image, mm, LPS, isotropic spacing.
    taper_mm
        How far beyond the edge the field reaches.

    Returns
    -------
    sitk.Image
        A larger vector image (float64), zero on its outermost voxels, equal to `field` inside its grid.
    """
    values, pad = extended_values(sitk.GetArrayFromImage(field).astype(np.float64), field.GetSpacing()[0], taper_mm)
    extended = sitk.GetImageFromArray(values, isVector=True)
    extended.SetSpacing(field.GetSpacing())
    extended.SetDirection(field.GetDirection())
    extended.SetOrigin(field.TransformContinuousIndexToPhysicalPoint([-float(pad)] * 3))
    return extended


def extended_values(values: np.ndarray, spacing_mm: float, taper_mm: float = TAPER_MM) -> tuple[np.ndarray, int]:
    """Carry the vectors of a field past its grid's edge, as extend_smoothly does.

    Parameters
    ----------
    values
        [k, j, i, 3], mm, any floating-point type.
    spacing_mm
        Voxel size.
    taper_mm
        As in extend_smoothly.

    Returns
    -------
    extended
        [k, j, i, 3], of the same type, with as many more voxels on every side as
    pad
        int.

    Examples
    --------
    >>> extended, pad = extended_values(np.ones((1, 1, 1, 3), np.float32), 1.0, taper_mm=2.0)
    >>> pad, extended[3, 3, :, 0].tolist()
    (3, [0.0, 0.0, 0.5, 1.0, 0.5, 0.0, 0.0])
    """
    pad = int(np.ceil(taper_mm / spacing_mm)) + 1
    extended = np.pad(values, [(pad, pad)] * 3 + [(0, 0)], mode="edge")
    fade = np.ones(1, values.dtype)
    for axis, size in enumerate(extended.shape[:3]):
        steps = np.arange(size)
        beyond = np.maximum(np.maximum(pad - steps, steps - (size - 1 - pad)), 0) * spacing_mm
        ramp = 0.5 + 0.5 * np.cos(np.pi * np.minimum(beyond / taper_mm, 1.0))
        fade = fade * ramp.astype(values.dtype).reshape([-1 if a == axis else 1 for a in range(3)])
    extended *= fade[..., None]
    return extended, pad


def for_storage(field: sitk.Image, spacing_mm: float = FIELD_SPACING_MM) -> sitk.Image:
    """Resample a field to 4 mm voxels over the same box, unless its voxels are that large already.

    The fields are smooth over more than 10 mm; a file of 2 mm voxels would be eight times larger.

    Parameters
    ----------
    field
        Vector image, mm, LPS.
    spacing_mm
        Voxel size.

    Returns
    -------
    SimpleITK.Image
        Vector image, float64, mm, LPS.
    """
    if field.GetSpacing()[0] >= spacing_mm:
        return sitk.Cast(field, sitk.sitkVectorFloat64)
    extent = (np.array(field.GetSize()) - 1) * np.array(field.GetSpacing())
    size = (np.ceil(extent / spacing_mm - 1e-6).astype(int) + 1).tolist()
    return sitk.Resample(
        sitk.Cast(field, sitk.sitkVectorFloat64),
        size,
        sitk.Transform(3, sitk.sitkIdentity),
        sitk.sitkLinear,
        field.GetOrigin(),
        [spacing_mm] * 3,
        field.GetDirection(),
        0.0,
        sitk.sitkVectorFloat64,
        True,
    )


def field_on(field: sitk.Image, reference: sitk.Image) -> sitk.Image:
    """Resample a field to other voxels; beyond its grid the nearest vector, so that it stays continuous.

    Parameters
    ----------
    field
        Vector image, mm, LPS.
    reference
        Image with the grid that is wanted.

    Returns
    -------
    SimpleITK.Image
        Vector image, float64, mm, LPS.
    """
    return sitk.Resample(
        sitk.Cast(field, sitk.sitkVectorFloat64),
        reference,
        sitk.Transform(3, sitk.sitkIdentity),
        sitk.sitkLinear,
        0.0,
        sitk.sitkVectorFloat64,
        True,
    )


def component_first(field: sitk.Image) -> np.ndarray:
    """Copy a vector image to an array whose components come first, as kernels take them.

    Parameters
    ----------
    field
        Vector image, (x, y, z).

    Returns
    -------
    numpy.ndarray
        [component, k, j, i], float32, contiguous, in the field's unit.
    """
    return np.ascontiguousarray(np.moveaxis(sitk.GetArrayViewFromImage(field), -1, 0), np.float32)


def compose(affine: sitk.Transform, field: sitk.Image) -> sitk.CompositeTransform:
    """Compose the transform T(x) = A(x + u(x)); u fades to zero past its grid.

    Parameters
    ----------
    affine
        Fixed points to moving points, LPS mm.
    field
        u: vector image on a grid in the fixed space, mm, LPS.

    Returns
    -------
    SimpleITK.CompositeTransform
        Fixed points to moving points, LPS mm.

    Examples
    --------
    >>> field = sitk.Image([4, 4, 4], sitk.sitkVectorFloat64, 3) + sitk.Image([4, 4, 4], sitk.sitkVectorFloat64, 3)
    >>> compose(sitk.TranslationTransform(3, (1.0, 2.0, 3.0)), field).TransformPoint((1.0, 1.0, 1.0))
    (2.0, 3.0, 4.0)
    """
    displacement = sitk.DisplacementFieldTransform(extend_smoothly(field))
    return sitk.CompositeTransform([affine, displacement])


def displacement_on(transform: sitk.Transform, reference: sitk.Image) -> sitk.Image:
    """Sample a transform as a displacement field T(x) - x, mm, LPS, float32, on a reference grid.

    The values are rounded to 1/256 mm, which makes the compressed file several times smaller.

    Parameters
    ----------
    transform
        Any, LPS mm.
    reference
        Image with the grid that is wanted.

    Returns
    -------
    SimpleITK.Image
        Vector image, float32, mm, LPS.
    """
    field = sitk.TransformToDisplacementField(
        transform,
        sitk.sitkVectorFloat32,
        reference.GetSize(),
        reference.GetOrigin(),
        reference.GetSpacing(),
        reference.GetDirection(),
    )
    values = writable_view(field)
    values /= np.float32(DISPLAY_STEP_MM)
    np.round(values, out=values)
    values *= np.float32(DISPLAY_STEP_MM)
    return field


def without_affine(total: sitk.Image, affine: sitk.AffineTransform) -> sitk.Image:
    """Find the field u of T(x) = A(x + u(x)), given the displacement T(x) - x of the whole.

    Parameters
    ----------
    total
        Vector image, mm, LPS, with identity direction.
    affine
        A.

    Returns
    -------
    SimpleITK.Image
        u: vector image, float32, mm, LPS, on the same grid.
    """
    values = sitk.GetArrayFromImage(total).astype(np.float64)
    nk, nj, ni = values.shape[:3]
    (dx, dy, dz), (ox, oy, oz) = total.GetSpacing(), total.GetOrigin()
    z, y, x = np.meshgrid(
        oz + dz * np.arange(nk), oy + dy * np.arange(nj), ox + dx * np.arange(ni), indexing="ij", copy=False
    )
    points = np.stack([x, y, z], axis=-1)
    inverse = sitk.AffineTransform(affine.GetInverse())
    matrix = np.array(inverse.GetMatrix()).reshape(3, 3)
    centre = np.array(inverse.GetCenter())
    mapped = (points + values - centre) @ matrix.T + centre + np.array(inverse.GetTranslation())
    field = sitk.GetImageFromArray((mapped - points).astype(np.float32), isVector=True)
    field.CopyInformation(total)
    return field
