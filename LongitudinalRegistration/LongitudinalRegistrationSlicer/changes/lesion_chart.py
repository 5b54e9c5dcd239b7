"""The plot of a patient's lesions over time: nodes that belong to the baseline."""

import math

import slicer
import vtk
from TableRemovalSlicer.chart_nodes import cellText, referencedNode, setColumns, textOfCell

from LongitudinalRegistrationSlicer.changes.lesions import courseOf, datesOf, lesionsOf
from LongitudinalRegistrationSlicer.changes.time_points import placesInTime

CHART_ROLE, COURSE_ROLE = "lesionChart", "lesionCourse"
TITLE_FONT, LEGEND_FONT, AXIS_FONT = 15, 12, 13
TIME_COLUMN = "Time"
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
SUM_WIDTH, WIDTH = 4, 2
HEADROOM, SIDE_ROOM = 1.35, 0.06
"""The legend stands above the lines, and the first and the last point are whole."""


def updateLesionChart(baseline):
    """Plot the sum of diameters and each lesion over time; return the chart node, or None without a course.

    Over the days since the baseline where all dates are known, else over the order of the scans.
    """
    course = courseOf(baseline)
    if course is None:
        return None
    places, axisTitle = placesInTime(baseline.GetName(), datesOf(lesionsOf(baseline)))
    table = referencedNode(baseline, COURSE_ROLE, "vtkMRMLTableNode", f"{baseline.GetName()} lesion course")
    lines = [
        ("Sum", [point.sum_mm for point in course.points]),
        ("Nadir", [point.nadir_mm for point in course.points]),
        *((cellText(target.name), list(target.diameters_mm)) for target in course.targets),
    ]
    columns = [
        (vtk.vtkStringArray(), "Scan", [cellText(point.name) for point in course.points]),
        (vtk.vtkDoubleArray(), TIME_COLUMN, places),
        *((vtk.vtkDoubleArray(), title, values) for title, values in lines),
    ]
    setColumns(table, columns)
    chart = referencedNode(baseline, CHART_ROLE, "vtkMRMLPlotChartNode", f"{baseline.GetName()} lesion plot")
    chart.RemoveAllPlotSeriesNodeIDs()
    for number, (title, _values) in enumerate(lines):
        # Scene files keep roles as they are: the name of a lesion may have what they cannot hold.
        series = referencedNode(chart, f"{CHART_ROLE}.{number}", "vtkMRMLPlotSeriesNode", title)
        series.SetName(textOfCell(title))
        series.SetAndObserveTableNodeID(table.GetID())
        series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter)
        series.SetXColumnName(TIME_COLUMN)
        series.SetYColumnName(title)
        series.SetLabelColumnName("Scan")
        _style(series, number)
        chart.AddAndObservePlotSeriesNodeID(series.GetID())
    _setAxes(chart, axisTitle, places, [value for _title, values in lines for value in values])
    return chart


def _style(series, number):
    """Draw the sum (number 0) thick and black, the nadir (1) dashed, and each lesion in a colour and with a marker."""
    kinds = slicer.vtkMRMLPlotSeriesNode
    markers = (kinds.MarkerStyleSquare, kinds.MarkerStyleDiamond, kinds.MarkerStyleCircle, kinds.MarkerStyleCross)
    lesion = number - 2
    colour = (SUM_COLOUR, NADIR_COLOUR)[number] if lesion < 0 else LESION_COLOURS[lesion % len(LESION_COLOURS)]
    marker = (kinds.MarkerStyleCircle, kinds.MarkerStyleNone)[number] if lesion < 0 else markers[lesion % len(markers)]
    series.SetColor(*colour)
    series.SetMarkerStyle(marker)
    series.SetLineStyle(kinds.LineStyleDash if number == 1 else kinds.LineStyleSolid)
    series.SetLineWidth(SUM_WIDTH if number == 0 else WIDTH)


def _setAxes(chart, axisTitle, places, values):
    chart.SetTitle("Lesions")
    chart.SetTitleFontSize(TITLE_FONT)
    chart.SetXAxisTitle(axisTitle)
    chart.SetYAxisTitle("Diameter (mm)")
    chart.SetAxisTitleFontSize(AXIS_FONT)
    chart.SetLegendVisibility(True)
    chart.SetLegendFontSize(LEGEND_FONT)
    side = SIDE_ROOM * max(places[-1] - places[0], 1)
    chart.SetXAxisRangeAuto(False)
    chart.SetXAxisRange(places[0] - side, places[-1] + side)
    chart.SetYAxisRangeAuto(False)
    chart.SetYAxisRange(0.0, HEADROOM * max((value for value in values if not math.isnan(value)), default=1.0))
