"""How large a scan is, before it is read."""

from __future__ import annotations

import math
from pathlib import Path

import SimpleITK as sitk


def voxel_count(path: Path) -> int:
    """Count a scan's voxels by its header alone.

    Parameters
    ----------
    path
        As read_image takes it.

    Returns
    -------
    int
        0 of what cannot be told so: a folder, a pipe, or a file that reading will refuse.
    """
    if not path.is_file():
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
