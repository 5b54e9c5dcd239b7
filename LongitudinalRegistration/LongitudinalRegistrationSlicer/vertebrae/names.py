"""Numbers and names of vertebrae: what number a name means, what a number is called, where it is in the spine."""

import re

from LongitudinalRegistrationLib.scan.labels import DOWNWARDS, T13, VERSE_NAMES

FIRST_OTHER = 101
SACRUM, S1 = 26, 29
SPINE_NAMES = {**VERSE_NAMES, S1: "S1"}
VERSE_NUMBERS = {number: number for number in range(1, T13 + 1)}
TOTAL_SEGMENTATOR_NUMBERS = {25: SACRUM, 26: S1, **{51 - number: number for number in range(1, 25)}}

_NUMBERS = {name.lower(): number for number, name in SPINE_NAMES.items()}
_IGNORED_WORDS = ("vertebra", "vertebrae", "vertebral", "body", "bone")
_DOWNWARDS = [*DOWNWARDS[: DOWNWARDS.index(SACRUM)], S1, *DOWNWARDS[DOWNWARDS.index(SACRUM) :]]


def vertebraNumber(name):
    """Return the number (VerSe's; 29 for S1) of a vertebra's name, or None for any other name.

    'L1', 'l1', 'vertebrae_L1' and 'L1 vertebra' mean L1; 'Th12', 'D12' and 'T12' mean T12.
    """
    words = re.sub(r"[^a-z0-9]+", " ", name.lower()).split()
    plain = "".join(word for word in words if word not in _IGNORED_WORDS)
    level = re.fullmatch(r"(c|th|t|d|l|s)0*(\d+)", plain)
    if level:
        plain = {"th": "t", "d": "t"}.get(level[1], level[1]) + level[2]
    return _NUMBERS.get(plain)


def spineOrder(value):
    """Return what label values are sorted by so that they go down the spine, others last."""
    return (_DOWNWARDS.index(value), 0) if value in _DOWNWARDS else (len(_DOWNWARDS), value)


def displayName(value, names=None):
    """Return what to call a label value; `names` (name to value) has the names that are no vertebra's."""
    for name, named in (names or {}).items():
        if named == int(value) and named >= FIRST_OTHER:
            return name
    return SPINE_NAMES.get(int(value), str(int(value)))
