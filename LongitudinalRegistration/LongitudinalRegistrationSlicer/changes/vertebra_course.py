"""The vertebrae of a patient over time: from all follow-ups that were compared with one baseline."""

import dataclasses
import typing

from slicer.i18n import tr as _

from LongitudinalRegistrationSlicer.changes.time_chart import (
    MARKERS,
    ChartLine,
    ChartTitles,
    TimeAxis,
    updateTimeChart,
)
from LongitudinalRegistrationSlicer.changes.time_points import calledTimePoints, placesInTime, scansInOrder
from LongitudinalRegistrationSlicer.results.nodes import changesOf, fixedOf, movingOf, resultNodes
from LongitudinalRegistrationSlicer.results.series import dateOf
from LongitudinalRegistrationSlicer.vertebrae.colours import baselineColour

CHART_ROLE = "vertebraCourseChart"
PARTS = {"whole": _("All"), "body": _("Body"), "processes": _("Processes")}


@dataclasses.dataclass(frozen=True)
class CourseFigure:
    """A figure of a vertebra that is followed over time.

    key: of the state of a part (ofPart) or of the vertebra's; signed: it has a plus where it is not below 0;
    isFromBaseline: whether it is a change, which the baseline has not.
    """

    key: str
    title: str
    decimals: int = 0
    ofPart: bool = True
    signed: bool = False
    isFromBaseline: bool = False

    def of(self, state, part):
        """Return the figure of a VertebraState, of one of PARTS; NaN where it is not known."""
        return getattr(getattr(state, part) if self.ofPart else state, self.key)


FIGURES = (
    CourseFigure("mean_hu", _("Mean HU")),
    CourseFigure("change_hu", _("Change (HU)"), signed=True, isFromBaseline=True),
    CourseFigure("volume_ml", _("Volume (ml)"), 1),
    CourseFigure("volume_change_percent", _("Volume change (%)"), signed=True, isFromBaseline=True),
    CourseFigure("front_mm", _("Height, front (mm)"), 1, ofPart=False),
    CourseFigure("middle_mm", _("Height, middle (mm)"), 1, ofPart=False),
    CourseFigure("back_mm", _("Height, back (mm)"), 1, ofPart=False),
    CourseFigure("loss_percent", _("Loss of height (%)"), ofPart=False, isFromBaseline=True),
)


@dataclasses.dataclass(frozen=True)
class SceneCourse:
    """The Lib's VertebraCourse of a baseline's follow-ups; the date of each time point ("": not known); its place and
    the title of an axis of time."""

    course: typing.Any
    dates: tuple
    places: list
    axisTitle: str


def vertebraCourseOf(result, withNames=True):
    """Return the SceneCourse of all follow-ups that were compared with a result's baseline; None where none has
    vertebrae. Of two results of one follow-up the given one counts, else the newer.

    withNames: whether a scan without a date is called by its name.
    """
    from LongitudinalRegistrationLib.changes.vertebra_course import vertebra_course

    baseline = fixedOf(result)
    compared = {}
    for node in (*resultNodes(), result):
        moving, found = movingOf(node), changesOf(node).get("vertebrae")
        if found and moving is not None and baseline is not None and fixedOf(node) is baseline:
            compared[moving.GetID()] = (moving, found)
    if not compared:
        return None
    volumes = {baseline.GetID(): baseline, **{key: moving for key, (moving, _found) in compared.items()}}
    dates = {key: dateOf(volume) for key, volume in volumes.items()}
    names = {key: volume.GetName() for key, volume in volumes.items()} if withNames else {}
    called = calledTimePoints(baseline.GetID(), dates, names)
    scans = scansInOrder(baseline.GetID(), dates)
    course = vertebra_course([called[scan] for scan in scans], [compared[scan][1] for scan in scans[1:]])
    return SceneCourse(course, tuple(dates[scan] for scan in scans), *placesInTime(baseline.GetID(), dates))


def figuresByVertebra(course, figure, part):
    """Return (label value, name, figures at the time points) of each vertebra of a VertebraCourse, down the spine."""
    found = {}
    for state in course.states:
        found.setdefault((state.label, state.name), []).append(figure.of(state, part))
    return [(label, name, figures) for (label, name), figures in found.items()]


def vertebraCourseText(result, delimiter="\t"):
    """Return all figures over time with titles as text, a line a vertebra and time point; "" where there are none."""
    from LongitudinalRegistrationLib.changes.vertebra_course import course_rows
    from LongitudinalRegistrationLib.scan.scan_dates import days_since_first
    from LongitudinalRegistrationLib.system.csv_text import csv_text

    found = vertebraCourseOf(result)
    if found is None:
        return ""
    rows = course_rows(found.course, found.dates, days_since_first(found.dates))
    return csv_text(rows, delimiter=delimiter)


def updateVertebraCourseChart(result, figure, part):
    """Plot a figure of each vertebra over time; return the chart node, or None where there is none."""
    found = vertebraCourseOf(result)
    if found is None:
        return None
    lines = [
        ChartLine(name, figures, baselineColour(label), MARKERS[number % len(MARKERS)])
        for number, (label, name, figures) in enumerate(figuresByVertebra(found.course, figure, part))
    ]
    title = f"{figure.title}, {PARTS[part]}" if figure.ofPart else figure.title
    titles = ChartTitles(f"{fixedOf(result).GetName()} vertebrae", "Vertebrae over time", title)
    axis = TimeAxis(list(found.course.time_points), found.places, found.axisTitle)
    return updateTimeChart(fixedOf(result), CHART_ROLE, titles, axis, lines)
