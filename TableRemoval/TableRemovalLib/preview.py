"""The mask of one slice, at once, while a slider moves.

What a slice shows, in this order:

1. a mask drawn by hand for this slice;
2. where the slice has a seed, seed size or threshold of its own: region growing (eq. 1) in this slice;
3. the result of the last pass over the whole scan, where it was made with the present options;
4. otherwise, until the next pass has run: for `paper` its region growing in this slice; for `robust` the solid parts
   of this slice as that method makes them, of which those are kept that the last pass kept (a third of their area),
   or that hold the seed, or, where there was no pass yet, the largest.

Then the slice's clicks are applied.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from TableRemovalLib.borders import Borders, Tissue, tissue_of
from TableRemovalLib.components import apply_clicks
from TableRemovalLib.edit_state import EditState
from TableRemovalLib.options import TableRemovalOptions
from TableRemovalLib.overrides import SliceOverride, unpack_mask
from TableRemovalLib.paper import paper_slice
from TableRemovalLib.region_growing import seed_square
from TableRemovalLib.region_kernels import label_slice
from TableRemovalLib.robust import LEAST_REGION_MM2, SliceMaker

KEPT_BEFORE_SHARE = 1 / 3


@dataclass(frozen=True)
class WholeScan:
    """The last pass over the whole scan.

    base: a function of the slice index k that returns the mask (uint8 0/1 [j, i]) without overrides. options: those
    it was made with. sheets: uint8 [j, i], where the table's sheets lie.
    """

    base: Callable[[int], np.ndarray]
    options: TableRemovalOptions
    sheets: np.ndarray


@dataclass(frozen=True)
class SliceMask:
    """mask: uint8 0/1 [j, i]. threshold: T_G used, None where the whole-scan pass decided. flags: of the growing."""

    mask: np.ndarray
    threshold: float | None = None
    flags: tuple[str, ...] = ()


def grown_by_hand(image: np.ndarray, own: SliceOverride, options: TableRemovalOptions) -> SliceMask | None:
    """Make a slice's mask by its own override, clicks not yet applied.

    Parameters
    ----------
    image
        A slice in HU, int16 or float32 [j, i].
    own
        The slice's override.
    options
        Those that hold in this slice.

    Returns
    -------
    SliceMask or None
        None where it has none.
    """
    if own.mask is not None:
        return SliceMask(unpack_mask(own.mask, image.shape))
    if own.grows:
        return SliceMask(*paper_slice(image, options))
    return None


class SlicePreview:
    """Makes single slices' masks of one scan, a [k, j, i] array in HU (see `ct_view`)."""

    def __init__(self, array: np.ndarray, spacing_mm: tuple[float, float, float]) -> None:
        self._array = array
        self._maker = SliceMaker(array.shape[1:], spacing_mm)
        self._least_area = LEAST_REGION_MM2 / (spacing_mm[0] * spacing_mm[1])
        self._nothing_blocked = np.zeros(array.shape[1:], dtype=np.uint8)
        self._numbers: np.ndarray = np.empty(array.shape[1:], dtype=np.uint8)
        self._tissue: Tissue | None = None

    def slice_mask(self, k: int, state: EditState, whole: WholeScan | None = None) -> SliceMask:
        """Return the mask of slice k under `state`: see the top of this file. The mask may be the caller's own base."""
        image, own = self._array[k], state.overrides.at(k)
        found = grown_by_hand(image, own, state.slice_options(k)) or self._without_override(k, state.options, whole)
        if not own.clicks:
            return found
        return SliceMask(apply_clicks(image, found.mask, own.clicks), found.threshold, found.flags)

    def _without_override(self, k: int, options: TableRemovalOptions, whole: WholeScan | None) -> SliceMask:
        if whole is not None and same_mask(whole.options, options):
            return SliceMask(whole.base(k))
        if options.method == "paper":
            return SliceMask(*paper_slice(self._array[k], options))
        return SliceMask(self._robust(k, options, whole))

    def _robust(self, k: int, options: TableRemovalOptions, whole: WholeScan | None) -> np.ndarray:
        blocked = self._nothing_blocked if whole is None else whole.sheets
        solid = self._maker.solid(self._array[k], blocked, self._borders(options.threshold))
        count = label_slice(solid, self._least_area, self._numbers)
        keep = np.zeros(256, dtype=np.uint8)
        keep[1 : count + 1] = self._kept(k, count, options, whole)
        return keep[self._numbers]

    def _kept(self, k: int, count: int, options: TableRemovalOptions, whole: WholeScan | None) -> np.ndarray:
        areas = np.bincount(self._numbers.ravel(), minlength=count + 1)[1:]
        if whole is not None:
            before = np.bincount(self._numbers.ravel(), whole.base(k).ravel(), count + 1)[1:]
            keep = before >= KEPT_BEFORE_SHARE * areas
        else:
            keep = areas == areas.max(initial=0)
        if options.seed_ij is not None:
            rows, columns = self._numbers.shape
            top, stop, left, right = seed_square(rows, columns, options.seed_ij, options.seed_size)
            inside = np.bincount(self._numbers[top:stop, left:right].ravel(), minlength=count + 1)[1:]
            keep |= (inside > 0) & (inside == inside.max(initial=0))
        return keep

    def _borders(self, threshold: float | None) -> Borders:
        if self._tissue is None:
            self._tissue = tissue_of(self._array)
        return self._tissue.borders(threshold)


def same_mask(first: TableRemovalOptions, second: TableRemovalOptions) -> bool:
    """Whether two options make the same mask: the value that fills the rest does not matter, nor, with the seed
    automatic, its size under `robust`."""
    return _deciding(first) == _deciding(second)


def _deciding(options: TableRemovalOptions) -> tuple:
    if options.method == "robust" and options.seed_ij is None:
        return (options.method, options.threshold)
    return (options.method, options.threshold, options.seed_ij, options.seed_size, options.min_area_pixels)


def ct_view(array: np.ndarray) -> np.ndarray:
    """View voxels in a type that the kernels take, without a copy where they are that already.

    Parameters
    ----------
    array
        Volume in HU, any numeric type [k, j, i].

    Returns
    -------
    np.ndarray
        Read-only, contiguous, int16 or float32.
    """
    if array.dtype.kind == "f":
        array = np.ascontiguousarray(array, dtype=np.float32)
    elif array.dtype != np.int16:
        array = np.clip(array, -32768, 32767).astype(np.int16)
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
