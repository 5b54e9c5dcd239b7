"""What the user has decided for single slices of one scan, and how that is written down.

Immutable: every change returns a new value, which makes undo a matter of keeping the old one.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from TableRemovalLib.errors import InputError

VERSION = 1
KEEP, DROP = "keep", "drop"

Click = tuple[str, int, int]
"""KEEP or DROP, column i, row j."""


@dataclass(frozen=True)
class SliceOverride:
    """What replaces the whole-scan result in one slice; None and () leave it as it is.

    seed_ij: column and row of the seed square's centre. seed_size: its side in pixels. threshold: T_G in (0, 1].
    Where one of these is given the slice is grown anew by eq. 1. mask: a hand-drawn mask, see `pack_mask`; it stands
    in place of any of them. clicks: (KEEP or DROP, column, row), applied in order to what has been found so far.
    """

    seed_ij: tuple[int, int] | None = None
    seed_size: int | None = None
    threshold: float | None = None
    mask: str | None = None
    clicks: tuple[Click, ...] = ()

    @property
    def grows(self) -> bool:
        """Whether the slice is grown anew."""
        return self.mask is None and not (self.seed_ij is None and self.seed_size is None and self.threshold is None)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to replace."""
        return self == SliceOverride()


@dataclass(frozen=True)
class ScanOverrides:
    """The overrides of one scan. size: (columns, rows, slices) of that scan. slices: override by slice index k."""

    size: tuple[int, int, int]
    slices: Mapping[int, SliceOverride] = field(default_factory=dict)

    def at(self, k: int) -> SliceOverride:
        """Return the override of slice k; an empty one where there is none."""
        return self.slices.get(k, SliceOverride())

    def changed(self, indices: Iterable[int], **changes: Any) -> ScanOverrides:
        """Return a copy with fields of SliceOverride replaced in the slices `indices` (those inside the scan)."""
        slices = dict(self.slices)
        for k in indices:
            if 0 <= k < self.size[2]:
                slices[k] = replace(self.at(k), **changes)
        return self._with(slices)

    def clicked(self, indices: Iterable[int], kind: str, i: int, j: int) -> ScanOverrides:
        """Return a copy in which the component at column i, row j is kept or dropped in the slices `indices`."""
        slices = dict(self.slices)
        for k in indices:
            if 0 <= k < self.size[2]:
                slices[k] = replace(self.at(k), clicks=(*self.at(k).clicks, (kind, int(i), int(j))))
        return self._with(slices)

    def copied(self, k: int, reach: int) -> ScanOverrides:
        """Return a copy in which `reach` slices on either side of k have the override of k."""
        slices = dict(self.slices)
        for other in range(max(0, k - reach), min(self.size[2], k + reach + 1)):
            slices[other] = self.at(k)
        return self._with(slices)

    def cleared(self, indices: Iterable[int] | None = None) -> ScanOverrides:
        """Return a copy without the overrides of `indices`, or without any."""
        gone = set(self.slices) if indices is None else set(indices)
        return self._with({k: override for k, override in self.slices.items() if k not in gone})

    def to_json(self) -> str:
        """Return the overrides as one line of text."""
        slices = {
            str(k): {name: value for name, value in asdict(o).items() if value not in (None, ())}
            for k, o in sorted(self.slices.items())
        }
        return json.dumps({"version": VERSION, "size": list(self.size), "slices": slices}, separators=(",", ":"))

    def _with(self, slices: dict[int, SliceOverride]) -> ScanOverrides:
        return ScanOverrides(self.size, {k: o for k, o in slices.items() if not o.empty})


def overrides_from_json(text: str, size: tuple[int, int, int]) -> ScanOverrides:
    """Read what `to_json` wrote.

    Parameters
    ----------
    text
        Empty: no overrides.
    size
        Of the scan: columns, rows, slices.

    Returns
    -------
    ScanOverrides
        For a scan of that size.

    Raises
    ------
    InputError
        If the text is damaged, or the overrides belong to a scan of another size.
    """
    columns, rows, count = size
    size = (columns, rows, count)
    if not text:
        return ScanOverrides(size)
    try:
        record = json.loads(text)
        made_for = tuple(int(n) for n in record["size"])
        slices = {int(k): _slice_override(entry) for k, entry in record["slices"].items()}
        if record["version"] != VERSION:
            raise ValueError(f"version {record['version']}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"the slice overrides cannot be read ({error}): clear them and set them again") from error
    if made_for != size:
        raise InputError(
            f"the slice overrides belong to a scan of {_times(made_for)} voxels, this one has {_times(size)}: "
            "clear them, or choose the scan they were made for"
        )
    outside = [k for k in slices if not 0 <= k < size[2]]
    if outside:
        raise InputError(f"the slice overrides name slice {outside[0]}, which the scan does not have: clear them")
    return ScanOverrides(size, slices)


def pack_mask(mask: np.ndarray) -> str:
    """Write a slice's mask as text.

    Parameters
    ----------
    mask
        0/1 [j, i].

    Returns
    -------
    str
        What `unpack_mask` reads.
    """
    return base64.b64encode(zlib.compress(np.packbits(mask.astype(bool)).tobytes(), 9)).decode("ascii")


def unpack_mask(text: str, shape: tuple[int, int]) -> np.ndarray:
    """Read a slice's mask from text.

    Parameters
    ----------
    text
        As from `pack_mask`.
    shape
        Rows, columns.

    Returns
    -------
    np.ndarray
        uint8 0/1 [j, i].
    """
    bits = np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=np.uint8)
    return np.unpackbits(bits, count=shape[0] * shape[1]).reshape(shape)


def _slice_override(entry: dict) -> SliceOverride:
    seed = entry.get("seed_ij")
    return SliceOverride(
        seed_ij=None if seed is None else (int(seed[0]), int(seed[1])),
        seed_size=None if entry.get("seed_size") is None else int(entry["seed_size"]),
        threshold=None if entry.get("threshold") is None else float(entry["threshold"]),
        mask=entry.get("mask"),
        clicks=tuple((str(kind), int(i), int(j)) for kind, i, j in entry.get("clicks", ())),
    )


def _times(size: Iterable[int]) -> str:
    return " x ".join(str(n) for n in size)
