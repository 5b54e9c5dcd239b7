"""The frames of an enhanced multi-frame CT: where each lies, and its values in HU."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from TableRemovalLib.errors import InputError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MULTI_FRAME_CT = "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2"
"""SOP classes: Enhanced CT Image Storage, Legacy Converted Enhanced CT Image Storage."""


@dataclass(frozen=True)
class Frame:
    """One frame: its position and orientation (LPS, mm), pixel spacing (down, right; mm), and acquisition number."""

    position: tuple[float, float, float]
    orientation: tuple[float, ...]
    spacing_mm: tuple[float, float]
    acquisition: str


class _WithinItsEnd(io.BufferedReader):
    """A file of which no more is read than there is: a damaged length makes room for up to 4 GB otherwise."""

    def read(self, size: int | None = -1) -> bytes:
        left = os.fstat(self.fileno()).st_size - self.tell()
        return super().read(left if size is None or size < 0 else min(size, max(left, 0)))


def _dataset(path: Path, pixels: bool) -> Dataset:
    try:
        from pydicom import dcmread
        from pydicom.errors import InvalidDicomError
    except ImportError as error:
        raise InputError(
            f'{path.name} is an enhanced multi-frame CT, which needs pydicom: pip install "pydicom>=3.0".'
        ) from error
    try:
        with _WithinItsEnd(io.FileIO(path)) as file:
            return dcmread(file, stop_before_pixels=not pixels)
    except (OSError, EOFError, NotImplementedError, ValueError, InvalidDicomError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> InputError:
    return InputError(f"{path.name} is a damaged or incomplete multi-frame CT: export it again, as single images.")


def _groups(dataset: Dataset, number: int) -> list[Dataset]:
    """The functional groups of a frame: its own, and those that all frames share."""
    own = dataset.PerFrameFunctionalGroupsSequence[number]
    return [own, *dataset.get("SharedFunctionalGroupsSequence", [])]


def _attribute(groups: list[Dataset], macro: str, name: str) -> object:
    """An attribute of the first group that has it in a macro's sequence; None where none has."""
    for group in groups:
        for item in group.get(macro, []):
            if (value := item.get(name)) is not None:
                return value
    return None


def _numbers(groups: list[Dataset], macro: str, name: str) -> tuple[float, ...]:
    value = _attribute(groups, macro, name)
    return tuple(float(part) for part in value)  # type: ignore[attr-defined]


def read_frames(path: Path) -> list[Frame]:
    """Read where the frames of a multi-frame CT lie.

    Parameters
    ----------
    path
        An object of one of the classes MULTI_FRAME_CT.

    Raises
    ------
    InputError
        If pydicom is missing, or a frame has no place in space.
    """
    dataset = _dataset(path, pixels=False)
    try:
        return [_frame(_groups(dataset, number)) for number in range(int(dataset.NumberOfFrames))]
    except (AttributeError, IndexError, NotImplementedError, TypeError, ValueError) as error:
        raise _damaged(path) from error


def _frame(groups: list[Dataset]) -> Frame:
    x, y, z = _numbers(groups, "PlanePositionSequence", "ImagePositionPatient")
    down, right = _numbers(groups, "PixelMeasuresSequence", "PixelSpacing")
    orientation = _numbers(groups, "PlaneOrientationSequence", "ImageOrientationPatient")
    if len(orientation) != 6:
        raise ValueError("no orientation")
    acquisition = _attribute(groups, "FrameContentSequence", "FrameAcquisitionNumber")
    return Frame((x, y, z), orientation, (down, right), "" if acquisition is None else str(acquisition))


def read_values(path: Path, numbers: list[int]) -> np.ndarray:
    """Read the values of frames of a multi-frame CT.

    Parameters
    ----------
    path
        As in read_frames.
    numbers
        Which frames, from 0, in the order that is wanted.

    Returns
    -------
    numpy.ndarray
        [k, j, i], HU: int16 where all are whole numbers that it holds, else float32.

    Raises
    ------
    InputError
        If the pixels are damaged, or compressed in a way that cannot be read here.
    """
    dataset = _dataset(path, pixels=True)
    _check_unpackable(path, dataset)
    try:
        stored = dataset.pixel_array.reshape(-1, int(dataset.Rows), int(dataset.Columns))
        frames = [_rescaled(stored[number], _groups(dataset, number)) for number in numbers]
    except (AttributeError, ImportError, IndexError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        raise _damaged(path) from error
    values = np.stack(frames)
    limits = np.iinfo(np.int16)
    is_whole = np.array_equal(values, np.rint(values)) and limits.min <= values.min() and values.max() <= limits.max
    return values.astype(np.int16 if is_whole else np.float32)


def _check_unpackable(path: Path, dataset: Dataset) -> None:
    """Refuse a compression that is not known here, or whose samples have too many bits for what unpacks it."""
    from pydicom.pixels import get_decoder
    from pydicom.uid import JPEGExtended12Bit

    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax is None or not syntax.is_compressed:
        return
    try:
        known = get_decoder(syntax).is_available
    except NotImplementedError:
        known = False
    if not known or (syntax == JPEGExtended12Bit and int(dataset.get("BitsStored", 16)) > 8):
        raise InputError(
            f"{path.name} is compressed as {syntax.name}, which cannot be unpacked here: export it again, uncompressed "
            "or without loss as RLE."
        )


def _rescaled(stored: np.ndarray, groups: list[Dataset]) -> np.ndarray:
    slope = _attribute(groups, "PixelValueTransformationSequence", "RescaleSlope")
    intercept = _attribute(groups, "PixelValueTransformationSequence", "RescaleIntercept")
    return stored * float(1 if slope is None else slope) + float(0 if intercept is None else intercept)  # type: ignore[arg-type]
