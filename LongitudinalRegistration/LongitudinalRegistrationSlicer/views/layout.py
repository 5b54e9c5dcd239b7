"""The layout that shows a result: columns of slice views, as many as there is room for, in two orientations; beside
them a 3-D view and a plot, each in a cell of its own, where they are asked for."""

import dataclasses

import slicer

LAYOUT_ID = 7240
FOLLOW_UP_GROUP = 7240
VIEW_3D, VIEW_PLOT = "Longct3D", "LongctPlot"
# qMRMLThreeDView counts the sides -X, +X, -Y, +Y, -Z, +Z.
FROM_THE_FRONT = 3
# Qt's QEvent::MetaCall.
QUEUED_CALL = 43
BASELINE, FOLLOW_UP, REGISTERED, OVERLAY = "Baseline", "FollowUp", "Registered", "Overlay"
COLUMNS = {BASELINE: "Baseline", FOLLOW_UP: "Follow-up", REGISTERED: "Registered", OVERLAY: "Overlay"}
# A view's label has room for two letters.
LETTERS = {BASELINE: "B", FOLLOW_UP: "F", REGISTERED: "R", OVERLAY: "O"}
COLOURS = {BASELINE: "#D55E00", FOLLOW_UP: "#999999", REGISTERED: "#0072B2", OVERLAY: "#009E73"}
# Which columns go first where there is room for few: the overlay shows either scan alone, too.
BY_IMPORTANCE = (BASELINE, OVERLAY, REGISTERED, FOLLOW_UP)
FEWEST_COLUMNS, LEAST_COLUMN_PX = 2, 300
ROWS = (1, 2)
FIRST_ORIENTATION = "Axial"
SECOND_ORIENTATIONS = ("Sagittal", "Coronal")


@dataclasses.dataclass(frozen=True)
class Arrangement:
    """columns: those of COLUMNS that are shown, in order; with3D, withPlot: what is beside them."""

    columns: tuple = tuple(COLUMNS)
    with3D: bool = False
    withPlot: bool = False

    def viewNames(self, *columns):
        """Return the names of the shown views in these columns, of all shown views where none is given."""
        return [name for name in viewNames(*columns) if name in viewNames(*self.columns)]


def arrangementFor(widthPx, with3D=False, withPlot=False):
    """Return the Arrangement for a width of all views together: columns of LEAST_COLUMN_PX, one for what is beside."""
    room = int(widthPx // LEAST_COLUMN_PX) - (with3D or withPlot)
    chosen = BY_IMPORTANCE[: max(room, FEWEST_COLUMNS)]
    return Arrangement(tuple(column for column in COLUMNS if column in chosen), with3D, withPlot)


def availableWidth():
    """Return the width in pixels that all views have together."""
    return slicer.app.layoutManager().viewport().width


def viewName(column, row):
    """Return the name of the view in a column, one of COLUMNS, and row, 1 or 2."""
    return f"Longct{column}{row}"


def viewNames(*columns):
    """Return the names of the views in these columns, of all views where none is given."""
    return [viewName(column, row) for row in ROWS for column in columns or COLUMNS]


def layoutNode():
    """Return the scene's layout node."""
    return slicer.app.layoutManager().layoutLogic().GetLayoutNode()


def showLayout(arrangement=Arrangement(), secondOrientation=SECOND_ORIENTATIONS[0]):  # noqa: B008 (frozen)
    """Switch to an Arrangement; the second row shows one of SECOND_ORIENTATIONS.

    The follow-up's views are a view group of their own: Slicer's link of slice views leaves them to ViewLink. No file
    keeps the views: they need the module to fill them.
    """
    node, description = layoutNode(), _description(arrangement)
    with slicer.util.NodeModify(node):
        if node.IsLayoutDescription(LAYOUT_ID):
            node.SetLayoutDescription(LAYOUT_ID, description)
        else:
            node.AddLayoutDescription(LAYOUT_ID, description)
        node.SetViewArrangement(LAYOUT_ID)
        node.SetSaveWithScene(False)
    for row, orientation in zip(ROWS, (FIRST_ORIENTATION, secondOrientation), strict=True):
        for column in arrangement.columns:
            _prepareSliceView(viewName(column, row), orientation, column == FOLLOW_UP)
    cameras = [node for node in slicer.util.getNodesByClass("vtkMRMLCameraNode") if node.GetLayoutName() == VIEW_3D]
    for unsaved in (*_otherViewNodes(), *cameras):
        unsaved.SetSaveWithScene(False)


def isShown():
    """Whether the layout is on the screen."""
    return layoutNode().GetViewArrangement() == LAYOUT_ID


def showOnlyIn(display, viewNodes):
    """Show what a display node shows in some views alone: where there is none, nowhere."""
    ids = [node.GetID() for node in viewNodes]
    with slicer.util.NodeModify(display):
        display.SetViewNodeIDs(ids)
        display.SetVisibility(bool(ids))


def showChart(chart):
    """Show a plot chart node in the layout's plot."""
    for view in _otherViewNodes():
        if view.GetLayoutName() == VIEW_PLOT:
            view.SetPlotChartNodeID(chart.GetID())


def lookFromTheFront():
    """Show all there is in the layout's 3-D view, from the front."""
    manager = slicer.app.layoutManager()
    for index in range(manager.threeDViewCount):
        widget = manager.threeDWidget(index)
        if widget.mrmlViewNode().GetLayoutName() == VIEW_3D:
            widget.mrmlViewNode().SetBoxVisible(False)
            view = widget.threeDView()
            view.resetFocalPoint()
            view.resetCamera()
            view.rotateToViewAxis(FROM_THE_FRONT)


def sliceNode(column, row):
    """Return the slice node of a view of the layout."""
    return sliceLogic(column, row).GetSliceNode()


def sliceLogic(column, row):
    """Return the slice logic of a view of the layout."""
    return slicer.app.layoutManager().sliceWidget(viewName(column, row)).sliceLogic()


def _prepareSliceView(name, orientation, isFollowUp):
    """Turn a view; hide the slider in its bar, which alone is wider than a column may be.

    A new view's slider tells the offset of an empty view by a queued call: it arrives now, before the view is placed.
    """
    widget = slicer.app.layoutManager().sliceWidget(name)
    node = widget.mrmlSliceNode()
    node.SetOrientation(orientation)
    if isFollowUp:
        node.SetViewGroup(FOLLOW_UP_GROUP)
    for unsaved in (node, widget.sliceLogic().GetSliceCompositeNode()):
        unsaved.SetSaveWithScene(False)
    widget.sliceController().sliceOffsetSlider().setVisible(False)
    slicer.app.sendPostedEvents(widget.sliceController(), QUEUED_CALL)


def _otherViewNodes():
    nodes = slicer.util.getNodesByClass("vtkMRMLViewNode") + slicer.util.getNodesByClass("vtkMRMLPlotViewNode")
    return [node for node in nodes if node.GetLayoutName() in (VIEW_3D, VIEW_PLOT)]


def _description(arrangement):
    """Return an Arrangement as the layout manager reads it: a grid, whose columns are equally wide."""
    cells = [
        _cell(row - 1, place, 1, _sliceView(column, row))
        for row in ROWS
        for place, column in enumerate(arrangement.columns)
    ]
    beside = [view for view, on in ((_view3D(), arrangement.with3D), (_viewPlot(), arrangement.withPlot)) if on]
    for row, view in enumerate(beside):
        cells.append(_cell(row, len(arrangement.columns), len(ROWS) // len(beside), view))
    return f'<layout type="grid">{"".join(cells)}</layout>'


def _cell(row, column, rows, view):
    return f'<item row="{row}" column="{column}" rowspan="{rows}">{view}</item>'


def _sliceView(column, row):
    orientation = FIRST_ORIENTATION if row == 1 else SECOND_ORIENTATIONS[0]
    properties = {"orientation": orientation, "viewlabel": LETTERS[column], "viewcolor": COLOURS[column]}
    return _view("vtkMRMLSliceNode", viewName(column, row), properties)


def _view3D():
    return _view("vtkMRMLViewNode", VIEW_3D, {"viewlabel": "3D"})


def _viewPlot():
    return _view("vtkMRMLPlotViewNode", VIEW_PLOT, {"viewlabel": "P"})


def _view(kind, name, properties):
    found = "".join(f'<property name="{key}" action="default">{value}</property>' for key, value in properties.items())
    return f'<view class="{kind}" singletontag="{name}">{found}</view>'
