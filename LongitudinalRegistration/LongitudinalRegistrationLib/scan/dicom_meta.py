"""Whether a DICOM file's first elements end within it: a reader makes room for what their lengths say, up to 4 GB."""

from __future__ import annotations

import os
from pathlib import Path

MAGIC_AT, MAGIC = 128, b"DICM"
META_GROUP = 2
LONG_KINDS = b"OB", b"OW", b"UN", b"UT", b"SQ"
"""Value representations whose length has four bytes, after two that are not used (PS3.5, 7.1.2)."""


def meta_fits(path: Path) -> bool:
    """Say whether the elements of a DICOM file's meta information, which are in explicit little endian, fit into it.

    The other elements are held against the file's size by the reader itself.

    Parameters
    ----------
    path
        Of any file.

    Returns
    -------
    bool
        False where an element claims more than the file has; True also of what is no DICOM file, or cannot be opened.
    """
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(MAGIC_AT + len(MAGIC))
            while head[MAGIC_AT:] == MAGIC and file.tell() < size:
                element = file.read(12)
                if int.from_bytes(element[:2], "little") != META_GROUP:
                    break
                is_long = element[4:6] in LONG_KINDS
                length = int.from_bytes(element[8:12] if is_long else element[6:8], "little")
                end = file.tell() - (0 if is_long else 4) + length
                if end > size:
                    return False
                file.seek(end)
    except OSError:
        pass
    return True
