"""Labels of one scan that are numbered off those of the other: told as such, not as vertebrae that do not overlap."""

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.evaluation.label_shift import label_shift
from LongitudinalRegistrationLib.evaluation.scores import score_labels
from LongitudinalRegistrationLib.evaluation.verdict import verdict
from LongitudinalRegistrationLib.report.content import vertebrae_content
from LongitudinalRegistrationLib.scan.labels import T13, label_name


def spine(values):
    """A label volume with a block for each value, one below the other."""
    array = np.zeros((6 * len(values) + 4, 24, 24), np.uint8)
    for place, value in enumerate(reversed(values)):
        array[2 + 6 * place : 7 + 6 * place, 6:18, 6:18] = value
    return sitk.GetImageFromArray(array)


def vertebrae(fixed, moving):
    return vertebrae_content(score_labels(spine(fixed), spine(moving), {"before": None, "after": None}))


@pytest.mark.parametrize(
    "fixed, moving, levels, words",
    [
        ([17, 18, 19, 20, 21], [18, 19, 20, 21, 22], 1, "the follow-up's T11 lies on the baseline's T10"),
        ([20, 21, 22], [19, 20, 21], -1, "shifted by one level"),
        ([20, 21, 22, 23], [22, 23, 24, 25], 2, "shifted by 2 levels"),
        ([18, 19, 20, 21], [19, T13, 20, 21], None, ""),
        ([19, T13, 20], [T13, 20, 21], 1, "the follow-up's T13 lies on the baseline's T12"),
        ([18, 19, 20], [18, 19, 20], None, ""),
        ([5], [6], 1, "C6"),
        ([101, 102], [102, 103], None, ""),
    ],
)
def test_labels_numbered_one_level_off_are_told_as_such(fixed, moving, levels, words):
    rows = vertebrae(fixed, moving)
    found = label_shift(rows)
    assert (found and found.levels) == levels
    judged = verdict({"vertebrae": rows})
    text = " ".join(judged.reasons)
    assert ("look shifted" in text) == (levels is not None) and words in text
    assert levels is None or (judged.level == "poor" and "DSC below" not in text)


def test_what_verse_calls_28_is_the_thirteenth_thoracic_vertebra():
    assert [label_name(n) for n in (19, 28, 20, 26, 27, 29)] == ["T12", "T13", "L1", "sacrum", "coccyx", "29"]
