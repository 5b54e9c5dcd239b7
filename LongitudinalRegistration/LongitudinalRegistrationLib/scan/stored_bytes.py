"""Whether MetaImage and NRRD files hold as many voxels as their headers say, and a MetaImage's header is one.

The image reader makes up what a compressed MetaImage lacks, all of it where other bytes come first and the length of
the compressed ones is not told, and makes room for all of an NRRD before it looks. More
numbers than a MetaImage has dimensions, or a pattern for a file's name, make it write anywhere, and end the process.
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import SimpleITK as sitk
from TableRemovalLib.errors import InputError

DAMAGED = "{} is damaged: its header does not fit what it holds. Copy or export it again."
NO_LENGTH = "{} does not say how long its compressed voxels are (CompressedDataSize): save it again, uncompressed."
MOST_HEADER = 1 << 16
BLOCK = 1 << 20
MATRICES = {"transformmatrix", "rotation", "orientation"}
VECTORS = MATRICES | {"offset", "position", "origin", "elementspacing", "elementsize", "centerofrotation"}
LONE = {"compresseddatasize", "elementnumberofchannels"}
LONGEST = 500
NAME = re.compile(r"[^%\x00-\x1f]{1,200}|[^%\x00-\x1f]{,200}%0?[1-9]?d[^%\x00-\x1f]{1,200}")
"""Of one file, or of one a slice by its number: what else a pattern has the reader fills in from anywhere."""
TYPES = {f"MET_{sign}{kind}" for sign in ("", "U") for kind in ("CHAR", "SHORT", "INT", "LONG", "LONG_LONG")}
TYPES |= {"MET_FLOAT", "MET_DOUBLE"}


def check_stored_bytes(path: Path) -> None:
    """Refuse a MetaImage or NRRD file with fewer voxels than its header says, and a MetaImage with a damaged header.

    Parameters
    ----------
    path
        Of any file; what is of another kind, or names files of its own in a way of its own, is left to the reader.

    Raises
    ------
    InputError
        If voxels are missing, the reader would make them up, or a MetaImage's header is damaged.
    """
    check = CHECKS.get(path.suffix.lower())
    if check is None:
        return
    try:
        with open(path, "rb") as file:
            fits = check(path, file)
    except InputError:
        raise
    except (OSError, RuntimeError, ValueError, struct.error):
        return
    if not fits:
        raise InputError(DAMAGED.format(path))


def has_sound_header(path: Path) -> bool:
    """Say whether a file's header may be given to the image reader.

    Parameters
    ----------
    path
        Of any file.

    Returns
    -------
    bool
        False of a MetaImage whose header is damaged, or that cannot be opened.
    """
    if path.suffix.lower() not in METAIMAGE:
        return True
    try:
        with open(path, "rb") as file:
            return _is_metaimage(_metaimage_header(file))
    except OSError:
        return False


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
    lines = _metaimage_header(file)
    if not _is_metaimage(lines):
        return False
    fields = _fields(lines, b"=")
    if fields.get("compresseddata", "")[:1] not in ("T", "t", "1"):
        return True
    data, skipped = fields.get("elementdatafile", "LIST"), int(fields.get("headersize", "0"))
    if data.upper().startswith("LIST") or "%" in data:
        return False
    is_local = data.upper() == "LOCAL"
    if (is_local or skipped > 0) and int(fields.get("compresseddatasize", "0")) <= 0:
        raise InputError(NO_LENGTH.format(path))
    if is_local:
        return _inflates_to(file, _expected_bytes(path))
    with open(path.parent / data, "rb") as beside:
        beside.seek(max(skipped, 0))
        return _inflates_to(beside, _expected_bytes(path))


def _metaimage_header(file: BinaryIO) -> list[bytes]:
    return _header(file, lambda line: line.startswith(b"ElementDataFile"))


def _is_metaimage(lines: list[bytes]) -> bool:
    """Whether a header names each of its fields once, has as many numbers as it has dimensions, and a known type."""
    fields = _fields(lines, b"=")
    if len(fields) != sum(bool(line.strip()) for line in lines):
        return False
    try:
        count = int(fields["ndims"])
        sizes = [int(value) for value in fields["dimsize"].split()]
        vectors = {name: len([float(value) for value in fields[name].split()]) for name in VECTORS & fields.keys()}
        lone = [int(fields[name]) for name in LONE & fields.keys()]
    except (KeyError, ValueError):
        return False
    return (
        2 <= count <= 4
        and len(sizes) == count
        and min(sizes) > 0
        and all(found == (count**2 if name in MATRICES else count) for name, found in vectors.items())
        and all(0 <= value < 2**40 for value in lone)
        and int(fields.get("elementnumberofchannels", 1)) > 0
        and fields.get("elementtype", "").removesuffix("_ARRAY") in TYPES
        and NAME.fullmatch(fields.get("elementdatafile", "")) is not None
        and all(len(name) + len(value) < LONGEST for name, value in fields.items())
    )


def _inflates_to(file: BinaryIO, expected: int) -> bool:
    """Whether zlib or gzip streams, one after another, have at least so many bytes."""
    stream, found, rest = zlib.decompressobj(zlib.MAX_WBITS | 32), 0, b""
    try:
        while found < expected and (rest := rest or file.read(BLOCK)):
            found += len(stream.decompress(rest, BLOCK))
            rest = stream.unconsumed_tail
            if stream.eof:
                rest, stream = stream.unused_data, zlib.decompressobj(zlib.MAX_WBITS | 32)
        found += len(stream.flush()) if found < expected else 0
    except zlib.error:
        return False
    return found >= expected


def _nrrd_fits(path: Path, file: BinaryIO) -> bool:
    """Whether an NRRD's voxels, raw or in gzip, are as many as they should be; an empty line ends its header.

    Gzip's last bytes say how many it holds; where that is another number, parts or other bytes may have been added.
    """
    fields, begin = _fields(_header(file, lambda line: not line.strip()), b":"), file.tell()
    elsewhere = {"data file", "datafile", "byte skip", "byteskip", "line skip", "lineskip"}
    encoding = fields.get("encoding", "").lower()
    if elsewhere & fields.keys() or encoding not in ("raw", "gzip", "gz"):
        return True
    end, expected = file.seek(0, 2), _expected_bytes(path)
    if encoding == "raw":
        return end - begin >= expected
    file.seek(-4, 2)
    if struct.unpack("<I", file.read(4))[0] == expected % 2**32:
        return True
    file.seek(begin)
    return _inflates_to(file, expected)


METAIMAGE = ".mha", ".mhd"
CHECKS: dict[str, Callable[[Path, BinaryIO], bool]] = {
    **dict.fromkeys(METAIMAGE, _metaimage_fits),
    ".nrrd": _nrrd_fits,
}
