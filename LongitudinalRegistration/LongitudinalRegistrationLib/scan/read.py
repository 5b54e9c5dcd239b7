"""Read a scan: NIfTI, NRRD, MHA, or a folder with a DICOM series."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from .dicom_series import read_dicom_folder

ZERO_SPACING = "{} has a voxel spacing of zero: export the scan again."
DAMAGED = "{} is damaged: {} of its {} bytes are there. Copy or export it again."
_HEADER = 540


@dataclass(frozen=True)
class _Layout:
    """Where a NIfTI header of a size has its fields: offset and format of dim, bitpix, pixdim and vox_offset."""

    dim: tuple[int, str]
    bitpix: tuple[int, str]
    pixdim: tuple[int, str]
    begin: tuple[int, str]


_LAYOUTS = {
    348: _Layout((40, "8h"), (72, "h"), (76, "8f"), (108, "f")),
    540: _Layout((16, "8q"), (14, "h"), (104, "8d"), (168, "q")),
}


def _check_nifti(path: Path) -> None:
    """Refuse a NIfTI file that the reader would take, and make something else of: cut off, or without a spacing.

    Raises
    ------
    InputError
        If the spacing along one of three axes is zero (the reader would make it 1 mm), or voxels are missing.
    """
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opened(path, "rb") as stream:
            header = stream.read(_HEADER)
    except (OSError, EOFError, zlib.error):
        return
    for order in "<>":
        if len(header) < min(_LAYOUTS):
            return
        layout = _LAYOUTS.get(struct.unpack_from(order + "i", header)[0])
        if layout is None or len(header) < max(_LAYOUTS) and layout is _LAYOUTS[540]:
            continue
        dim, bitpix, pixdim, begin = (
            struct.unpack_from(order + form, header, place)
            for place, form in (layout.dim, layout.bitpix, layout.pixdim, layout.begin)
        )
        if 0.0 in pixdim[1:4]:
            raise InputError(ZERO_SPACING.format(path))
        _check_length(path, opened, int(begin[0]) + math.prod(dim[1 : 1 + max(dim[0], 0)]) * bitpix[0] // 8)
        return


def _check_length(path: Path, opened: Callable, expected: int) -> None:
    """Refuse a file that has fewer bytes, uncompressed, than it says."""
    if opened is gzip.open:
        with open(path, "rb") as stream:
            stream.seek(-4, 2)
            if struct.unpack("<I", stream.read(4))[0] == expected % 2**32:
                return
    found = 0
    try:
        with opened(path, "rb") as stream:
            while block := stream.read(1 << 22):
                found += len(block)
    except (OSError, EOFError, zlib.error):
        pass
    if found < expected:
        raise InputError(DAMAGED.format(path, found, expected))


def read_image(path: str | Path, series: str | None = None, acquisition: str | None = None) -> sitk.Image:
    """Read an image with its geometry (LPS, mm); intensities as stored, HU for CT.

    Parameters
    ----------
    path
        An image file, or a folder that holds a DICOM series.
    series, acquisition
        Which SeriesInstanceUID, and which AcquisitionNumber, where a folder holds several.

    Returns
    -------
    SimpleITK.Image
        3-D.

    Raises
    ------
    InputError
        If there is no such file, it is not an image or a part of it is missing, or the folder leaves a choice open.
    """
    path = Path(path)
    if path.is_dir():
        return read_dicom_folder(path, series, acquisition)
    if not path.exists():
        raise InputError(f"There is no file {path}: check the path.")
    if path.name.lower().endswith((".nii", ".nii.gz")):
        _check_nifti(path)
    warnings = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        return sitk.ReadImage(str(path))
    except RuntimeError as error:
        if "spacing" in str(error).lower():
            raise InputError(ZERO_SPACING.format(path)) from error
        raise InputError(
            f"{path} cannot be read as an image: give a NIfTI, NRRD or MHA file, or a folder with a DICOM series."
        ) from error
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(warnings)
