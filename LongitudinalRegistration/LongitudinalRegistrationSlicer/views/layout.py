"""The layout that shows a result: baseline, follow-up, registered and overlay side by side, in two orientations; beside
them a 3-D view where it is asked for."""

import slicer

LAYOUT_ID, LAYOUT_3D_ID = 7240, 7241
FOLLOW_UP_GROUP = 7240
VIEW_3D = "Longct3D"
SLICES_SHARE, VIEW_3D_SHARE = 750, 250
# qMRMLThreeDView counts the sides -X, +X, -Y, +Y, -Z, +Z.
FROM_THE_FRONT = 3
BASELINE, FOLLOW_UP, REGISTERED, OVERLAY = "Baseline", "FollowUp", "Registered", "Overlay"
COLUMNS = {BASELINE: "Baseline", FOLLOW_UP: "Follow-up", REGISTERED: "Registered", OVERLAY: "Overlay"}
COLOURS = {BASELINE: "#D55E00", FOLLOW_UP: "#999999", REGISTERED: "#0072B2", OVERLAY: "#009E73"}
ROWS = (1, 2)
FIRST_ORIENTATION = "Axial"
SECOND_ORIENTATIONS = ("Sagittal", "Coronal")


def viewName(column, row):
    """Return the name of the view in a column, one of COLUMNS, and row, 1 or 2."""
    return f"Longct{column}{row}"


def viewNames(*columns):
    """Return the names of the views in these columns, of all views where none is given."""
    return [viewName(column, row) for row in ROWS for column in columns or COLUMNS]


def layoutNode():
    """Return the scene's layout node."""
    return slicer.app.layoutManager().layoutLogic().GetLayoutNode()


def registerLayouts():
    """Make the layouts known to the application, so that a scene saved with one of them shows its views.

    Without a main window there is no layout manager, and nothing to do.
    """
    if slicer.app.layoutManager() is None:
        return
    node = layoutNode()
    for number, description in ((LAYOUT_ID, _description()), (LAYOUT_3D_ID, _description3D())):
        if not node.IsLayoutDescription(number):
            node.AddLayoutDescription(number, description)


def showLayout(secondOrientation=SECOND_ORIENTATIONS[0], with3D=False):
    """Switch to the layout; the second row shows one of SECOND_ORIENTATIONS.

    The follow-up's views are a view group of their own: Slicer's link of slice views leaves them to ViewLink.
    """
    registerLayouts()
    switchTo(with3D)
    for row, orientation in zip(ROWS, (FIRST_ORIENTATION, secondOrientation), strict=True):
        for column in COLUMNS:
            sliceNode(column, row).SetOrientation(orientation)
        sliceNode(FOLLOW_UP, row).SetViewGroup(FOLLOW_UP_GROUP)


def switchTo(with3D):
    """Have the layout on the screen, and leave its views as they are."""
    layoutNode().SetViewArrangement(LAYOUT_3D_ID if with3D else LAYOUT_ID)


def isShown():
    """Whether the layout is on the screen, with or without the 3-D view."""
    return layoutNode().GetViewArrangement() in (LAYOUT_ID, LAYOUT_3D_ID)


def show3D(on):
    """Add the 3-D view to the layout, seen from the front, or take it away, where the layout is on the screen."""
    if not isShown():
        return
    switchTo(on)
    if on:
        lookFromTheFront()


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


def _description():
    rows = "".join(f'<item><layout type="horizontal">{_rowItems(row)}</layout></item>' for row in ROWS)
    return f'<layout type="vertical">{rows}</layout>'


def _description3D():
    return (
        f'<layout type="horizontal" split="true"><item splitSize="{SLICES_SHARE}">{_description()}</item>'
        f'<item splitSize="{VIEW_3D_SHARE}"><view class="vtkMRMLViewNode" singletontag="{VIEW_3D}">'
        '<property name="viewlabel" action="default">3-D</property></view></item></layout>'
    )


def _rowItems(row):
    orientation = FIRST_ORIENTATION if row == 1 else SECOND_ORIENTATIONS[0]
    return "".join(
        f'<item><view class="vtkMRMLSliceNode" singletontag="{viewName(column, row)}">'
        f'<property name="orientation" action="default">{orientation}</property>'
        f'<property name="viewlabel" action="default">{title}</property>'
        f'<property name="viewcolor" action="default">{COLOURS[column]}</property>'
        "</view></item>"
        for column, title in COLUMNS.items()
    )
