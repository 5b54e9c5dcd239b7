"""Names and numbers of vertebrae (VerSe numbering)."""

from __future__ import annotations

_NAMES = (
    *(f"C{n}" for n in range(1, 8)),
    *(f"T{n}" for n in range(1, 13)),
    *(f"L{n}" for n in range(1, 7)),
)
VERSE_NAMES = {number: name for number, name in enumerate(_NAMES, start=1)}


def label_name(label: int) -> str:
    """A vertebra's name, "L1" for 20; the number itself, as text, for any other label."""
    return VERSE_NAMES.get(int(label), str(int(label)))
