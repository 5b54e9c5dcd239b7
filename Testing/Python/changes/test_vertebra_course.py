"""Vertebrae over three time points whose density and height are known."""

import math

import pytest
from block_spine import HEIGHT, IDENTITY, spine
from LongitudinalRegistrationLib.changes.vertebra_changes import vertebra_changes
from LongitudinalRegistrationLib.changes.vertebra_course import course_rows, vertebra_course
from LongitudinalRegistrationLib.system.files import without_nan
from TableRemovalLib.errors import InputError

FRONTS, BODIES_HU, PROCESSES_HU = (HEIGHT, 18.0, 12.0), (200, 230, 290), (300, 280, 300)
NAMES = ("2025-01-03", "2025-04-10", "2025-08-01")


@pytest.fixture(scope="module")
def contents():
    """What has changed in L1 to L3 at two follow-ups, the middle one's front lower each time, as a file has it."""
    from dataclasses import asdict

    scans = [spine(front, hu=hu) for front, *hu in zip(FRONTS, BODIES_HU, PROCESSES_HU, strict=True)]
    fixed, labels, parts = scans[0]
    return [
        [
            without_nan(asdict(each))
            for each in vertebra_changes(fixed, moving, IDENTITY, labels, moving_labels, parts, moving_parts)
        ]
        for moving, moving_labels, moving_parts in scans[1:]
    ]


def test_each_time_point_has_density_volume_and_height_and_its_change_from_the_baseline(contents):
    course = vertebra_course(NAMES, contents)
    assert [(state.name, state.point) for state in course.states] == [
        (name, point) for name in ("L1", "L2", "L3") for point in range(3)
    ]
    first, second, third = (state for state in course.states if state.name == "L2")
    for state, body, processes in zip((first, second, third), BODIES_HU, PROCESSES_HU, strict=True):
        assert (state.body.mean_hu, state.processes.mean_hu) == (body, processes)
    assert math.isnan(first.body.change_hu) and math.isnan(first.compression_percent)
    assert (second.body.change_hu, third.body.change_hu, second.processes.change_hu) == (30, 90, -20)
    # A front of 18 and 12 of 24 mm takes an eighth and a quarter of the body, nothing of the processes.
    assert second.body.volume_change_percent == pytest.approx(-12.5, abs=3)
    assert third.body.volume_change_percent == pytest.approx(-25, abs=3)
    assert third.processes.volume_change_percent == 0
    # Measured at 8 to 25 % of the depth: see test_a_wedge_has_lost_its_front.
    assert [state.front_mm for state in (first, second, third)] == pytest.approx([24, 19, 14], abs=1.2)
    assert [state.back_mm for state in (first, third)] == pytest.approx([24, 22], abs=1.2)
    assert [state.loss_percent for state in (second, third)] == pytest.approx([21, 42], abs=6)


def test_a_vertebra_that_has_lost_nothing_beyond_its_error_has_lost_nothing(contents):
    of_third = [state for state in vertebra_course(NAMES, contents).states if state.name == "L3"]
    assert [state.loss_percent for state in of_third[1:]] == [0.0, 0.0] and math.isnan(of_third[0].loss_percent)


def test_a_vertebra_that_a_follow_up_does_not_show_has_no_figures_there(contents):
    course = vertebra_course(NAMES, [contents[0][:1], contents[1]])
    middle = [state for state in course.states if state.name == "L2"]
    assert math.isnan(middle[1].whole.mean_hu) and middle[1].point == 1
    assert middle[0].body.mean_hu == 200 and middle[2].body.change_hu == 90


def test_the_table_has_dates_days_and_no_figure_where_it_is_not_known(contents):
    rows = course_rows(vertebra_course(NAMES, contents), NAMES, (0, 97, 210))
    row = next(row for row in rows if (row["name"], row["time_point"]) == ("L2", NAMES[2]))
    assert (row["date"], row["days"], row["body_change_hu"], row["processes_mean_hu"]) == (NAMES[2], 210, 90, 300)
    assert (
        rows[0]["body_change_hu"] is None
        and course_rows(vertebra_course(NAMES, contents), NAMES, None)[0]["days"] is None
    )


def test_time_points_that_do_not_fit_are_a_sentence(contents):
    with pytest.raises(InputError, match="2 time points for 2 follow-ups"):
        vertebra_course(NAMES[:2], contents)
