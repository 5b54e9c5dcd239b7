"""Read a scan: NIfTI, NRRD, MHA, or a folder with a DICOM series."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from .dicom import read_dicom_folder

ZERO_SPACING = "{} has a voxel spacing of zero: export the scan again."
_NIFTI_PIXDIM = {348: (76, "8f"), 540: (104, "8d")}


def _check_nifti_spacing(path: Path) -> None:
    """Refuse a NIfTI file whose header has a spacing of zero, which the reader would turn into 1 mm.

    Raises
    ------
    InputError
        If the spacing along one of three axes is zero.
    """
    try:
        with (gzip.open if path.name.endswith(".gz") else open)(path, "rb") as stream:
            header = stream.read(540)
    except OSError:
        return
    for order in "<>":
        if len(header) < 348:
            return
        offset, layout = _NIFTI_PIXDIM.get(struct.unpack_from(order + "i", header)[0], (None, None))
        if offset and len(header) >= offset + struct.calcsize(order + layout):
            if 0.0 in struct.unpack_from(order + layout, header, offset)[1:4]:
                raise InputError(ZERO_SPACING.format(path))
            return


def read_image(path: str | Path, series: str | None = None, acquisition: str | None = None) -> sitk.Image:
    """Read an image with its geometry (LPS, mm); intensities as stored, HU for CT.

    Parameters
    ----------
    path
        An image file, or a folder that holds a DICOM series.
    series, acquisition
        Which SeriesInstanceUID, and which AcquisitionNumber, where a folder holds several.

    Raises
    ------
    InputError
        If there is no such file, it is not an image, or the folder leaves a choice open.
    """
    path = Path(path)
    if path.is_dir():
        return read_dicom_folder(path, series, acquisition)
    if not path.exists():
        raise InputError(f"There is no file {path}: check the path.")
    if path.name.lower().endswith((".nii", ".nii.gz")):
        _check_nifti_spacing(path)
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
