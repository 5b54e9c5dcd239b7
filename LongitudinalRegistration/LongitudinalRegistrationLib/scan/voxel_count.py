"""How large a scan is, before it is read."""

from __future__ import annotations

import math
from pathlib import Path

import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from .dicom_lengths import is_damaged_dicom
from .dicom_series import choose_acquisition, choose_series
from .dicom_slices import find_slices
from .stored_bytes import has_sound_header


def voxel_count(path: Path, series: str | None = None, acquisition: str | None = None) -> int:
    """Count a scan's voxels by its headers alone.

    Parameters
    ----------
    path, series, acquisition
        As read_image takes them.

    Returns
    -------
    int
        0 of what cannot be told so: a pipe, or a file or series that reading will refuse.
    """
    if path.is_dir():
        return _series_voxels(path, series, acquisition)
    if not path.is_file() or is_damaged_dicom(path) or not has_sound_header(path):
        return 0
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    warnings = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return 0
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(warnings)
    return math.prod(reader.GetSize())


def _series_voxels(folder: Path, series: str | None, acquisition: str | None) -> int:
    try:
        slices = choose_acquisition(choose_series(find_slices(folder), series), acquisition)
        return sum(int(rows) * int(columns) for rows, columns in (one.size for one in slices))
    except (InputError, ValueError):
        return 0
