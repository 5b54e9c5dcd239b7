"""The follow-ups that `longct changes` compares with a baseline: files, and when each was scanned."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from TableRemovalLib.errors import InputError

from ..scan.dicom_series import choose_series
from ..scan.dicom_slices import find_slices, study_date
from ..scan.scan_dates import date_in, days_since_first
from ..scan.write import EXPECTED_ERROR

ONE_ONLY = ("moving_series", "moving_acquisition", "dicom_sr")
"""Arguments that speak of a single follow-up."""


@dataclass(frozen=True)
class FollowUp:
    """A follow-up.

    Attributes
    ----------
    image, labels, transform
        Its files; None: not given.
    date
        "2025-04-10"; "" where it is not known.
    """

    image: Path
    labels: Path | None
    transform: Path | None
    date: str

    @property
    def expected_error(self) -> Path | None:
        """The file beside the transform that says how far off that is; None: there is none."""
        path = self.transform.parent / EXPECTED_ERROR if self.transform is not None else None
        return path if path is not None and path.exists() else None


@dataclass(frozen=True)
class Visits:
    """A baseline's date and its follow-ups, by date where all of these have one, else as they were given."""

    baseline_date: str
    follow_ups: tuple[FollowUp, ...]

    @property
    def dates(self) -> tuple[str, ...]:
        """Of the baseline and of each follow-up; "" where it is not known."""
        return (self.baseline_date, *(each.date for each in self.follow_ups))

    @property
    def days(self) -> tuple[int, ...] | None:
        """From the baseline to each; None where a date is not known."""
        return days_since_first(self.dates)

    @property
    def names(self) -> tuple[str, ...]:
        """What each time point is called: its date where no other has it, else its place; never by a file's name."""
        places = ("Baseline", *(f"Follow-up {number}" for number in range(1, len(self.dates))))
        return tuple(
            date if date and self.dates.count(date) == 1 else place
            for date, place in zip(self.dates, places, strict=True)
        )


def visits_of(arguments: argparse.Namespace) -> Visits:
    """Put baseline and follow-ups of the arguments in order.

    Parameters
    ----------
    arguments
        Of `longct changes`: fixed, fixed_series, moving, moving_series, moving_labels, transform, dates.

    Returns
    -------
    Visits
        Dates as given, else as a DICOM series or a file's name says.

    Raises
    ------
    InputError
        If labels, transforms or dates are not as many as they should be, a file is there twice, or what goes with one
        follow-up alone is given with several.
    """
    count = len(arguments.moving)
    for name in ("moving_labels", "transform"):
        given = getattr(arguments, name)
        if given and len(given) != count:
            option = name.replace("_", "-")
            raise InputError(f"--{option} has {len(given)} files for {count} follow-ups: give one each, or none.")
    for name in ONE_ONLY:
        if count > 1 and getattr(arguments, name):
            raise InputError(f"--{name.replace('_', '-')} goes with one follow-up: give one, or leave it out.")
    labels, transforms = (getattr(arguments, name) or [None] * count for name in ("moving_labels", "transform"))
    baseline_date, *dates = _dates(arguments)
    given = zip(arguments.moving, labels, transforms, dates, strict=True)
    follow_ups = tuple(FollowUp(*each) for each in given)
    return Visits(baseline_date, tuple(sorted(follow_ups, key=lambda each: each.date)) if all(dates) else follow_ups)


def _dates(arguments: argparse.Namespace) -> Sequence[str]:
    """Of the baseline and of each follow-up, "" where it is not known."""
    scans = [arguments.fixed, *arguments.moving]
    if arguments.dates is None:
        series = [arguments.fixed_series, *[arguments.moving_series] * len(arguments.moving)]
        return [_date_of(path, uid) for path, uid in zip(scans, series, strict=True)]
    if len(arguments.dates) != len(scans):
        raise InputError(
            f"--dates has {len(arguments.dates)} dates for {len(scans)} scans: the baseline's, then each follow-up's."
        )
    return arguments.dates


def _date_of(path: Path, series: str | None) -> str:
    if not path.is_dir():
        return date_in(path.name)
    return study_date(choose_series(find_slices(path), series)[0].path) or date_in(path.name)
