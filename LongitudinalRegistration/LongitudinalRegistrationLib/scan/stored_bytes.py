"""Whether MetaImage and NRRD files hold as many voxels as their headers say.

The image reader makes up what a compressed MetaImage lacks, and makes room for all of an NRRD before it looks.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import SimpleITK as sitk
from TableRemovalLib.errors import InputError

DAMAGED = "{} is damaged: it holds fewer voxels than its header says. Copy or export it again."
MOST_HEADER = 1 << 16
BLOCK = 1 << 20


def check_stored_bytes(path: Path) -> None:
    """Refuse a MetaImage or NRRD file with fewer voxels than its header says.

    Parameters
    ----------
    path
        Of any file; what is of another kind, or names files of its own in a way of its own, is left to the reader.

    Raises
    ------
    InputError
        If voxels are missing.
    """
    check = CHECKS.get(path.suffix.lower())
    if check is None:
        return
    try:
        with open(path, "rb") as file:
            fits = check(path, file)
    except (OSError, RuntimeError, ValueError, struct.error):
        return
    if not fits:
        raise InputError(DAMAGED.format(path))


def _expected_bytes(path: Path) -> int:
    """How many bytes the voxels of an image have, by its header."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    one = sitk.Image([1] * reader.GetDimension(), reader.GetPixelIDValue(), reader.GetNumberOfComponents())
    return math.prod(reader.GetSize()) * reader.GetNumberOfComponents() * one.GetSizeOfPixelComponent()


def _header(file: BinaryIO, is_last: Callable[[bytes], bool]) -> list[bytes]:
    """The lines of a header, to the one that ends it, or the file's end."""
    lines: list[bytes] = []
    while file.tell() < MOST_HEADER and (line := file.readline(MOST_HEADER)):
        lines.append(line)
        if is_last(line):
            break
    return lines


def _fields(lines: list[bytes], separator: bytes) -> dict[str, str]:
    pairs = (line.split(separator, 1) for line in lines if separator in line)
    return {name.decode("latin-1").strip().lower(): value.decode("latin-1").strip() for name, value in pairs}


def _metaimage_fits(path: Path, file: BinaryIO) -> bool:
    """Whether the compressed voxels of a MetaImage are as many as they should be; ElementDataFile ends its header."""
    fields = _fields(_header(file, lambda line: line.startswith(b"ElementDataFile")), b"=")
    if fields.get("compresseddata", "").lower() != "true":
        return True
    expected, data = _expected_bytes(path), fields.get("elementdatafile", "LIST")
    if data.upper() == "LOCAL":
        return _inflates_to(file, expected)
    if data.upper().startswith("LIST") or "%" in data:
        return True
    with open(path.parent / data, "rb") as beside:
        return _inflates_to(beside, expected)


def _inflates_to(file: BinaryIO, expected: int) -> bool:
    """Whether a zlib or gzip stream has at least so many bytes."""
    stream, found, block = zlib.decompressobj(zlib.MAX_WBITS | 32), 0, b""
    try:
        while found < expected and (block := stream.unconsumed_tail or file.read(BLOCK)):
            found += len(stream.decompress(block, BLOCK))
        found += len(stream.flush()) if found < expected else 0
    except zlib.error:
        return False
    return found >= expected


def _nrrd_fits(path: Path, file: BinaryIO) -> bool:
    """Whether an NRRD's voxels, raw or in gzip, are as many as they should be; an empty line ends its header."""
    fields, begin = _fields(_header(file, lambda line: not line.strip()), b":"), file.tell()
    elsewhere = {"data file", "datafile", "byte skip", "byteskip", "line skip", "lineskip"}
    encoding = fields.get("encoding", "").lower()
    if elsewhere & fields.keys() or encoding not in ("raw", "gzip", "gz"):
        return True
    end = file.seek(0, 2)
    if encoding == "raw":
        return end - begin >= _expected_bytes(path)
    file.seek(-4, 2)
    return struct.unpack("<I", file.read(4))[0] == _expected_bytes(path) % 2**32


CHECKS: dict[str, Callable[[Path, BinaryIO], bool]] = {
    ".mha": _metaimage_fits,
    ".mhd": _metaimage_fits,
    ".nrrd": _nrrd_fits,
}
