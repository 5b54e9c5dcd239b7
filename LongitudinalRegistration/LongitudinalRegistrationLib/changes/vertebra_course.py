"""Vertebrae over several time points: density, volume and height on each scan, each against the baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from TableRemovalLib.errors import InputError

from .content import LOSS, REGIONS

PLACES = ("front_mm", "middle_mm", "back_mm")
UNKNOWN = math.nan


@dataclass(frozen=True)
class RegionState:
    """A vertebra, its body or its processes on one scan; changes are from the baseline. NaN: not known."""

    mean_hu: float = UNKNOWN
    change_hu: float = UNKNOWN
    volume_ml: float = UNKNOWN
    volume_change_percent: float = UNKNOWN


@dataclass(frozen=True)
class VertebraState:
    """A vertebra on one scan; NaN: not known.

    Attributes
    ----------
    label, name
        VerSe number, and what it is called.
    point
        Which of the course's time points; 0 is the baseline.
    whole, body, processes
        Density and volume; of the baseline without changes.
    front_mm, middle_mm, back_mm
        Heights of its body.
    compression_percent, compression_error_percent
        Loss of height since the baseline, and what voxels can feign of it: see vertebra_changes.VertebraChange.
    """

    label: int
    name: str
    point: int
    whole: RegionState
    body: RegionState
    processes: RegionState
    front_mm: float
    middle_mm: float
    back_mm: float
    compression_percent: float = UNKNOWN
    compression_error_percent: float = UNKNOWN

    @property
    def loss_percent(self) -> float:
        """Loss of height; 0 where it is within its measuring error."""
        return 0.0 if self.compression_percent <= self.compression_error_percent else self.compression_percent


@dataclass(frozen=True)
class VertebraCourse:
    """Vertebrae over time.

    Attributes
    ----------
    time_points
        What each is called, the baseline first.
    states
        Vertebra by vertebra down the spine, of each its time points in order; those of scans that do not show it, too.
    """

    time_points: tuple[str, ...]
    states: tuple[VertebraState, ...]


def vertebra_course(time_points: Sequence[str], changes: Sequence[Sequence[Mapping[str, Any]]]) -> VertebraCourse:
    """Follow vertebrae over time.

    Parameters
    ----------
    time_points
        What each is called, the baseline first.
    changes
        What has changed from the baseline to each follow-up, as "vertebrae" of content.changes_content: empty where a
        follow-up's were not compared.

    Returns
    -------
    VertebraCourse
        Changes are those of each follow-up's own comparison; the baseline's figures those of the first comparison that
        has the vertebra.

    Raises
    ------
    InputError
        If there is not one time point more than there are follow-ups.
    """
    if len(time_points) != len(changes) + 1:
        raise InputError(
            f"{len(time_points)} time points for {len(changes)} follow-ups: name the baseline and each of them."
        )
    by_label = [{entry["label"]: entry for entry in vertebrae} for vertebrae in changes]
    states = []
    for label in sorted({label for found in by_label for label in found}):
        first = next(found[label] for found in by_label if label in found)
        states.append(_state(first, 0))
        for point, found in enumerate(by_label, start=1):
            states.append(_state(found[label], point) if label in found else _unseen(first, point))
    return VertebraCourse(tuple(time_points), tuple(states))


def _state(entry: Mapping[str, Any], point: int) -> VertebraState:
    """The baseline's side of a vertebra's change (point 0), or the follow-up's."""
    side = "after" if point else "before"
    whole, body, processes = (_region(entry[name], side) for name in REGIONS)
    front, middle, back = (_known(entry[f"heights_{side}"][name]) for name in PLACES)
    lost, error = (_known(entry[name]) if point else UNKNOWN for name in LOSS)
    return VertebraState(entry["label"], entry["name"], point, whole, body, processes, front, middle, back, lost, error)


def _unseen(entry: Mapping[str, Any], point: int) -> VertebraState:
    nothing = RegionState()
    return VertebraState(entry["label"], entry["name"], point, nothing, nothing, nothing, UNKNOWN, UNKNOWN, UNKNOWN)


def _region(entry: Mapping[str, Any], side: str) -> RegionState:
    density, volume = _known(entry[f"mean_{side}_hu"]), _known(entry[f"volume_{side}_ml"])
    if side == "before":
        return RegionState(density, volume_ml=volume)
    return RegionState(density, _known(entry["change_hu"]), volume, _known(entry["volume_change_percent"]))


def _known(value: float | None) -> float:
    return UNKNOWN if value is None else float(value)


def course_rows(course: VertebraCourse, dates: Sequence[str], days: Sequence[int] | None) -> list[dict[str, Any]]:
    """Make the rows of a table of a course: a row a vertebra and time point.

    Parameters
    ----------
    course
        Vertebrae over time.
    dates
        Of each time point; "" where it is not known.
    days
        From the baseline to each time point; None: not known.

    Returns
    -------
    list of dict
        Column to value, such as body_change_hu and front_mm; None where it is not known.
    """
    return [
        {
            "label": state.label,
            "name": state.name,
            "time_point": course.time_points[state.point],
            "date": dates[state.point],
            "days": days[state.point] if days is not None else None,
            **{
                f"{region}_{figure}": _told(value)
                for region in REGIONS
                for figure, value in vars(getattr(state, region)).items()
            },
            **{name: _told(getattr(state, name)) for name in (*PLACES, *LOSS)},
        }
        for state in course.states
    ]


def _told(value: float) -> float | None:
    return None if math.isnan(value) else value
