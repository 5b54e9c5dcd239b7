"""A bar plot of every vertebra's DSC before and after, from the table of scores of a result."""

import slicer
from TableRemovalSlicer.chart_nodes import referencedNode, textOfCell

from LongitudinalRegistrationSlicer.results.nodes import scoresOf
from LongitudinalRegistrationSlicer.vertebrae.scores import NAME_COLUMN

CHART_ROLE = "vertebraChart"
TITLE_FONT, LEGEND_FONT = 15, 12
SIDE, LEGEND_SHARE = 0.7, 0.3
"""How much axis is left beside the bars, and how much, as a share of theirs, for the legend."""
SERIES = (
    ("DSC before", "before", (0.90, 0.62, 0.00)),
    ("DSC after", "after", (0.00, 0.45, 0.70)),
)


def updateVertebraChart(result):
    """Plot the scores of a result; return the chart node, made on first use, or None where it has no table."""
    table = scoresOf(result)
    if table is None:
        return None
    chart = referencedNode(result, CHART_ROLE, "vtkMRMLPlotChartNode", f"{result.GetName()} DSC plot")
    for column, name, colour in SERIES:
        series = referencedNode(chart, f"{CHART_ROLE}.{name}", "vtkMRMLPlotSeriesNode", name)
        series.SetAndObserveTableNodeID(table.GetID())
        series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeBar)
        series.SetYColumnName(column)
        series.SetLabelColumnName(NAME_COLUMN)
        series.SetColor(*colour)
        if not chart.HasPlotSeriesNodeID(series.GetID()):
            chart.AddAndObservePlotSeriesNodeID(series.GetID())
    chart.SetTitle("DSC of each vertebra")
    chart.SetTitleFontSize(TITLE_FONT)
    chart.SetXAxisTitle(_axisTitle(table))
    chart.SetYAxisTitle("DSC")
    chart.SetYAxisRangeAuto(False)
    chart.SetYAxisRange(0.0, 1.0)
    chart.SetXAxisRangeAuto(False)
    count = table.GetTable().GetNumberOfRows()
    chart.SetXAxisRange(-SIDE, (1 + LEGEND_SHARE) * count - 1 + SIDE)
    chart.SetLegendVisibility(True)
    chart.SetLegendFontSize(LEGEND_FONT)
    return chart


def _axisTitle(table):
    """Say which vertebra a bar's number is: the application's plots have numbers, no names, on their axes."""
    last = table.GetTable().GetNumberOfRows() - 1
    return f"Vertebra (0: {nameInTable(table, 0)}, {last}: {nameInTable(table, last)})" if last > 0 else "Vertebra"


def nameInTable(table, row):
    """Return the name of a label in a row of a table of scores."""
    return textOfCell(table.GetTable().GetColumnByName(NAME_COLUMN).GetValue(row))
