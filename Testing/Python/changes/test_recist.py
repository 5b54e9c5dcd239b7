"""RECIST 1.1 on sums that are known by hand."""

import math

import pytest
from LongitudinalRegistrationLib.changes.recist import CR, NE, PD, PR, SD, Target, course_of
from TableRemovalLib.errors import InputError

TIMES = ("baseline", "first", "second", "third")


def categories(*targets, times=TIMES):
    return [point.category for point in course_of(targets, times).points]


def test_sums_percent_and_nadir_of_two_lesions():
    course = course_of([Target("liver", (60.0, 40.0, 30.0, 50.0)), Target("L3", (40.0, 30.0, 30.0, 30.0))], TIMES)
    assert [point.sum_mm for point in course.points] == [100.0, 70.0, 60.0, 80.0]
    assert [point.nadir_mm for point in course.points] == [100.0, 100.0, 70.0, 60.0]
    assert [point.from_baseline_percent for point in course.points] == pytest.approx([0, -30, -40, -20])
    assert [point.from_nadir_percent for point in course.points] == pytest.approx([0, -30, -100 / 7, 100 / 3])
    assert [point.category for point in course.points] == ["", PR, PR, PD]


def test_a_growth_of_a_fifth_needs_five_millimetres_too():
    assert categories(Target("small", (20.0, 24.9)), times=TIMES[:2]) == ["", SD]
    assert categories(Target("small", (20.0, 25.0)), times=TIMES[:2]) == ["", PD]
    assert categories(Target("large", (100.0, 119.0)), times=TIMES[:2]) == ["", SD]


def test_a_sum_at_the_limit_counts_though_its_diameters_are_no_binary_fractions():
    assert 9.5 + 9.9 - (7.0 + 7.4) < 5.0 and 100.0 * (7.07 - 10.1) / 10.1 > -30.0
    lesions = Target("one", (20.0, 7.0, 9.5)), Target("two", (20.0, 7.4, 9.9))
    assert categories(*lesions, times=TIMES[:3]) == ["", PR, PD]
    assert categories(Target("one", (10.1, 7.07)), times=TIMES[:2]) == ["", PR]


def test_progression_is_from_the_nadir_not_from_the_baseline():
    assert categories(Target("one", (50.0, 20.0, 26.0)), times=TIMES[:3]) == ["", PR, PD]


def test_complete_response_asks_nodes_only_to_be_small():
    lesions = Target("liver", (30.0, 0.0)), Target("node", (20.0, 9.0), node=True)
    assert categories(*lesions, times=TIMES[:2]) == ["", CR]
    assert categories(lesions[0], Target("node", (20.0, 10.0), node=True), times=TIMES[:2]) == ["", PR]


def test_what_was_gone_and_is_back_is_progression():
    assert categories(Target("one", (30.0, 0.0, 3.0)), times=TIMES[:3]) == ["", CR, PD]


def test_a_lesion_that_was_not_measured():
    lesions = Target("one", (30.0, math.nan)), Target("two", (20.0, 20.0))
    assert categories(*lesions, times=TIMES[:2]) == ["", NE]
    grown = Target("one", (30.0, math.nan)), Target("two", (20.0, 60.0))
    assert categories(*grown, times=TIMES[:2]) == ["", PD]


def test_a_choice_of_targets_that_recist_does_not_take_is_said():
    many = [Target(f"lesion {n}", (20.0,), organ="liver") for n in range(6)]
    words = " ".join(course_of(many, ("baseline",)).warnings)
    assert "at most 5 target lesions" in words and "liver has 6" in words
    assert "smaller than the 15 mm" in course_of([Target("node", (12.0,), node=True)], ("baseline",)).warnings[0]


@pytest.mark.parametrize(
    ("targets", "words"),
    [([], "at least one"), ([Target("a", (1.0,))], "1 diameters for 4"), ([Target("a", (1, 2, 3, -4))], "negative")],
)
def test_bad_input_is_a_sentence(targets, words):
    with pytest.raises(InputError, match=words):
        course_of(targets, TIMES)
