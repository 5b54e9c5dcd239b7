"""The plot of a patient's lesions over time: nodes that belong to the baseline."""

from LongitudinalRegistrationSlicer.changes.lesions import courseOf, datesOf, lesionsOf
from LongitudinalRegistrationSlicer.changes.time_chart import (
    MARKERS,
    ChartLine,
    ChartTitles,
    TimeAxis,
    updateTimeChart,
)
from LongitudinalRegistrationSlicer.changes.time_points import placesInTime

CHART_ROLE = "lesionChart"
SUM_COLOUR, NADIR_COLOUR = (0.0, 0.0, 0.0), (0.45, 0.45, 0.45)
LESION_COLOURS = (
    (0.00, 0.45, 0.70),
    (0.84, 0.37, 0.00),
    (0.00, 0.62, 0.45),
    (0.80, 0.47, 0.65),
    (0.90, 0.62, 0.00),
    (0.34, 0.71, 0.91),
)
"""Told apart with every kind of colour vision (Okabe and Ito); further lesions have them again, with other markers."""
SUM_WIDTH = 4


def updateLesionChart(baseline):
    """Plot the sum of diameters (thick), its nadir (dashed) and each lesion over time; return the chart node, or None
    without a course.

    Over the days since the baseline where all dates are known, else over the order of the scans.
    """
    course = courseOf(baseline)
    if course is None:
        return None
    sums, nadirs = ([getattr(point, name) for point in course.points] for name in ("sum_mm", "nadir_mm"))
    lines = [
        ChartLine("Sum", sums, SUM_COLOUR, width=SUM_WIDTH),
        ChartLine("Nadir", nadirs, NADIR_COLOUR, marker="None", isDashed=True),
    ]
    for number, target in enumerate(course.targets):
        colour, marker = LESION_COLOURS[number % len(LESION_COLOURS)], MARKERS[number % len(MARKERS)]
        lines.append(ChartLine(target.name, target.diameters_mm, colour, marker))
    places, title = placesInTime(baseline.GetName(), datesOf(lesionsOf(baseline)))
    axis = TimeAxis([point.name for point in course.points], places, title)
    titles = ChartTitles(f"{baseline.GetName()} lesion", "Lesions", "Diameter (mm)")
    return updateTimeChart(baseline, CHART_ROLE, titles, axis, lines)
