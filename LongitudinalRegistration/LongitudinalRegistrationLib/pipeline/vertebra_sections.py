"""Vertebrae over time as sections of a document: density; volume and height."""

from __future__ import annotations

import math

from ..changes.content import REGIONS
from ..changes.vertebra_course import VertebraCourse, VertebraState
from ..report.cells import UNKNOWN, number_cell
from ..report.document import Section

OF_REGIONS = ("all", "body", "processes")
CHANGES_ARE = "Changes are from the baseline."
NOT_SIGNIFICANT = (
    "n. s.: no significant loss of height; in brackets the loss in percent that the size of voxels can feign. "
    "How well the labels fit is not in it."
)


def vertebra_sections(course: VertebraCourse) -> tuple[Section, ...]:
    """Put vertebrae over time into sections of a document.

    Parameters
    ----------
    course
        Of two time points or more.

    Returns
    -------
    tuple of Section
        Density; volume and height: a row a vertebra and time point. Empty without vertebrae.
    """
    return (_density(course), _size(course)) if course.states else ()


def _density(course: VertebraCourse) -> Section:
    header = "Vertebra", "Time point", *_titled("Mean HU"), *_titled("Change (HU)")
    rows = tuple(
        (
            state.name,
            course.time_points[state.point],
            *(number_cell(region.mean_hu) for region in _regions(state)),
            *(_change(state, region.change_hu) for region in _regions(state)),
        )
        for state in course.states
    )
    return Section("Vertebrae: density", (CHANGES_ARE,), header, rows)


def _size(course: VertebraCourse) -> Section:
    heights = "Front (mm)", "Middle (mm)", "Back (mm)", "Loss of height (%)"
    header = "Vertebra", "Time point", "Volume (ml)", *_titled("Volume change (%)"), *heights
    rows = tuple(
        (
            state.name,
            course.time_points[state.point],
            number_cell(state.whole.volume_ml, 1),
            *(_change(state, region.volume_change_percent) for region in _regions(state)),
            *(number_cell(height, 1) for height in (state.front_mm, state.middle_mm, state.back_mm)),
            _loss(state),
        )
        for state in course.states
    )
    return Section("Vertebrae: volume and height of the body", (f"{CHANGES_ARE} {NOT_SIGNIFICANT}",), header, rows)


def _titled(title: str) -> tuple[str, ...]:
    return tuple(f"{title}, {region}" if number == 0 else region for number, region in enumerate(OF_REGIONS))


def _regions(state: VertebraState) -> tuple:
    return tuple(getattr(state, name) for name in REGIONS)


def _change(state: VertebraState, value: float) -> str:
    """Words for a change; the baseline has none."""
    return number_cell(value, signed=True) if state.point else ""


def _loss(state: VertebraState) -> str:
    """Words for a loss of height; what is within its error is told as that."""
    lost, error = state.compression_percent, state.compression_error_percent
    if not state.point:
        return ""
    if math.isnan(lost) or math.isnan(error):
        return UNKNOWN
    return f"{lost:.0f}" if lost > error else f"n. s. ({error:.0f})"
