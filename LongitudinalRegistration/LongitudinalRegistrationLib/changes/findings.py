"""Connected changes as a list: where, how large, how sure."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import find_objects, label
from TableRemovalLib.errors import InputError

from .change_map import ChangeMap
from .options import FindingOptions

DENSER, LIGHTER = "denser", "lighter"
LEFT, RIGHT, MIDDLE = "left", "right", "middle"


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
        Largest of its voxels, in standard deviations; 0 or more. Findings are sorted by confidence, then by it.
    diameter_before_mm, diameter_after_mm
        Longest diameter in a slice of what stands out there on each scan; 0 where nothing does.
    volume_change
        Mean of the Jacobian determinant: above 1 the registration has stretched the place.
    confidence
        How sure, 0 to 1: of significance, size and the map's trust.
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
    labels: sitk.Image | None = None,
    parts: sitk.Image | None = None,
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
    labels
        Vertebrae of the baseline (VerSe numbers), any grid. None: places have no names of vertebrae.
    parts
        Their parts, 1 is the body, 2 the processes, any grid. None: where labels are there, from the vertebra's shape.

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
    ok, reason = options.isValid()
    if not ok:
        raise InputError(reason)
    change, significance = (sitk.GetArrayViewFromImage(each) for each in (found.change_hu, found.significance))
    numbers = np.zeros(change.shape, np.int32)
    for sign in (1, -1):
        strong = (sign * significance >= options.threshold) & (sign * change >= options.change_hu)
        part, count = label(strong)
        numbers[strong] = part[strong] + numbers.max()
    voxel_ml = float(np.prod(found.region.GetSpacing())) / 1000
    listed = []
    for number, box in enumerate(find_objects(numbers), start=1):
        voxels = np.argwhere(numbers[box] == number) + [side.start for side in box]
        if len(voxels) * voxel_ml < options.volume_ml:
            continue
        values, levels = change[tuple(voxels.T)], np.abs(significance[tuple(voxels.T)])
        centre = found.region.TransformContinuousIndexToPhysicalPoint(voxels.mean(axis=0)[::-1].tolist())
        side = LEFT if centre[0] > 0 else RIGHT
        listed.append(
            (
                voxels,
                Finding(
                    number=0,
                    kind=DENSER if values.mean() > 0 else LIGHTER,
                    place=f"bone, {side}",
                    side=side,
                    vertebra=None,
                    position=centre,
                    position_followup=transform.TransformPoint(centre),
                    volume_ml=len(voxels) * voxel_ml,
                    mean_change_hu=float(values.mean()),
                    largest_change_hu=float(values[np.argmax(np.abs(values))]),
                    contrast_to_noise=float(abs(values.mean()) / found.noise_hu),
                    significance=float(levels.max()),
                    diameter_before_mm=0.0,
                    diameter_after_mm=0.0,
                    volume_change=1.0,
                    confidence=float(min(levels.max() / 20, 1.0)),
                ),
            )
        )
    listed.sort(key=lambda pair: (-pair[1].confidence, -pair[1].significance))
    out = np.zeros(change.shape, np.uint16)
    for number, (voxels, _) in enumerate(listed[: options.most], start=1):
        out[tuple(voxels.T)] = number
    image = sitk.GetImageFromArray(out)
    image.CopyInformation(found.region)
    surest = enumerate(listed[: options.most], start=1)
    return Findings(tuple(replace(finding, number=number) for number, (_, finding) in surest), image)
