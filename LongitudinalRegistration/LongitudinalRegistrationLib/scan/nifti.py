"""What NIfTI headers say and the image reader passes over: missing voxels, no spacing, axes not at right angles."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from .straighten import LEAST_SHEAR, shear_of, with_matrix

ZERO_SPACING = "{} has a voxel spacing of zero: export the scan again."
WRONG_SPACING = "{} has a voxel spacing that is negative or no number: export the scan again."
DAMAGED = "{} is damaged: {} of its {} bytes are there. Copy or export it again."
SUFFIXES = ".nii", ".nii.gz"
_HEADER = 540


@dataclass(frozen=True)
class _Layout:
    """Where a NIfTI header of a size has its fields: offset and format."""

    dim: tuple[int, str]
    datatype: tuple[int, str]
    bitpix: tuple[int, str]
    pixdim: tuple[int, str]
    begin: tuple[int, str]
    scale: tuple[int, str]
    sform_code: tuple[int, str]
    sform: tuple[int, str]


_LAYOUTS = {
    348: _Layout((40, "8h"), (70, "h"), (72, "h"), (76, "8f"), (108, "f"), (112, "2f"), (254, "h"), (280, "12f")),
    540: _Layout((16, "8q"), (12, "h"), (14, "h"), (104, "8d"), (168, "q"), (176, "2d"), (348, "i"), (400, "12d")),
}
_TYPES = {
    **{2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8"},
    **{256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"},
}


@dataclass(frozen=True)
class NiftiHeader:
    """What a header says.

    Attributes
    ----------
    size
        Voxels along each axis.
    spacing_mm
        Along the first three axes.
    begin, expected
        First byte of the voxels, and how many bytes there are in all, uncompressed.
    dtype
        Of the voxels, "<i2"; None for colour and other types.
    scale
        Slope and intercept; a slope of 0 means that there are none.
    matrix
        (4, 4): voxels (i, j, k, 1) to LPS mm; None where the header has none of this kind (an sform).
    """

    size: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    begin: int
    expected: int
    dtype: str | None
    scale: tuple[float, float]
    matrix: np.ndarray | None


def is_nifti(path: Path) -> bool:
    """Whether a file is named as NIfTI files are."""
    return path.name.lower().endswith(SUFFIXES)


def _opener(path: Path) -> Callable:
    with open(path, "rb") as stream:
        return gzip.open if stream.read(2) == b"\x1f\x8b" else open


def read_nifti_header(path: Path) -> NiftiHeader | None:
    """Read a header of NIfTI-1 or 2.

    Parameters
    ----------
    path
        Of any file, compressed or not.

    Returns
    -------
    NiftiHeader or None
        None where it is none.
    """
    try:
        with _opener(path)(path, "rb") as stream:
            header = stream.read(_HEADER)
    except (OSError, EOFError, zlib.error):
        return None
    for order in "<>":
        if len(header) < min(_LAYOUTS):
            return None
        length = struct.unpack_from(order + "i", header)[0]
        if length in _LAYOUTS and len(header) >= length:
            return _parsed(header, length, order)
    return None


def _parsed(header: bytes, length: int, order: str) -> NiftiHeader:
    layout = _LAYOUTS[length]

    def field(place: tuple[int, str]) -> tuple:
        return struct.unpack_from(order + place[1], header, place[0])

    dim, pixdim, begin = field(layout.dim), field(layout.pixdim), field(layout.begin)[0]
    count = min(max(dim[0], 0), 7)
    begin = max(int(begin) if math.isfinite(begin) else 0, length + 4)
    matrix = None
    if field(layout.sform_code)[0] > 0:
        matrix = np.eye(4)
        matrix[:3] = np.reshape(field(layout.sform), (3, 4))
        matrix[:2] *= -1
    kind = _TYPES.get(field(layout.datatype)[0])
    return NiftiHeader(
        dim[1 : 1 + count],
        pixdim[1:4],
        begin,
        begin + math.prod(dim[1 : 1 + count]) * field(layout.bitpix)[0] // 8,
        order + kind if kind else None,
        field(layout.scale),
        matrix if matrix is not None and np.isfinite(matrix).all() and np.linalg.det(matrix) else None,
    )


def check_nifti(path: Path, header: NiftiHeader) -> None:
    """Refuse a NIfTI file that the reader would take, and make something else of: cut off, or without a spacing.

    Raises
    ------
    InputError
        If the spacing along one of three axes is zero (the reader would make it 1 mm), negative or no number (it would
        put the scan elsewhere), or voxels are missing.
    """
    if 0.0 in header.spacing_mm:
        raise InputError(ZERO_SPACING.format(path))
    if not all(math.isfinite(spacing) and spacing > 0 for spacing in header.spacing_mm):
        raise InputError(WRONG_SPACING.format(path))
    opened = _opener(path)
    if opened is gzip.open:
        with open(path, "rb") as stream:
            stream.seek(-4, 2)
            if struct.unpack("<I", stream.read(4))[0] == header.expected % 2**32:
                return
    found = 0
    try:
        with opened(path, "rb") as stream:
            while block := stream.read(1 << 22):
                found += len(block)
    except (OSError, EOFError, zlib.error):
        pass
    if found < header.expected:
        raise InputError(DAMAGED.format(path, found, header.expected))


def is_sheared(header: NiftiHeader) -> bool:
    """Whether a header's axes are not at right angles, as those of a tilted gantry are not."""
    return header.matrix is not None and len(header.size) == 3 and shear_of(header.matrix) > LEAST_SHEAR


def holds_floats(header: NiftiHeader) -> bool:
    """Whether a volume may hold values that are no numbers, of which the image reader makes 0: water, in CT."""
    return len(header.size) == 3 and header.dtype is not None and "f" in header.dtype


def read_with_all_values(path: Path, header: NiftiHeader) -> sitk.Image:
    """Read a volume for which is_sheared or holds_floats says that the image reader would make something else of it.

    Axes that are not at right angles are brought onto a straight grid (see straighten.with_matrix).

    Parameters
    ----------
    path
        The file.
    header
        Its own.

    Returns
    -------
    SimpleITK.Image
        3-D, LPS mm; values that are no numbers are kept.

    Raises
    ------
    InputError
        If it is of a type that cannot be read so.
    RuntimeError
        As the image reader raises it.
    """
    if header.dtype is None:
        raise InputError(f"{path} has axes that are not at right angles: resample it to a straight grid first.")
    with _opener(path)(path, "rb") as stream:
        stream.seek(header.begin)
        stored = np.frombuffer(stream.read(header.expected - header.begin), header.dtype)
    values = stored.reshape(header.size[::-1]).astype(stored.dtype.newbyteorder("="))
    slope, intercept = header.scale
    if slope not in (0.0, 1.0) or (intercept and slope):
        values = values.astype(np.float32) * np.float32(slope) + np.float32(intercept)
    image = sitk.GetImageFromArray(values)
    if is_sheared(header) and header.matrix is not None:
        return with_matrix(image, header.matrix)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    image.SetOrigin(reader.GetOrigin()[:3])
    image.SetSpacing(reader.GetSpacing()[:3])
    image.SetDirection(reader.GetDirection())
    return image
