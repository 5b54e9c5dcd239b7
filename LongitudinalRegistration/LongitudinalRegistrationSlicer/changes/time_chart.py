"""A plot of figures over the time points of a patient: a table node and a chart that belong to the baseline."""

import dataclasses
import math

import slicer
import vtk
from TableRemovalSlicer.chart_nodes import cellText, referencedNode, setColumns

NAME_COLUMN, TIME_COLUMN = "Scan", "Time"
TITLE_FONT, LEGEND_FONT, AXIS_FONT = 15, 12, 13
MARKERS = ("Square", "Diamond", "Circle", "Cross")
"""Of lines that have none of their own, in turn."""
HEADROOM, SIDE_ROOM = 0.35, 0.06
"""The legend stands above the lines, and the first and the last point are whole."""


@dataclasses.dataclass(frozen=True)
class TimeAxis:
    """What each time point is called, where it lies on the axis, and the axis's title."""

    names: list
    places: list
    title: str


@dataclasses.dataclass(frozen=True)
class ChartTitles:
    """The beginning of the nodes' names, the chart's title, and that of its axis of figures."""

    node: str
    chart: str
    figures: str


@dataclasses.dataclass(frozen=True)
class ChartLine:
    """A line: its name, its figures (NaN where one is not known), colour (red, green, blue, 0..1), marker ("Circle",
    "None", ..., as in the names of vtkMRMLPlotSeriesNode's constants), width, and whether it is dashed."""

    name: str
    figures: list
    colour: tuple
    marker: str = "Circle"
    width: int = 2
    isDashed: bool = False


def updateTimeChart(owner, role, titles, axis, lines):
    """Plot ChartLines over time; return the chart node, which `owner` refers to under a role.

    titles: ChartTitles; axis: TimeAxis. The axis of figures begins at 0, or below the least figure that is less.
    """
    table = referencedNode(owner, f"{role}Table", "vtkMRMLTableNode", f"{titles.node} course")
    columns = [
        (vtk.vtkStringArray(), NAME_COLUMN, [cellText(name) for name in axis.names]),
        (vtk.vtkDoubleArray(), TIME_COLUMN, axis.places),
        *((vtk.vtkDoubleArray(), cellText(line.name), list(line.figures)) for line in lines),
    ]
    setColumns(table, columns)
    chart = referencedNode(owner, role, "vtkMRMLPlotChartNode", f"{titles.node} plot")
    chart.RemoveAllPlotSeriesNodeIDs()
    for number, line in enumerate(lines):
        # Scene files keep roles as they are: the name of a line may have what they cannot hold.
        series = referencedNode(chart, f"{role}.{number}", "vtkMRMLPlotSeriesNode", line.name)
        series.SetName(line.name)
        series.SetAndObserveTableNodeID(table.GetID())
        series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter)
        series.SetXColumnName(TIME_COLUMN)
        series.SetYColumnName(cellText(line.name))
        series.SetLabelColumnName(NAME_COLUMN)
        _style(series, line)
        chart.AddAndObservePlotSeriesNodeID(series.GetID())
    _setAxes(chart, titles, axis, [value for line in lines for value in line.figures])
    return chart


def _style(series, line):
    kinds = slicer.vtkMRMLPlotSeriesNode
    series.SetColor(*line.colour)
    series.SetMarkerStyle(getattr(kinds, f"MarkerStyle{line.marker}"))
    series.SetLineStyle(kinds.LineStyleDash if line.isDashed else kinds.LineStyleSolid)
    series.SetLineWidth(line.width)


def _setAxes(chart, titles, axis, values):
    chart.SetTitle(titles.chart)
    chart.SetTitleFontSize(TITLE_FONT)
    chart.SetXAxisTitle(axis.title)
    chart.SetYAxisTitle(titles.figures)
    chart.SetAxisTitleFontSize(AXIS_FONT)
    chart.SetLegendVisibility(True)
    chart.SetLegendFontSize(LEGEND_FONT)
    first, last = min(axis.places), max(axis.places)
    side = SIDE_ROOM * max(last - first, 1)
    chart.SetXAxisRangeAuto(False)
    chart.SetXAxisRange(first - side, last + side)
    known = [value for value in values if not math.isnan(value)]
    least, most = min(known, default=0.0), max(known, default=1.0)
    low, high = min(least, 0.0), max(most, 0.0)
    chart.SetYAxisRangeAuto(False)
    chart.SetYAxisRange(low + (SIDE_ROOM * (low - high) if low < 0 else 0.0), high + HEADROOM * max(high - low, 1.0))
