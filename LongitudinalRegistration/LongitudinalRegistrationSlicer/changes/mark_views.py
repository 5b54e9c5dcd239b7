"""Marks and what was carried from them in the views: each where its own scan is shown, once.

In views of the follow-up as it was scanned (see views.layout) a mark that lies under the result's transform would be
drawn at its place on the baseline: a hidden twin under no transform shows it there, at its own place.
"""

import slicer
from TableRemovalSlicer.hidden_nodes import addHiddenNode, placeToolKept, removeWithDisplays

from LongitudinalRegistrationSlicer.changes.mark_nodes import SEGMENTATION, sidesOf
from LongitudinalRegistrationSlicer.vertebrae.label_segmentations import removeHiddenSegmentation, shareSegmentation
from LongitudinalRegistrationSlicer.views.layout import BASELINE, FOLLOW_UP, REGISTERED, showOnlyIn, viewNames

RESTRICTED_ATTRIBUTE = "LongitudinalRegistration.MarkViews"
"""On a display node whose views were chosen here; those that the user chose stay."""


class MarkViews:
    """The carried marks of one result in the views: `update` after marks or views have come or gone, until `remove`."""

    def __init__(self, result):
        self._result, self._twins, self._observations = result, {}, []
        scene = slicer.mrmlScene
        tag = scene.AddObserver(scene.NodeRemovedEvent, lambda caller, event: self._dropTwins())
        self._observations.append((scene, tag))

    def update(self):
        """Show each mark and each carried one where its scan is shown."""
        baselines, followUps = sidesOf(self._result)
        for node in baselines:
            _showOutside(node, FOLLOW_UP, REGISTERED)
        for node in followUps:
            if node.GetParentTransformNode() is self._result:
                _showOutside(node, FOLLOW_UP, BASELINE)
                self._twinOf(node)
        self._dropTwins()
        for twin in self._twins.values():
            showOnlyIn(twin.GetDisplayNode(), _views(lambda view: view.GetLayoutName() in viewNames(FOLLOW_UP)))

    def remove(self):
        """Take the twins away, and show the marks in all views again."""
        for observed, tag in self._observations:
            observed.RemoveObserver(tag)
        self._observations = []
        for twin in self._twins.values():
            _removeTwin(twin)
        self._twins = {}
        for nodes in sidesOf(self._result):
            for node in nodes:
                _showEverywhere(node)

    def _twinOf(self, node):
        if node in self._twins:
            return
        isSegmentation = node.IsA(SEGMENTATION)
        name = f"{node.GetName()} as scanned"
        self._twins[node] = shareSegmentation(node, name) if isSegmentation else _addMarkupsTwin(node, name)
        self._observe(node, slicer.vtkMRMLTransformableNode.TransformModifiedEvent, lambda: self._hideTwin(node))
        if not isSegmentation:
            markups = slicer.vtkMRMLMarkupsNode
            for event in (markups.PointModifiedEvent, markups.PointAddedEvent, markups.PointRemovedEvent):
                self._observe(node, event, lambda: self._follow(node))

    def _observe(self, node, event, action):
        self._observations.append((node, node.AddObserver(event, lambda _caller, _event: action())))

    def _follow(self, node):
        if node in self._twins:
            _copyPoints(node, self._twins[node])

    def _hideTwin(self, node):
        """Hide the twin of a node that lies under the result no more; it is removed later: whoever removes nodes while
        the scene is taking a transform from its nodes brings Slicer down."""
        if node in self._twins and node.GetParentTransformNode() is not self._result:
            self._twins[node].GetDisplayNode().SetVisibility(False)

    def _dropTwins(self):
        """Remove the twins of nodes that are gone, or lie under the result no more."""
        gone = [
            node
            for node in list(self._twins)
            if node.GetScene() is None or node.GetParentTransformNode() is not self._result
        ]
        # All are let go before the first is removed: its removal is an event that calls this again.
        for twin in [self._twins.pop(node) for node in gone if node in self._twins]:
            _removeTwin(twin)


def _addMarkupsTwin(node, name):
    with placeToolKept():
        twin = addHiddenNode(node.GetClassName(), name)
        twin.CreateDefaultDisplayNodes()
    twin.SetLocked(True)
    display, own = twin.GetDisplayNode(), node.GetDisplayNode()
    display.SetHideFromEditors(True)
    display.SetSaveWithScene(False)
    display.SetSelectedColor(own.GetSelectedColor())
    display.SetPropertiesLabelVisibility(False)
    display.SetPointLabelsVisibility(False)
    _copyPoints(node, twin)
    return twin


def _copyPoints(node, twin):
    with slicer.util.NodeModify(twin):
        twin.RemoveAllControlPoints()
        for index in range(node.GetNumberOfControlPoints()):
            twin.AddControlPoint(*node.GetNthControlPointPosition(index))


def _removeTwin(twin):
    removeHiddenSegmentation(twin) if twin.IsA(SEGMENTATION) else removeWithDisplays(twin)


def _views(isShown):
    views = [each for kind in ("vtkMRMLSliceNode", "vtkMRMLViewNode") for each in slicer.util.getNodesByClass(kind)]
    return [view for view in views if isShown(view)]


def _showOutside(node, *columns):
    """Show a mark in all views but those of some columns of the layout, unless the user has chosen its views."""
    display = node.GetDisplayNode()
    if display is None or (display.GetNumberOfViewNodeIDs() and not display.GetAttribute(RESTRICTED_ATTRIBUTE)):
        return
    display.SetAttribute(RESTRICTED_ATTRIBUTE, "1")
    _centreLabel(display, True)
    showOnlyIn(display, _views(lambda view: view.GetLayoutName() not in viewNames(*columns)))


def _showEverywhere(node):
    display = node.GetDisplayNode()
    if display is not None and display.GetAttribute(RESTRICTED_ATTRIBUTE):
        display.RemoveAttribute(RESTRICTED_ATTRIBUTE)
        _centreLabel(display, False)
        display.RemoveAllViewNodeIDs()


def _centreLabel(display, isCentred):
    """Write the label of a markup over its middle, or from there to the right, as the application does: in the narrow
    views of the layout it would be cut at their edge."""
    if display.IsA("vtkMRMLMarkupsDisplayNode"):
        text = display.GetTextProperty()
        text.SetJustificationToCentered() if isCentred else text.SetJustificationToLeft()
