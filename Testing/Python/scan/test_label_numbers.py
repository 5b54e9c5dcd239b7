"""Label values of any size: scored, warped and counted as small ones are, and kept as they were."""

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.evaluation.metrics import dice_per_label
from LongitudinalRegistrationLib.evaluation.scores import score_labels
from LongitudinalRegistrationLib.field.warp import warp_image
from LongitudinalRegistrationLib.report.content import LABEL_FIGURES

LARGE = (300_000_000, 2**31 + 5, 2**40 + 7, 2**63 + 9)


def blocks(values, dtype, shift=0):
    array = np.zeros((20, 24, 28), dtype)
    for place, value in enumerate(values):
        array[4 * place + 1 : 4 * place + 4, 6:18, 6 + shift : 18 + shift] = value
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.5, 2.0, 3.0))
    return image


@pytest.mark.parametrize("dtype", [np.uint64, np.int64, np.uint32, np.int32])
def test_large_labels_are_scored_as_small_ones(dtype):
    values = [20, *(value for value in LARGE if value <= np.iinfo(dtype).max)]
    small = score_labels(
        blocks(range(1, len(values) + 1), np.uint8), blocks(range(1, len(values) + 1), np.uint8, 3), STEPS
    )
    large = score_labels(blocks(values, dtype), blocks(values, dtype, 3), STEPS)
    assert [score.label for score in large] == values
    assert [score.name for score in large] == ["L1", *map(str, values[1:])]
    for one, other in zip(small, large, strict=True):
        for figure in LABEL_FIGURES:
            assert getattr(other, figure) == pytest.approx(getattr(one, figure), nan_ok=True)
        assert other.dsc["before"] == pytest.approx(9 / 12) and other.dsc["after"] == 1
        assert other.lies_on["after"] == (other.label, 1.0)


STEPS = {"before": None, "after": sitk.TranslationTransform(3, (4.5, 0.0, 0.0))}


def test_dice_of_large_labels():
    first, second = np.array([[[0, LARGE[2], LARGE[2], 7]]]), np.array([[[0, LARGE[2], 0, LARGE[0]]]])
    assert dice_per_label(first, second) == {7: 0.0, LARGE[0]: 0.0, LARGE[2]: pytest.approx(2 / 3)}
    assert np.isnan(dice_per_label(first, second, [9])[9])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint64])
def test_labels_that_are_warped_keep_their_values_and_type(dtype):
    """To the last bit: a value that went through a float would come out rounded."""
    values = [1, np.iinfo(dtype).max, np.iinfo(dtype).max - 1]
    labels = blocks(values, dtype)
    still = sitk.Image([4, 4, 4], sitk.sitkVectorFloat64, 3)
    still.SetSpacing([40.0] * 3)
    warped = warp_image(labels, labels, STEPS["after"], still, labels=True)
    assert warped.GetPixelID() == labels.GetPixelID()
    expected = sitk.GetArrayFromImage(blocks(values, dtype, -3))
    assert np.array_equal(sitk.GetArrayFromImage(warped), expected)
