"""Read a scan: NIfTI, NRRD, MHA, or a folder with a DICOM series."""

from __future__ import annotations

from pathlib import Path

import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from .dicom import read_dicom_folder


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
    warnings = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        return sitk.ReadImage(str(path))
    except RuntimeError as error:
        if "spacing" in str(error).lower():
            raise InputError(f"{path} has a voxel spacing of zero: export the scan again.") from error
        raise InputError(
            f"{path} cannot be read as an image: give a NIfTI, NRRD or MHA file, or a folder with a DICOM series."
        ) from error
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(warnings)
