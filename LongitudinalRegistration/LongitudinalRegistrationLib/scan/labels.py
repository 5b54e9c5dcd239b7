"""Names and numbers of vertebrae (VerSe numbering)."""

from __future__ import annotations

_NAMES = (
    *(f"C{n}" for n in range(1, 8)),
    *(f"T{n}" for n in range(1, 13)),
    *(f"L{n}" for n in range(1, 7)),
    *("sacrum", "coccyx", "T13"),
)
VERSE_NAMES = {number: name for number, name in enumerate(_NAMES, start=1)}
T13 = 28
DOWNWARDS = (*range(1, 20), T13, *range(20, 28))
"""Vertebrae in the order of the spine: T13 lies between T12 and L1."""


def label_name(label: int) -> str:
    """A label's name, "L1" for 20; the number itself, as text, for any that VerSe does not have."""
    return VERSE_NAMES.get(int(label), str(int(label)))
