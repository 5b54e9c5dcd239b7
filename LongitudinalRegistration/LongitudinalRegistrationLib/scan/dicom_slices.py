"""The slices of DICOM images in a folder: whose they are, and where they lie."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from .dicom_frames import MULTI_FRAME_CT, read_frames
from .dicom_lengths import MAGIC, MAGIC_AT, is_damaged_dicom, is_sound_dicom
from .scan_dates import iso_date

SINGLE_FRAME_CT = "1.2.840.10008.5.1.4.1.1.2"
CLASS_ELEMENT = b"\x02\x00\x02\x00UI"
HEAD_BYTES = 1024
"""Within these are a DICOM file's magic and, in little endian whatever follows, the class of what it stores."""

SOP_CLASS, STUDY_DATE = "0008|0016", "0008|0020"
SERIES_UID, DESCRIPTION, PATIENT_ID = "0020|000e", "0008|103e", "0010|0020"
ACQUISITION, POSITION, ORIENTATION = "0020|0012", "0020|0032", "0020|0037"
ROWS, COLUMNS, PIXEL_SPACING = "0028|0010", "0028|0011", "0028|0030"


@dataclass(frozen=True)
class Slice:
    """One slice of a series: whose it is, where it lies (LPS, mm) and how it is turned.

    Attributes
    ----------
    spacing_mm
        Of its pixels, down and right.
    size
        Rows and columns.
    frame
        Its number in a multi-frame file, from 0; None in a file of its own.
    """

    path: Path
    patient_id: str
    series: str
    description: str
    acquisition: str
    position: tuple[float, float, float]
    orientation: tuple[float, ...]
    spacing_mm: tuple[float, float]
    size: tuple[str, str]
    frame: int | None = None

    @property
    def height_mm(self) -> float:
        """Position along the slice normal."""
        row, column = np.array(self.orientation[:3]), np.array(self.orientation[3:])
        return float(np.dot(np.cross(row, column), self.position))


def _numbers(text: str, count: int) -> tuple[float, ...]:
    """Finite numbers of a header's text; ValueError where there are not as many as there should be."""
    found = tuple(float(part) for part in text.split("\\"))
    if len(found) != count or not np.isfinite(found).all():
        raise ValueError(f"{count} numbers are needed")
    return found


def read_tags(path: Path) -> Callable[[str], str] | None:
    """Read the header of one DICOM file.

    Parameters
    ----------
    path
        Of any file.

    Returns
    -------
    callable or None
        Tag ("gggg|eeee") to its value, empty where it is not there; None if the file is something else, or damaged.
    """
    if not is_sound_dicom(path):
        return None
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return None

    def value(key: str) -> str:
        return reader.GetMetaData(key).strip() if reader.HasMetaDataKey(key) else ""

    return value


def study_date(path: Path) -> str:
    """Read when a DICOM image was taken.

    Parameters
    ----------
    path
        Of any file.

    Returns
    -------
    str
        "2019-03-01"; empty where it does not say so.
    """
    value = read_tags(path)
    return iso_date(value(STUDY_DATE)) if value is not None else ""


def _may_be_ct(path: Path) -> bool:
    """Whether a file begins as a DICOM file does and says that it stores a CT image, or says nothing and is damaged."""
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return False
    if head[MAGIC_AT : MAGIC_AT + len(MAGIC)] != MAGIC:
        return False
    at = head.find(CLASS_ELEMENT)
    if at < 0:
        return is_damaged_dicom(path)
    begin = at + len(CLASS_ELEMENT) + 2
    stored = head[begin : begin + int.from_bytes(head[begin - 2 : begin], "little")]
    return stored.rstrip(b"\0 ").decode("ascii", "replace") in (SINGLE_FRAME_CT, *MULTI_FRAME_CT)


def read_header(path: Path) -> list[Slice]:
    """The headers of the slices in one DICOM file; none if it is something else or has no place in space.

    Raises
    ------
    InputError
        If it is a CT image that is damaged, or a multi-frame one that cannot be read.
    """
    value = read_tags(path)
    if value is None:
        if path.is_file() and _may_be_ct(path):
            raise InputError(
                f"{path.name} is a damaged or incomplete CT image: export the series again, or take the file away "
                "if it is of another."
            )
        return []
    names = path, value(PATIENT_ID), value(SERIES_UID), value(DESCRIPTION)
    size = value(ROWS), value(COLUMNS)
    if value(SOP_CLASS) in MULTI_FRAME_CT:
        return [
            Slice(*names, each.acquisition, each.position, each.orientation, each.spacing_mm, size, number)
            for number, each in enumerate(read_frames(path))
        ]
    try:
        x, y, z = _numbers(value(POSITION), 3)
        orientation = _numbers(value(ORIENTATION), 6)
        down, right = _numbers(value(PIXEL_SPACING), 2)
    except ValueError:
        return []
    return [Slice(*names, value(ACQUISITION), (x, y, z), orientation, (down, right), size)]


def find_slices(folder: Path) -> list[Slice]:
    """Headers of all DICOM images below a folder; read once as long as the files stay the same.

    Raises
    ------
    InputError
        If there is none.
    """
    paths = sorted(Path(root) / name for root, _, names in os.walk(folder) for name in names)
    slices = list(_read_headers(tuple((path, _state(path)) for path in paths)))
    if not slices:
        raise InputError(f"The folder {folder} holds no DICOM images: give the folder of one CT series.")
    return slices


def _state(path: Path) -> tuple[int, ...]:
    """What changes with a file's content."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


@lru_cache(maxsize=4)
def _read_headers(files: tuple[tuple[Path, tuple[int, ...]], ...]) -> tuple[Slice, ...]:
    warnings = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        return tuple(found for path, _state_of in files for found in read_header(path))
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(warnings)
