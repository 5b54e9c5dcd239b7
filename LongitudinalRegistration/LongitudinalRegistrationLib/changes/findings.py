"""Connected changes as a list: where, how large, how sure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import find_objects, label
from TableRemovalLib.errors import InputError

from .caution import CAUTIONS, PHASE
from .change_map import ChangeMap
from .extent import longest_diameters, place_of
from .options import LESS_WHERE_WIDE, WIDE, FindingOptions
from .places import Anatomy

DENSER, LIGHTER = "denser", "lighter"
CONNECTED = np.ones((3, 3, 3), bool)
SIZE_ML, MOST_WEIGHT, SURE, CAUTIOUS, FREE_ML = 0.5, 4.0, 6.0, 0.3, 0.2


@dataclass(frozen=True)
class Finding:
    """A connected change, before any reader has looked at it.

    Attributes
    ----------
    number
        1 is the surest; its value in the label map.
    kind
        "denser" or "lighter".
    place
        In words, such as "L3, body, left" or "bone, right".
    side
        The patient's "left" or "right", or "middle".
    vertebra
        Its label (VerSe number) where labels say, else None.
    position
        Its centre on the baseline, LPS mm.
    position_followup
        The same point on the follow-up, LPS mm.
    volume_ml
        On the baseline's scale.
    mean_change_hu, largest_change_hu
        Signed; without what contrast phase and kernel explain.
    contrast_to_noise
        Mean change over the noise of the change, without registration error; 0 or more.
    significance
        Largest of its voxels, in standard deviations; 0 or more.
    diameter_before_mm, diameter_after_mm
        Longest diameter in a slice of what stands out there on each scan; 0 where nothing does.
    volume_change
        Mean of the Jacobian determinant, volume in the follow-up over that in the baseline: above 1 the place has
        grown, or the registration errs.
    confidence
        How sure, 0 to 1: of significance, size, the map's trust and the caution.
    caution
        Why it may be no change of the patient's: see caution.CAUTIONS; else empty.
    """

    number: int
    kind: str
    place: str
    side: str
    vertebra: int | None
    position: tuple[float, float, float]
    position_followup: tuple[float, float, float]
    volume_ml: float
    mean_change_hu: float
    largest_change_hu: float
    contrast_to_noise: float
    significance: float
    diameter_before_mm: float
    diameter_after_mm: float
    volume_change: float
    confidence: float
    caution: str

    @property
    def title(self) -> str:
        """What it is called as long as no reader has named it."""
        return f"{self.place}, {self.kind}"


@dataclass(frozen=True)
class Findings:
    """The list, and where each is.

    Attributes
    ----------
    listed
        The surest first.
    labels
        uint16, on the change map's grid: the finding's number, 0 elsewhere.
    """

    listed: tuple[Finding, ...]
    labels: sitk.Image


def find_changes(
    found: ChangeMap,
    transform: sitk.Transform,
    options: FindingOptions | None = None,
    anatomy: Anatomy | None = None,
) -> Findings:
    """List the connected changes of a map; quick, so that a threshold can move live.

    Parameters
    ----------
    found
        As from change_map.
    transform
        Fixed points to moving points, LPS mm.
    options
        None: the defaults.
    anatomy
        Names places; made once for a map, from labels where there are any. None: places have no names of vertebrae.

    Returns
    -------
    Findings
        Sorted, the surest first.

    Raises
    ------
    InputError
        If the options are wrong.
    """
    options = options or FindingOptions()
    anatomy = anatomy or Anatomy(found.bone)
    arrays = _arrays(found)
    pieces = changed_places(found, options)
    surest = sorted(pieces, key=lambda voxels: -_confidence(voxels, arrays, found))[: options.most]
    listed = [(voxels, _finding(voxels, arrays, found, transform, anatomy, options.change_hu)) for voxels in surest]
    numbers = np.zeros(arrays["region"].shape, np.uint16)
    for number, (voxels, _) in enumerate(listed, start=1):
        numbers[tuple(voxels.T)] = number
    image = sitk.GetImageFromArray(numbers)
    image.CopyInformation(found.region)
    return Findings(tuple(replace(each, number=n) for n, (_, each) in enumerate(listed, start=1)), image)


def changed_places(found: ChangeMap, options: FindingOptions) -> Iterator[np.ndarray]:
    """Find the connected changes that are strong and large enough, apart from where bowel, blood and air are.

    Parameters
    ----------
    found
        As from change_map.
    options
        Of which all but `most` counts.

    Yields
    ------
    numpy.ndarray
        [n, (k, j, i)]: the voxels of one.

    Raises
    ------
    InputError
        If the options are wrong.
    """
    ok, reason = options.isValid()
    if not ok:
        raise InputError(reason)
    arrays = _arrays(found)
    least = options.volume_ml * 1000 / float(np.prod(found.region.GetSpacing()))
    change, significance, doubtful = arrays["change_hu"], arrays["significance"], arrays["caution"] > PHASE
    for sign, part in product((1, -1), (doubtful, ~doubtful)):
        level = sign * significance
        weak = (level >= options.threshold - LESS_WHERE_WIDE) & (sign * change >= options.change_hu) & part
        numbers, _ = label(weak, CONNECTED)
        for number, box in enumerate(find_objects(numbers), start=1):
            for piece in _sure(numbers[box] == number, level[box], options.threshold, least):
                yield np.argwhere(piece) + [side.start for side in box]


def _sure(own: np.ndarray, level: np.ndarray, threshold: float, least: float) -> list[np.ndarray]:
    """The pieces [k, j, i] of a connected weak change that are strong and have the least number of voxels; all of it
    where none is, but it is wide."""
    numbers, count = label(own & (level >= threshold), CONNECTED)
    sizes = np.bincount(numbers.ravel(), minlength=count + 1)
    strong = [numbers == number for number in range(1, count + 1) if sizes[number] >= least]
    return strong or ([own] if np.count_nonzero(own) >= WIDE * least else [])


def _arrays(found: ChangeMap) -> dict[str, np.ndarray]:
    names = ("change_hu", "significance", "baseline_hu", "followup_hu", "volume_change", "region", "caution")
    return {name: sitk.GetArrayViewFromImage(getattr(found, name)) for name in names}


def _finding(
    voxels: np.ndarray,
    arrays: dict[str, np.ndarray],
    found: ChangeMap,
    transform: sitk.Transform,
    anatomy: Anatomy,
    least_hu: float,
) -> Finding:
    """Measure one connected change; its number is not known yet."""
    index, spacing = tuple(voxels.T), found.region.GetSpacing()
    values, levels = arrays["change_hu"][index], np.abs(arrays["significance"][index])
    centre = found.region.TransformContinuousIndexToPhysicalPoint(voxels.mean(axis=0)[::-1].tolist())
    volume = len(voxels) * float(np.prod(spacing)) / 1000
    place = place_of(voxels, arrays["region"], arrays["change_hu"], least_hu, spacing[::-1])
    where = anatomy.where(voxels)
    scans = arrays["baseline_hu"], arrays["followup_hu"]
    before, after = longest_diameters(scans, place, found.region, transform)
    return Finding(
        number=0,
        kind=DENSER if values.mean() > 0 else LIGHTER,
        place=where.text,
        side=where.side,
        vertebra=where.vertebra,
        position=centre,
        position_followup=transform.TransformPoint(centre),
        volume_ml=volume,
        mean_change_hu=float(values.mean()),
        largest_change_hu=float(values[np.argmax(np.abs(values))]),
        contrast_to_noise=float(abs(values.mean()) / found.noise_hu),
        significance=float(levels.max()),
        diameter_before_mm=before,
        diameter_after_mm=after,
        volume_change=float(arrays["volume_change"][index].mean()),
        confidence=_confidence(voxels, arrays, found),
        caution=CAUTIONS[_caution(arrays["caution"][index], float(np.prod(spacing)) / 1000)],
    )


def _caution(values: np.ndarray, voxel_ml: float) -> int:
    """The caution of a finding; that of contrast phase does not hold where some of it is too dense for that."""
    caution = int(np.bincount(values).argmax())
    free = np.count_nonzero(values == 0) * voxel_ml
    return 0 if caution == PHASE and free >= FREE_ML else caution


def _confidence(voxels: np.ndarray, arrays: dict[str, np.ndarray], found: ChangeMap) -> float:
    """How sure a finding is, 0 to 1: half where its mean significance, weighed by its size, is SURE."""
    index = tuple(voxels.T)
    voxel_ml = float(np.prod(found.region.GetSpacing())) / 1000
    size = min(np.cbrt(len(voxels) * voxel_ml / SIZE_ML), MOST_WEIGHT)
    weighed = float(np.abs(arrays["significance"][index]).mean()) * size
    caution = CAUTIOUS if _caution(arrays["caution"][index], voxel_ml) else 1.0
    return float(found.trust * caution * weighed**2 / (weighed**2 + SURE**2))
