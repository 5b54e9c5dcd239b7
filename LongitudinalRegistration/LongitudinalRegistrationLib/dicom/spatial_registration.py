"""The transform of a registration as a DICOM Deformable Spatial Registration object, written and read.

The standard (PS3.3, C.20.3.1.1) takes a point of the Registered RCS (here the baseline's frame of reference) to a point
of the Source RCS (the follow-up's): first the matrix of the Pre Deformation Matrix Registration Sequence, then the
vector of the grid at the place reached is added, then the matrix of the Post Deformation Matrix Registration Sequence
is applied. All is LPS, mm. That is the direction of our T(x) = A(x + u(x)), fixed to moving points: the pre-deformation
matrix is the identity, the grid is u, and the post-deformation matrix is A; nothing is inverted. A grid vector belongs
to the centre of its voxel; between centres readers interpolate as they like, here linearly; outside u is zero. A vector
of NaN says that the registration is undefined there (C.20.3.1.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import binary_dilation
from TableRemovalLib.errors import InputError

from ..scan.geometry import affine_from_matrix, linear_matrix, voxel_matrix
from ..system.files import write_atomically
from .export import right_handed
from .headers import (
    SeriesHeader,
    check_same_patient,
    code_item,
    decimals,
    image_references,
    new_dataset,
    new_uid,
    require_pydicom,
    save,
)

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SERIES_OFFSET = 1001
DESCRIPTION = "Registration of follow-up to baseline"


def _flat(transform: sitk.Transform) -> list[sitk.Transform]:
    """The simple transforms that a transform is made of, in the order in which they meet a point."""
    transform = transform.Downcast()
    if not isinstance(transform, sitk.CompositeTransform):
        return [transform]
    parts = [transform.GetNthTransform(n) for n in reversed(range(transform.GetNumberOfTransforms()))]
    return [one for part in parts for one in _flat(part)]


def _matrix(parts: list[sitk.Transform]) -> np.ndarray:
    """The 4 x 4 matrix of linear transforms, in the order in which they meet a point."""
    whole = np.eye(4)
    for part in parts:
        whole = linear_matrix(part) @ whole
    return whole


def _copied(field: sitk.Image) -> sitk.Image:
    """A field with memory of its own: the image that a transform hands out is unsafe without the transform."""
    copied = sitk.GetImageFromArray(sitk.GetArrayFromImage(field), isVector=True)
    copied.CopyInformation(field)
    return copied


class _Parts(NamedTuple):
    """Matrix before, displacement field, matrix after; (4, 4) each, LPS mm."""

    before: np.ndarray
    field: sitk.Image
    after: np.ndarray


def _split(transform: sitk.Transform) -> _Parts:
    parts = _flat(transform)
    fields = [(n, part) for n, part in enumerate(parts) if isinstance(part, sitk.DisplacementFieldTransform)]
    others = [part for part in parts if not isinstance(part, sitk.DisplacementFieldTransform)]
    if len(fields) != 1 or not all(part.IsLinear() for part in others):
        raise InputError(
            "Only one displacement field between affine transforms fits into a DICOM registration object: "
            "give transform.h5 of `longct register`."
        )
    n, field = fields[0]
    return _Parts(_matrix(parts[:n]), _copied(field.GetDisplacementField()), _matrix(parts[n + 1 :]))


def _matrix_item(matrix: np.ndarray) -> Dataset:
    from pydicom.dataset import Dataset

    turn = matrix[:3, :3]
    rigid = np.allclose(turn @ turn.T, np.eye(3), atol=1e-6) and np.linalg.det(turn) > 0
    item = Dataset()
    item.FrameOfReferenceTransformationMatrixType = "RIGID" if rigid else "AFFINE"
    item.FrameOfReferenceTransformationMatrix = decimals(matrix.ravel())
    return item


def _grid_item(field: sitk.Image) -> Dataset:
    from pydicom.dataset import Dataset

    field = right_handed(field)
    direction = np.array(field.GetDirection()).reshape(3, 3)
    item = Dataset()
    item.ImagePositionPatient = decimals(field.GetOrigin())
    item.ImageOrientationPatient = decimals([*direction[:, 0], *direction[:, 1]])
    item.GridDimensions = list(field.GetSize())
    item.GridResolution = list(field.GetSpacing())
    item.VectorGridData = sitk.GetArrayViewFromImage(field).astype("<f4").tobytes()
    return item


def _series_item(header: SeriesHeader) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.SeriesInstanceUID = header.series_uid
    item.ReferencedInstanceSequence = image_references(header.instances)
    return item


def _refer(made: Dataset, *headers: SeriesHeader) -> None:
    """Name all series that the object refers to: those of its study, and apart those of other studies."""
    from pydicom.dataset import Dataset

    by_study: dict[str, dict[str, SeriesHeader]] = {}
    for header in headers:
        by_study.setdefault(header.study_uid, {})[header.series_uid] = header
    items = {study: [_series_item(one) for one in group.values()] for study, group in by_study.items()}
    if own := items.pop(str(made.StudyInstanceUID), None):
        made.ReferencedSeriesSequence = own
    others = []
    for study, series in items.items():
        item = Dataset()
        item.StudyInstanceUID, item.ReferencedSeriesSequence = study, series
        others.append(item)
    if others:
        made.StudiesContainingOtherReferencedInstancesSequence = others


def _seen_by_both(field: sitk.Image, parts: _Parts, fixed: SeriesHeader, moving: SeriesHeader) -> np.ndarray:
    """Where the registration is defined, [k, j, i]: nodes of the field in the baseline's box that the follow-up's box
    takes up, and all nodes of cells that hold such points."""
    size, to_world = field.GetSize(), voxel_matrix(field)
    index = np.stack(np.meshgrid(*map(np.arange, size[::-1]), indexing="ij")[::-1], axis=-1).reshape(-1, 3)
    nodes = index @ to_world[:3, :3].T + to_world[:3, 3]
    before = np.linalg.inv(parts.before)
    start = nodes @ before[:3, :3].T + before[:3, 3]
    values = sitk.GetArrayViewFromImage(field).reshape(-1, 3)
    end = (nodes + values) @ parts.after[:3, :3].T + parts.after[:3, 3]
    margin = float(np.linalg.norm(field.GetSpacing())) * max(1.0, float(np.linalg.norm(parts.after[:3, :3], 2)))
    inside = [
        np.all((points > low - margin) & (points < high + margin), axis=1)
        for points, (low, high) in ((start, fixed.bounds), (end, moving.bounds))
    ]
    return binary_dilation((inside[0] & inside[1]).reshape(size[::-1]), np.ones((3, 3, 3)))


def write_spatial_registration(
    path: Path, transform: sitk.Transform, fixed: SeriesHeader, moving: SeriesHeader, seen_by_both: bool = False
) -> Path:
    """Write a transform as a Deformable Spatial Registration object in the moving series' study.

    Parameters
    ----------
    transform
        Fixed points to moving points, LPS mm: one displacement field, with affine transforms before or after it. The
        vectors are stored as float32.
    seen_by_both
        Whether the registration is undefined where not both series have data.
    fixed, moving
        The baseline's and the follow-up's series. The fixed one must have a frame of reference; for a moving one
        without, a new one is made up, and only the reference to its images tells what was registered.

    Raises
    ------
    InputError
        If pydicom is missing, the transform is of another kind, the fixed series has no frame of reference, the series
        are of different patients, or the file cannot be written.
    """
    require_pydicom()
    from pydicom.dataset import Dataset
    from pydicom.uid import DeformableSpatialRegistrationStorage

    check_same_patient(fixed, moving)
    if not fixed.frame_uid:
        raise InputError("The baseline's series has no frame of reference, so nothing can be registered to it.")
    parts = _split(transform)
    field = parts.field
    if seen_by_both:
        values = sitk.GetArrayFromImage(field)
        values[~_seen_by_both(field, parts, fixed, moving)] = np.nan
        field = sitk.GetImageFromArray(values, isVector=True)
        field.CopyInformation(parts.field)
    item = Dataset()
    item.SourceFrameOfReferenceUID = moving.frame_uid or new_uid()
    item.ReferencedImageSequence = image_references(moving.instances)
    item.RegistrationTypeCodeSequence = [code_item("ImageContentBasedAlignment")]
    item.PreDeformationMatrixRegistrationSequence = [_matrix_item(parts.before)]
    item.DeformableRegistrationGridSequence = [_grid_item(field)]
    item.PostDeformationMatrixRegistrationSequence = [_matrix_item(parts.after)]
    made = new_dataset(DeformableSpatialRegistrationStorage, moving, fixed, SERIES_OFFSET)
    made.Modality, made.SeriesDescription, made.DeviceSerialNumber = "REG", DESCRIPTION, "none"
    made.FrameOfReferenceUID = fixed.frame_uid
    made.InstanceNumber, made.ContentLabel, made.ContentCreatorName = 1, "REGISTRATION", ""
    made.ContentDescription = DESCRIPTION
    made.DeformableRegistrationSequence = [item]
    _refer(made, fixed, moving)
    return write_atomically(Path(path), ".dcm", lambda name: save(made, Path(name)))


def _linear(items: Sequence[Dataset] | None) -> sitk.AffineTransform:
    """The affine transform of a matrix sequence; the identity where there is none."""
    if items:
        matrix = np.array([float(value) for value in items[0].FrameOfReferenceTransformationMatrix]).reshape(4, 4)
        return affine_from_matrix(matrix)
    return sitk.AffineTransform(3)


def _field(grid: Dataset) -> sitk.Image:
    """The displacement field of a grid item, mm, LPS, float64."""
    i, j, k = (int(size) for size in grid.GridDimensions)
    values = np.frombuffer(grid.VectorGridData, "<f4").reshape(k, j, i, 3).astype(np.float64)
    row, column = np.array([float(value) for value in grid.ImageOrientationPatient]).reshape(2, 3)
    field = sitk.GetImageFromArray(values, isVector=True)
    field.SetOrigin([float(value) for value in grid.ImagePositionPatient])
    field.SetSpacing([float(value) for value in grid.GridResolution])
    field.SetDirection(np.stack([row, column, np.cross(row, column)], axis=1).ravel().tolist())
    return field


def read_spatial_registration(path: Path) -> sitk.CompositeTransform:
    """Read a Deformable Spatial Registration object: T(x) = Post(p + u(p)) with p = Pre(x).

    Returns
    -------
    sitk.CompositeTransform
        Points of the Registered RCS to points of the Source RCS, LPS mm: the affine, the field and, unless it is the
        identity, the matrix before it; as transforms.compose makes it. Where the registration is undefined, points are
        taken to NaN.

    Raises
    ------
    InputError
        If pydicom is missing, or the file is no such object with exactly one grid.
    """
    require_pydicom()
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError
    from pydicom.uid import DeformableSpatialRegistrationStorage

    try:
        read = dcmread(path)
    except (OSError, EOFError, NotImplementedError, ValueError, InvalidDicomError) as error:
        raise InputError(f"{path} cannot be read as a DICOM file: check the path.") from error
    items = read.get("DeformableRegistrationSequence", [])
    items = [item for item in items if item.get("DeformableRegistrationGridSequence")]
    if read.get("SOPClassUID") != DeformableSpatialRegistrationStorage or len(items) != 1:
        raise InputError(f"{path} is no Deformable Spatial Registration object with one grid.")
    item = items[0]
    before = _linear(item.get("PreDeformationMatrixRegistrationSequence"))
    after = _linear(item.get("PostDeformationMatrixRegistrationSequence"))
    field = sitk.DisplacementFieldTransform(_field(item.DeformableRegistrationGridSequence[0]))
    is_identity = np.array_equal(_matrix([before]), np.eye(4))
    return sitk.CompositeTransform([after, field] if is_identity else [after, field, before])
