"""Label values of named segments, and names of label values (VerSe numbers)."""

from LongitudinalRegistrationLib.labels import VERSE_NAMES, label_name

FIRST_OTHER = 101


def labelValues(names):
    """Return a label value for each segment name: VerSe's for vertebrae, from 101 on for others, by name.

    'L1', 'l1', 'vertebrae_L1' and 'L1 vertebra' all mean L1. Both scans' names go in together, so that
    equal names get equal values.
    """
    known = {name.lower(): value for value, name in VERSE_NAMES.items()}
    others = sorted({name for name in names if _plain(name) not in known})
    return {name: known.get(_plain(name)) or FIRST_OTHER + others.index(name) for name in names}


def displayName(value, names=None):
    """Return what to call a label value; `names` (name to value) has the names that are no vertebra's."""
    for name, named in (names or {}).items():
        if named == int(value) and named >= FIRST_OTHER:
            return name
    return label_name(value)


def _plain(name):
    words = name.lower().replace("_", " ").replace("-", " ").split()
    return " ".join(word for word in words if word not in ("vertebra", "vertebrae"))
