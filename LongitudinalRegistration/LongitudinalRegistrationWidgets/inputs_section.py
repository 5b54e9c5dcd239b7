"""The inputs of the panel: guessed where nothing is chosen, swapped, more follow-ups, labels and their matches."""

import qt
import slicer
from LongitudinalRegistrationSlicer.process.guess import followUpsOf, guessLabels, guessPair
from LongitudinalRegistrationSlicer.vertebrae.total_segmentator import isInstalled
from slicer.i18n import tr as _

from LongitudinalRegistrationWidgets.match_table import MatchTable

CHOICES = ("fixedVolume", "movingVolume", "fixedLabels", "movingLabels")
"""The parameter node's nodes."""


class InputsSection:
    """What the main panel's widgets about the scans (`ui`) do, for the module's logic.

    What is chosen is in the parameter node.
    """

    def __init__(self, ui, logic):
        self.ui, self._logic = ui, logic
        self._parameters = None
        self._further = []
        self._labelled = None
        self.matchTable = MatchTable(self._onMatches)
        ui.matchWidget.layout().addWidget(self.matchTable.widget)
        ui.swapButton.connect("clicked(bool)", lambda _on=False: self.swap())
        ui.segmentButton.connect("clicked(bool)", lambda _on=False: self.segment())
        ui.segmentButton.visible = isInstalled()

    def setParameterNode(self, parameters):
        """Work on a parameter node, or on none."""
        self._parameters = parameters

    def guess(self):
        """Choose scans, where none is chosen yet, and the labels made on them."""
        parameters = self._parameters
        if parameters is None or parameters.fixedVolume is not None or parameters.movingVolume is not None:
            return
        fixed, moving = guessPair()
        if fixed is None:
            return
        parameters.fixedVolume, parameters.movingVolume = fixed, moving
        if parameters.fixedLabels is None and parameters.movingLabels is None:
            parameters.fixedLabels, parameters.movingLabels = guessLabels(fixed), guessLabels(moving)

    def letGo(self, node):
        """Choose none where a node was chosen that is about to go: a selector would choose the next one in its list."""
        for name in CHOICES if self._parameters is not None else ():
            if getattr(self._parameters, name) is node:
                setattr(self._parameters, name, None)

    def swap(self):
        """Make the follow-up the baseline, and the reverse."""
        self._logic.swap(self._parameters)

    def segment(self):
        """Have TotalSegmentator make the labels that are missing."""
        with slicer.util.tryWithErrorDisplay(_("TotalSegmentator could not segment the vertebrae."), waitCursor=True):
            self._logic.segmentVertebrae(self._parameters)

    def update(self):
        """Show what follows from the choice: further scans of the patient, and the labels' matches."""
        parameters = self._parameters
        self.ui.swapButton.enabled = None not in (parameters.fixedVolume, parameters.movingVolume)
        self._listFurther(parameters)
        labels = parameters.fixedLabels, parameters.movingLabels
        self.ui.matchWidget.visible = any(node is not None for node in labels)
        labelled = labels, tuple(map(_contentOf, labels))
        if labelled != self._labelled:
            if self._labelled is not None and self._labelled[0] != labels and parameters.matches:
                parameters.matches = ""
            self._labelled = labelled
            self.matchTable.setLabels(*labels, parameters.matches)

    def furtherFollowUps(self):
        """Return the volumes that are ticked to be registered too."""
        items = [self.ui.furtherList.item(row) for row in range(len(self._further))]
        return [node for node, item in zip(self._further, items, strict=True) if item.checkState() == qt.Qt.Checked]

    def _listFurther(self, parameters):
        further = followUpsOf(parameters.fixedVolume) if parameters.fixedVolume is not None else []
        further = [node for node in further if node is not parameters.movingVolume]
        for widget in (self.ui.furtherLabel, self.ui.furtherList):
            widget.visible = bool(further)
        if further == self._further:
            return
        ticked = self.furtherFollowUps()
        self._further = further
        self.ui.furtherList.clear()
        for node in further:
            item = qt.QListWidgetItem(node.GetName())
            item.setFlags(qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsEnabled)
            item.setCheckState(qt.Qt.Checked if node in ticked else qt.Qt.Unchecked)
            self.ui.furtherList.addItem(item)

    def _onMatches(self, text):
        self._parameters.matches = text


def _contentOf(labels):
    """Return what changes with the labels' voxels: in a scene that is loaded they come after their node."""
    content = None
    if labels is not None:
        content = labels.GetSegmentation() if labels.IsA("vtkMRMLSegmentationNode") else labels.GetImageData()
    return content.GetMTime() if content is not None else None
