"""The slices' figures as a table node, and area against slice as a plot of it."""

import slicer
import vtk

from TableRemovalSlicer.chart_nodes import referencedNode, setColumns

TABLE_ROLE, CHART_ROLE, SERIES_ROLE = "TableRemoval.Quality", "TableRemoval.AreaChart", "TableRemoval.AreaSeries"
SLICE_COLUMN, AREA_COLUMN = "slice", "area (cm2)"


def updateQualityTable(volumeNode, records):
    """Write the records of a volume into its table node, made on first use; return the node."""
    from TableRemovalLib.suspicion import suspicion

    node = _nodeOf(volumeNode, TABLE_ROLE, "vtkMRMLTableNode", "slices")
    columns = (
        (vtk.vtkIntArray(), SLICE_COLUMN, [record.index for record in records]),
        (vtk.vtkDoubleArray(), AREA_COLUMN, [record.area_mm2 / 100 for record in records]),
        (vtk.vtkDoubleArray(), "threshold", [record.threshold_used for record in records]),
        (vtk.vtkIntArray(), "components", [record.components for record in records]),
        (vtk.vtkDoubleArray(), "seconds", [record.seconds for record in records]),
        (vtk.vtkIntArray(), "suspicion", [suspicion(record) for record in records]),
        (vtk.vtkStringArray(), "flags", ["; ".join(record.flags) for record in records]),
    )
    setColumns(node, columns)
    return node


def updateAreaChart(volumeNode, tableNode):
    """Plot the table's area against its slice; return the chart node, made on first use."""
    series = _nodeOf(volumeNode, SERIES_ROLE, "vtkMRMLPlotSeriesNode", "area")
    series.SetAndObserveTableNodeID(tableNode.GetID())
    series.SetXColumnName(SLICE_COLUMN)
    series.SetYColumnName(AREA_COLUMN)
    series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter)
    series.SetMarkerStyle(slicer.vtkMRMLPlotSeriesNode.MarkerStyleCircle)
    series.SetLineStyle(slicer.vtkMRMLPlotSeriesNode.LineStyleSolid)
    series.SetColor(0.2, 0.65, 0.35)
    chart = _nodeOf(volumeNode, CHART_ROLE, "vtkMRMLPlotChartNode", "area of the body")
    chart.SetTitle(f"{volumeNode.GetName()}: area of the body in each slice")
    chart.SetXAxisTitle("slice")
    chart.SetYAxisTitle("area (cm2)")
    chart.SetLegendVisibility(False)
    if not chart.HasPlotSeriesNodeID(series.GetID()):
        chart.AddAndObservePlotSeriesNodeID(series.GetID())
    return chart


def _nodeOf(volumeNode, role, className, suffix):
    return referencedNode(volumeNode, role, className, f"{volumeNode.GetName()} {suffix}")
