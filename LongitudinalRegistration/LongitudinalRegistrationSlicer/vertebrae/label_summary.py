"""What is in a label map, found in one pass over its voxels and kept as long as they stay as they are."""

import collections
import dataclasses

import numpy as np
import slicer

MOST_KEPT = 8
_kept = collections.OrderedDict()


@dataclasses.dataclass(frozen=True)
class LabelSummary:
    """counts: voxels by label value; centres: each value's mean index (i, j, k); box: slices [k, j, i] around all
    labels, of one voxel where there is none."""

    counts: dict
    centres: dict
    box: tuple


def summaryOf(labelMap):
    """Return the LabelSummary of a label map node that has voxels."""
    image = labelMap.GetImageData()
    key = image.GetAddressAsString(""), image.GetMTime()
    if key not in _kept:
        _kept[key] = summarised(slicer.util.arrayFromVolume(labelMap))
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return _kept[key]


def summarised(array):
    """Return the LabelSummary of label values [k, j, i], none of them negative."""
    counts, sums = {}, {}
    low, high = np.full(3, np.iinfo(int).max), np.full(3, -1)
    for k, cut in enumerate(array):
        rows = np.flatnonzero(cut.any(axis=1))
        if not len(rows):
            continue
        j, i = np.nonzero(cut[rows[0] : rows[-1] + 1])
        j += rows[0]
        values, place, here = np.unique(cut[j, i], return_inverse=True, return_counts=True)
        centres = np.stack([np.bincount(place, axis) for axis in (i, j)] + [k * here], axis=1)
        for value, count, total in zip(values.tolist(), here.tolist(), centres, strict=True):
            counts[int(value)] = counts.get(int(value), 0) + count
            sums[int(value)] = sums.get(int(value), 0) + total
        low, high = np.minimum(low, (k, j[0], i.min())), np.maximum(high, (k, j[-1], i.max()))
    box = tuple(slice(int(a), int(b) + 1) for a, b in zip(low, high, strict=True)) if counts else (slice(0, 1),) * 3
    return LabelSummary(
        {value: counts[value] for value in sorted(counts)},
        {value: tuple(sums[value] / counts[value]) for value in sorted(counts)},
        box,
    )
