"""Masks that are made wider, beside scipy's filters."""

import numpy as np
import pytest
from LongitudinalRegistrationLib.changes.bone import filled
from LongitudinalRegistrationLib.changes.masks import grown, near, reach_of
from scipy.ndimage import (
    binary_dilation,
    binary_erosion,
    binary_fill_holes,
    generate_binary_structure,
    maximum_filter,
)

SPACING = (2.5, 1.5, 1.5)


@pytest.fixture
def mask():
    return np.random.default_rng(5).random((9, 23, 31)) < 0.02


@pytest.mark.parametrize("in_slice", [False, True])
@pytest.mark.parametrize("radius_mm", [0.5, 3.0, 20.0])
def test_what_is_near_is_what_the_largest_value_in_a_box_says(mask, radius_mm, in_slice):
    sides = [2 * each + 1 for each in reach_of(radius_mm, SPACING, in_slice)]
    assert sides[0] == 1 if in_slice else sides[0] > 1
    np.testing.assert_array_equal(near(mask, radius_mm, SPACING, in_slice), maximum_filter(mask, sides))


@pytest.mark.parametrize("times", [0, 1, 3])
def test_neighbours_grow_as_a_dilation_by_a_cross(mask, times):
    expected = binary_dilation(mask, iterations=times) if times else mask
    np.testing.assert_array_equal(grown(mask, times), expected)
    cross = generate_binary_structure(2, 1)
    in_slices = [binary_dilation(each, cross, times) if times else each for each in mask]
    np.testing.assert_array_equal(grown(mask, times, (1, 2)), in_slices)


def test_filling_closes_gaps_and_holes_slice_by_slice():
    mask, cross = np.random.default_rng(5).random((6, 40, 50)) < 0.12, generate_binary_structure(2, 1)
    mask[2] = False
    expected = mask.copy()
    for each in expected:
        wide = binary_fill_holes(binary_dilation(np.pad(each, 3), cross, 3))
        each |= binary_erosion(wide, cross, 3)[3:-3, 3:-3]
    found = filled(mask, (2.5, 4 / 3, 4 / 3))
    assert found.sum() > 1.5 * mask.sum() and not found[2].any()
    np.testing.assert_array_equal(found, expected)
