"""The section that brings what one scan has to the other: volumes, labels, segmentations, markups, models."""

import qt
import slicer
from LongitudinalRegistrationSlicer.results.belongings import DIRECTIONS, TO_BASELINE, TO_FOLLOW_UP
from slicer.i18n import tr as _


class BringSection:
    """Widgets of the section; `logic` is the module's."""

    def __init__(self, resourcePath, logic):
        self.widget = slicer.util.loadUI(resourcePath("UI/BringSection.ui"))
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self._logic, self._result, self._listed, self._isStale = logic, None, [], False
        titles = {TO_BASELINE: _("Follow-up to baseline"), TO_FOLLOW_UP: _("Baseline to follow-up")}
        self.ui.directionComboBox.addItems([titles[towards] for towards in DIRECTIONS])
        self.ui.directionComboBox.connect("currentIndexChanged(int)", lambda _index: self._list(keepTicks=False))
        self.ui.belongingsList.connect("itemChanged(QListWidgetItem*)", lambda _item: self._enableButtons())
        self.ui.bringButton.connect("clicked(bool)", lambda _on=False: self.bring())
        self.ui.undoBringButton.connect("clicked(bool)", lambda _on=False: self.undo())
        self.widget.connect("contentsCollapsed(bool)", lambda _collapsed: self.update())
        self.setResult(None)

    @property
    def towards(self):
        """The scan that things are brought to, "baseline" or "follow-up"."""
        return DIRECTIONS[self.ui.directionComboBox.currentIndex]

    def setResult(self, result):
        """Bring through another result, or none."""
        if result is not self._result:
            self.ui.broughtLabel.text = ""
        self._result = result
        self.widget.visible = result is not None
        self.update()

    def enter(self):
        """The module is shown again: nodes may have come or gone meanwhile."""
        self.update()

    def exit(self):
        """Nothing of this section is in the views."""

    def cleanup(self):
        """Forget the result."""
        self._result, self._listed = None, []

    def update(self):
        """List what there is now; what was ticked or not stays so."""
        self._list(keepTicks=True)

    def sceneChanged(self):
        """Nodes have come or gone: the list is made anew at the next `goOn`, once for all of them."""
        self._isStale = True

    def goOn(self):
        """Make the list anew where nodes have come or gone."""
        if self._isStale and not slicer.mrmlScene.IsBatchProcessing():
            self._isStale = False
            self.update()

    def chosen(self):
        """Return the nodes that are ticked and still in the scene."""
        items = [self.ui.belongingsList.item(row) for row in range(len(self._listed))]
        ticked = [node for node, item in zip(self._listed, items, strict=True) if item.checkState() == qt.Qt.Checked]
        return [node for node in ticked if node.GetScene() is not None]

    def bring(self):
        """Bring what is ticked."""
        with slicer.util.tryWithErrorDisplay(_("This could not be brought to the other scan."), waitCursor=True):
            made = self._logic.bring(self._result, self.chosen(), self.towards)
            self.ui.broughtLabel.text = _("Made: {names}.").format(names=", ".join(node.GetName() for node in made))
        self.update()

    def undo(self):
        """Take back what was brought last."""
        count = self._logic.undoBring()
        self.ui.broughtLabel.text = _("Removed again: {count}.").format(count=count)
        self.update()

    def _list(self, keepTicks):
        found = self._logic.belongings(self._result, self.towards) if self._isOpen() else []
        chosen = self.chosen()
        ticked = {node: node in chosen for node in self._listed} if keepTicks else {}
        box = self.ui.belongingsList
        box.blockSignals(True)
        box.clear()
        for each in found:
            item = qt.QListWidgetItem(each.node.GetName())
            item.setFlags(qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsEnabled)
            isTicked = ticked.get(each.node, each.belongs)
            item.setCheckState(qt.Qt.Checked if isTicked else qt.Qt.Unchecked)
            box.addItem(item)
        box.blockSignals(False)
        self._listed = [each.node for each in found]
        self._enableButtons()

    def _isOpen(self):
        return self._result is not None and self._result.GetScene() is not None and not self.widget.collapsed

    def _enableButtons(self):
        self.ui.bringButton.enabled = self._result is not None and bool(self.chosen())
        self.ui.undoBringButton.enabled = self._logic.canUndoBring
