"""Whether what a DICOM file says about its own lengths is true, found before a reader makes room for what it says.

GDCM makes room for a length as it stands, up to 4 GB an element, never gives that back where sequences do not end as
they should, follows them as deep as they go, and makes up pixels that are not there; pydicom makes room too.
"""

from __future__ import annotations

import os
import struct
import zlib
from io import BufferedIOBase, BytesIO
from pathlib import Path

MAGIC_AT, MAGIC = 128, b"DICM"
IMPLICIT = b"1.2.840.10008.1.2", b"1.2.840.10008.1.20", b"1.2.840.113619.5.2"
"""Transfer syntaxes without value representations: DICOM's, Papyrus 3, and a private one of GE."""
DEFLATED, BIG_ENDIAN = b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.2"
SHORT_KINDS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
LONG_KINDS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
"""Value representations whose length has two bytes, and four after two that are not used (PS3.5, 7.1.2)."""
KINDS = SHORT_KINDS | LONG_KINDS
UNDEFINED = 0xFFFFFFFF
DELIMITERS = 0xFFFE
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
TRANSFER_SYNTAX, PIXEL_DATA = 0x00020010, 0x7FE00010
FRAMES, ROWS, COLUMNS, BITS = 0x00280008, 0x00280010, 0x00280011, 0x00280100
NOTED = frozenset((TRANSFER_SYNTAX, FRAMES, ROWS, COLUMNS, BITS))
OTHER_KINDS = frozenset((".img", ".mrc", ".rec"))
"""Suffixes of images that may begin with any bytes, the voxels of a NIfTI pair and MRC: DICOM by its magic alone."""
DEEPEST = 40
"""Sequences within sequences; a CT image has three or four."""
BLOCK = 1 << 16
"""Bytes that are read at a time: a CT image has its first pixel within."""


class _DamagedError(Exception):
    """Lengths that are not true."""


class _Walk:
    """From element to element through an open file; raises _DamagedError where they do not lie in one another.

    Attributes
    ----------
    noted
        The values of the elements NOTED, of the outermost data set.
    pixel_bytes
        How many bytes of pixels there are; None where they are compressed, or there are none.
    has_pixels
        Whether they have been passed.
    """

    def __init__(self, file: BufferedIOBase, size: int, order: str = "<") -> None:
        self.file, self.size = file, size
        self.tags, self.short, self.long = (struct.Struct(order + form) for form in ("HH", "H", "I"))
        self.block, self.begin = b"", 0
        self.noted: dict[int, bytes] = {}
        self.pixel_bytes: int | None = None
        self.has_pixels = False

    def at(self, place: int, count: int) -> bytes:
        """The bytes at a place; fewer where the file ends."""
        offset = place - self.begin
        if offset < 0 or offset + count > len(self.block):
            self.file.seek(place)
            self.block, self.begin, offset = self.file.read(max(BLOCK, count)), place, 0
        return self.block[offset : offset + count]

    def element(self, place: int, explicit: bool) -> tuple[int, bytes, int, int]:
        """Tag, value representation (b"" where there is none), length and place of the value of an element."""
        head = self.at(place, 12)
        if len(head) < 8:
            raise _DamagedError
        group, number = self.tags.unpack_from(head)
        tag = group << 16 | number
        if group == DELIMITERS or not explicit:
            return tag, b"", self.long.unpack_from(head, 4)[0], place + 8
        kind = head[4:6]
        if kind in SHORT_KINDS:
            return tag, kind, self.short.unpack_from(head, 6)[0], place + 8
        if kind not in LONG_KINDS or len(head) < 12:
            raise _DamagedError
        return tag, kind, self.long.unpack_from(head, 8)[0], place + 12

    def meta(self, place: int) -> int:
        """Walk through the meta information; the place after it."""
        while place < self.size and self.at(place, 2) == b"\x02\x00":
            tag, _kind, length, value = self.element(place, True)
            place = value + length
            if place > self.size:
                raise _DamagedError
            if tag == TRANSFER_SYNTAX:
                self.noted[tag] = self.at(value, length).rstrip(b"\0 ")
        return place

    def data_set(self, place: int, limit: int, explicit: bool, delimited: bool = False, depth: int = 0) -> int:
        """Walk through the elements up to a limit, or to the end of an item before it; the place after them."""
        while place < limit:
            if self.has_pixels and not depth and self._is_filling(place):
                return limit
            tag, kind, length, value = self.element(place, explicit)
            if tag == ITEM_END and delimited:
                return value
            if tag >> 16 == DELIMITERS:
                raise _DamagedError
            if length == UNDEFINED and tag == PIXEL_DATA:
                place = self._fragments(value, limit)
            elif length == UNDEFINED:
                place = self._items(value, limit, True, depth)
            else:
                place = value + length
                if place > limit:
                    raise _DamagedError
                if kind == b"SQ" or (not explicit and length >= 8 and tag != PIXEL_DATA and self._is_item(value)):
                    self._items(value, place, False, depth)
            if not depth:
                self._note(tag, value, length)
        if delimited:
            raise _DamagedError
        return place

    def _is_item(self, place: int) -> bool:
        return self.at(place, 4) == self.tags.pack(ITEM >> 16, ITEM & 0xFFFF)

    def _is_filling(self, place: int) -> bool:
        """Whether only what fills the file up is left: less than an element, or zeros."""
        left = self.size - place
        return left < 8 or not any(
            any(self.at(at, min(BLOCK, self.size - at))) for at in range(place, self.size, BLOCK)
        )

    def _note(self, tag: int, value: int, length: int) -> None:
        if tag in NOTED:
            self.noted[tag] = self.at(value, length)
        elif tag == PIXEL_DATA:
            self.has_pixels = True
            self.pixel_bytes = None if length == UNDEFINED else length

    def _items(self, place: int, limit: int, delimited: bool, depth: int) -> int:
        """Walk through the items of a sequence up to a limit, or to its end before it; the place after them.

        Whether an item's elements name their kinds is seen by its first: some writers do otherwise than around it.
        """
        if depth == DEEPEST:
            raise _DamagedError
        while place < limit:
            tag, _kind, length, value = self.element(place, False)
            if tag == SEQUENCE_END:
                place = value
                if delimited:
                    return place
                continue
            if tag != ITEM:
                raise _DamagedError
            is_open = length == UNDEFINED
            end = limit if is_open else value + length
            if end > limit:
                raise _DamagedError
            has_kinds = self.at(value + 4, 2) in KINDS
            place = self.data_set(value, end, has_kinds, is_open, depth + 1)
        if delimited or place > limit:
            raise _DamagedError
        return place

    def _fragments(self, place: int, limit: int) -> int:
        """Walk through compressed pixels; the place after them."""
        while place < limit:
            tag, _kind, length, value = self.element(place, False)
            place = value + length
            if tag == SEQUENCE_END:
                return value
            if tag != ITEM or place > limit:
                break
        raise _DamagedError

    def pixels_are_there(self) -> bool:
        """Whether there are as many bytes of pixels as rows, columns and frames say, where they are not compressed."""
        if self.pixel_bytes is None:
            return True
        try:
            rows, columns, bits = (self.short.unpack(self.noted[tag][:2])[0] for tag in (ROWS, COLUMNS, BITS))
            frames = int(self.noted.get(FRAMES, b"1").strip(b"\0 ") or 1)
        except (KeyError, ValueError, struct.error):
            return True
        return rows * columns * max(frames, 1) * bits // 8 <= self.pixel_bytes


def is_sound_dicom(path: Path) -> bool:
    """Say whether a file is a DICOM file whose elements, items and pixels are as long as it says, each within another.

    Parameters
    ----------
    path
        Of any file.

    Returns
    -------
    bool
        False also where an element's kind is none of DICOM's, and where the file cannot be opened.
    """
    return _lengths_fit(path) is True


def is_damaged_dicom(path: Path) -> bool:
    """Say whether a file is a DICOM file that is not sound.

    Without a preamble, what is named as an image of another kind is none: its voxels may begin likewise.

    Parameters
    ----------
    path
        Of any file.

    Returns
    -------
    bool
        False also of what is no DICOM file, or cannot be opened.
    """
    return _lengths_fit(path, by_magic_alone=path.suffix.lower() in OTHER_KINDS) is False


def _lengths_fit(path: Path, by_magic_alone: bool = False) -> bool | None:
    """Whether a DICOM file's lengths are true; None of what is none, or cannot be opened."""
    try:
        with open(path, "rb") as file:
            return _fits(_Walk(file, os.fstat(file.fileno()).st_size), by_magic_alone)
    except _DamagedError:
        return False
    except OSError:
        return None


def _fits(walk: _Walk, by_magic_alone: bool) -> bool | None:
    has_magic = walk.at(MAGIC_AT, len(MAGIC)) == MAGIC
    if by_magic_alone and not has_magic:
        return None
    if not has_magic and not _begins_without_preamble(walk):
        return False if walk.at(0, len(MAGIC)) == MAGIC else None
    place = walk.meta(MAGIC_AT + len(MAGIC) if has_magic else 0)
    syntax = walk.noted.get(TRANSFER_SYNTAX)
    if syntax is None:
        explicit = walk.at(place + 4, 2) in KINDS
    else:
        explicit = syntax not in IMPLICIT
    if syntax == DEFLATED:
        walk, place = _inflated(walk.at(place, walk.size)), 0
    elif syntax == BIG_ENDIAN:
        walk = _Walk(walk.file, walk.size, ">")
    walk.data_set(place, walk.size, explicit)
    return walk.pixels_are_there()


def _begins_without_preamble(walk: _Walk) -> bool:
    """Whether a file begins with an element of the groups that a DICOM file begins with, as old ones do."""
    return walk.at(0, 2) in (b"\x02\x00", b"\x08\x00")


def _inflated(rest: bytes) -> _Walk:
    try:
        data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(rest)
    except zlib.error as error:
        raise _DamagedError from error
    return _Walk(BytesIO(data), len(data))
