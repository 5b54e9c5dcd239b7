"""Outlines of the vertebrae of a result: the baseline's and the follow-up's, a colour for each level.

The baseline's lines are thick, the follow-up's thin and lighter. Views of the follow-up as it was scanned (see
views.layout) show its own outlines, not moved.
"""

import weakref

import slicer

from LongitudinalRegistrationSlicer.results.nodes import labelsOf, movingOf, transformIsOn
from LongitudinalRegistrationSlicer.vertebrae.centres import centresOf
from LongitudinalRegistrationSlicer.vertebrae.colours import baselineColour, followUpColour
from LongitudinalRegistrationSlicer.vertebrae.label_extents import extentsOf
from LongitudinalRegistrationSlicer.vertebrae.label_matching import matchesOf
from LongitudinalRegistrationSlicer.vertebrae.label_segmentations import (
    addHiddenSegmentation,
    removeHiddenSegmentation,
    removeSavedItems,
    segmentIdsByLabel,
    shareSegmentation,
)
from LongitudinalRegistrationSlicer.vertebrae.outline_names import OutlineNames
from LongitudinalRegistrationSlicer.views.layout import FOLLOW_UP, showOnlyIn, viewNames

HIDDEN_ATTRIBUTE = "LongitudinalRegistration.ShownBefore"
BASELINE, WARPED, AS_SCANNED = "baseline", "warped", "as scanned"
WIDTHS = {BASELINE: 3, WARPED: 1, AS_SCANNED: 2}
WIDER = 1
DIMMED, LIGHT_FILL = 0.3, 0.25
_shown = weakref.WeakSet()


class VertebraOutlines:
    """The outlines of one result in all slice views, from `show` until `remove`."""

    def __init__(self, result):
        self._result = result
        self._nodes, self._segmentIds = {}, {}
        self._names, self._viewCount = None, 0
        self._observations, self._hidden = [], []
        self.highlighted = None

    @property
    def isShown(self):
        return bool(self._nodes)

    def show(self):
        """Put the outlines into the views; own displays of the labels are hidden meanwhile."""
        if self.isShown:
            return
        matches = matchesOf(self._result)
        for side, labels in zip((BASELINE, WARPED), labelsOf(self._result), strict=True):
            if labels is None:
                continue
            self._nodes[side] = addHiddenSegmentation(labels, f"Vertebrae {side}")
            byLabel = segmentIdsByLabel(self._nodes[side], labels)
            found = {m.value: byLabel.get(m.fixedId if side == BASELINE else m.movingId) for m in matches}
            self._segmentIds[side] = {value: segmentId for value, segmentId in found.items() if segmentId}
            self._hideOwnDisplay(labels)
        if WARPED in self._nodes:
            self._placeWarped()
            self._nodes[AS_SCANNED] = shareSegmentation(self._nodes[WARPED], f"Vertebrae {AS_SCANNED}")
            self._segmentIds[AS_SCANNED] = self._segmentIds[WARPED]
        for side, node in self._nodes.items():
            self._colour(side, node)
        self._names = self._makeNames(matches)
        self.updateViews()
        self.highlight(self.highlighted)
        self._observe()
        _shown.add(self)

    def updateViews(self):
        """Take in slice views that have come since, or were turned."""
        self._viewCount = slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSliceNode")
        for side, node in self._nodes.items():
            if node.GetDisplayNode() is not None:
                showOnlyIn(node.GetDisplayNode(), _viewNodes(followUp=side == AS_SCANNED))
        if self._names is not None:
            self._names.showIn(_viewNodes(followUp=False))

    def highlight(self, value):
        """Brighten one label value's outlines and dim the others; None: all alike."""
        self.highlighted = value
        for side, node in self._nodes.items():
            display = node.GetDisplayNode()
            with slicer.util.NodeModify(display):
                display.SetSliceIntersectionThickness(WIDTHS[side] + (WIDER if value is not None else 0))
                display.SetVisibility2DFill(value is not None)
                for each, segmentId in self._segmentIds[side].items():
                    display.SetSegmentVisibility2DFill(segmentId, each == value)
                    display.SetSegmentOpacity2DFill(segmentId, LIGHT_FILL)
                    display.SetSegmentOpacity2DOutline(segmentId, 1.0 if value in (None, each) else DIMMED)

    def remove(self):
        """Take the outlines away and show the labels as they were."""
        for observed, tag in self._observations:
            observed.RemoveObserver(tag)
        for node in self._nodes.values():
            removeHiddenSegmentation(node)
        if self._names is not None:
            self._names.remove()
        for display in self._hidden:
            _putBackOwnDisplay(display)
        self._nodes, self._segmentIds, self._names = {}, {}, None
        self._observations, self._hidden = [], []
        _shown.discard(self)

    def _hideOwnDisplay(self, labels):
        """Hide the user's display of a segmentation; how it was is noted on it."""
        display = labels.GetDisplayNode()
        if labels.IsA("vtkMRMLSegmentationNode") and display is not None and not display.GetAttribute(HIDDEN_ATTRIBUTE):
            display.SetAttribute(HIDDEN_ATTRIBUTE, str(int(display.GetVisibility2D())))
            display.SetVisibility2D(False)
            self._hidden.append(display)

    def _observe(self):
        scene, moving = slicer.mrmlScene, movingOf(self._result)
        self._observations.append((scene, scene.AddObserver(scene.NodeAddedEvent, self._onNodeAdded)))
        if moving is not None:
            moved = slicer.vtkMRMLTransformableNode.TransformModifiedEvent
            tag = moving.AddObserver(moved, lambda caller, event: self._placeWarped())
            self._observations.append((moving, tag))

    def _placeWarped(self):
        """Place the follow-up's outlines where the follow-up is shown."""
        node = self._nodes.get(WARPED)
        if node is not None and node.GetScene() is not None:
            node.SetAndObserveTransformNodeID(self._result.GetID() if transformIsOn(self._result) else None)

    def _makeNames(self, matches):
        centres = centresOf(self._result, matches)
        extents = {}
        if BASELINE in self._nodes:
            ids = self._segmentIds[BASELINE]
            reached = extentsOf(self._nodes[BASELINE], ids.values())
            extents = {m.name: reached[ids[m.value]] for m in matches if ids.get(m.value) in reached}
        return OutlineNames({m.name: centres[m.value] for m in matches if m.value in centres}, extents)

    def _onNodeAdded(self, caller, event):
        count = slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSliceNode")
        if count != self._viewCount:
            self.updateViews()

    def _colour(self, side, node):
        colourOf = baselineColour if side == BASELINE else followUpColour
        for value, segmentId in self._segmentIds[side].items():
            node.GetDisplayNode().SetSegmentOverrideColor(segmentId, *colourOf(value))


def mendSavedScene():
    """Put back what a scene was saved with while outlines were shown; Slicer does not say that it is going to save."""
    hiddenNow = [display for outlines in _shown for display in outlines._hidden]
    for display in slicer.util.getNodesByClass("vtkMRMLSegmentationDisplayNode"):
        if display not in hiddenNow:
            _putBackOwnDisplay(display)
    removeSavedItems()


def _putBackOwnDisplay(display):
    before = display.GetAttribute(HIDDEN_ATTRIBUTE)
    if before:
        display.SetVisibility2D(bool(int(before)))
        display.RemoveAttribute(HIDDEN_ATTRIBUTE)


def _viewNodes(followUp):
    """Return the slice nodes that show the follow-up as it was scanned, or all others."""
    nodes, names = slicer.util.getNodesByClass("vtkMRMLSliceNode"), viewNames(FOLLOW_UP)
    return [node for node in nodes if (node.GetLayoutName() in names) == followUp]
