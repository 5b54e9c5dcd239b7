"""Read a scan: NIfTI, NRRD, MHA, or a folder with a DICOM series."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError
from TableRemovalLib.validate import check_voxel_size

from .dicom_lengths import is_damaged_dicom
from .dicom_series import read_dicom_folder
from .nifti import (
    ZERO_SPACING,
    NiftiHeader,
    check_nifti,
    holds_floats,
    is_nifti,
    is_sheared,
    read_nifti_header,
    read_with_all_values,
)
from .stored_bytes import check_stored_bytes

FARTHEST_MM = 1e6
NO_IMAGE = "{} cannot be read as an image: give a NIfTI, NRRD or MHA file, or a folder with a DICOM series."


def _read_file(path: Path, header: NiftiHeader | None) -> sitk.Image:
    warnings = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        if header is not None and (is_sheared(header) or holds_floats(header)):
            return read_with_all_values(path, header)
        return sitk.ReadImage(str(path))
    except (RuntimeError, MemoryError, ValueError) as error:
        if "spacing" in str(error).lower():
            raise InputError(ZERO_SPACING.format(path)) from error
        raise InputError(NO_IMAGE.format(path)) from error
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(warnings)


def _volume(image: sitk.Image, path: Path) -> sitk.Image:
    """The image as a volume of one value a voxel, with a place in space; InputError where it is something else."""
    if image.GetDimension() == 4 and image.GetSize()[3] == 1:
        image = image[..., 0]
    if image.GetDimension() != 3:
        raise InputError(f"{path} is a {image.GetDimension()}-D image: give one 3-D volume.")
    if image.GetNumberOfComponentsPerPixel() != 1 or "complex" in image.GetPixelIDTypeAsString():
        raise InputError(f"{path} has several values a voxel (colour, vectors): give a volume of one value a voxel.")
    place = [*image.GetOrigin(), *image.GetSpacing(), *image.GetDirection()]
    if not np.isfinite(place).all():
        raise InputError(f"{path} has a place or a spacing that is no number: export it again.")
    check_voxel_size(image, str(path))
    if np.abs(image.GetOrigin()).max() > FARTHEST_MM:
        raise InputError(f"{path} lies more than a kilometre from the scanner's middle: correct its header.")
    return image


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
        If there is no such file, it is not a volume or a part of it is missing, or the folder leaves a choice open.
    """
    path = Path(path)
    if path.is_dir():
        return _volume(read_dicom_folder(path, series, acquisition), path)
    if not path.exists():
        raise InputError(f"There is no file {path}: check the path.")
    if not path.is_file():
        raise InputError(f"{path} is neither a file nor a folder: give a scan that is stored on a disk.")
    header = read_nifti_header(path) if is_nifti(path) else None
    if header is not None:
        check_nifti(path, header)
    if is_damaged_dicom(path):
        raise InputError(NO_IMAGE.format(path))
    check_stored_bytes(path)
    return _volume(_read_file(path, header), path)
