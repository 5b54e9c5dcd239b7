"""DSC of every label before and after a registration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..grid import resample
from ..labels import label_name
from .metrics import dice_per_label


@dataclass(frozen=True)
class LabelScore:
    """One label: in which scans it is, and its DSC on the fixed grid at each step; NaN where a scan lacks it."""

    label: int
    name: str
    in_fixed: bool
    in_moving: bool
    dsc: dict[str, float]


def score_labels(
    fixed_labels: sitk.Image | None,
    moving_labels: sitk.Image | None,
    steps: dict[str, sitk.Transform | None],
) -> tuple[LabelScore, ...]:
    """Score all labels of both scans; a label missing from one scan is listed, with NaN.

    Parameters
    ----------
    fixed_labels, moving_labels
        Label volumes; where either is None there is nothing to score.
    steps
        Name to transform (fixed points to moving points, LPS mm; None: the scans as they came).
    """
    if fixed_labels is None or moving_labels is None:
        return ()
    fixed = sitk.GetArrayFromImage(fixed_labels)
    present = [set(np.unique(fixed).tolist()) - {0}]
    present.append(set(np.unique(sitk.GetArrayViewFromImage(moving_labels)).tolist()) - {0})
    common, every = present[0] & present[1], sorted(present[0] | present[1])
    scores = {
        name: dice_per_label(
            fixed, sitk.GetArrayFromImage(resample(moving_labels, fixed_labels, step, labels=True)), common
        )
        for name, step in steps.items()
    }
    return tuple(
        LabelScore(
            int(label),
            label_name(label),
            label in present[0],
            label in present[1],
            {name: scores[name].get(label, float("nan")) for name in steps},
        )
        for label in every
    )
