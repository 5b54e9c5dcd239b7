"""The section about the preview: the slice shown, threshold and seed of the scan or of slices, clicks, undo."""

import contextlib

import qt
import slicer
from slicer.i18n import tr as _

RANGE_HU = 4095.0
WHOLE_SCAN, THIS_SLICE, SLICE_RANGE = range(3)


class EditSection:
    """What the panel's widgets of this section (`ui`) do.

    `edit(action)` does what changes the mask and shows it, `telling()` is a context whose problems go to the status
    line, `onChanged()` is called when settings have changed.
    """

    def __init__(self, ui, logic, edit, telling, onChanged):
        self.ui, self.logic = ui, logic
        self._edit, self._telling, self._onChanged = edit, telling, onChanged
        self._hasParameters, self._showing = False, False
        self._escape = None
        ui.scopeComboBox.addItems([_("whole scan"), _("this slice"), _("slices")])
        self._connect()

    def _connect(self):
        ui, edit = self.ui, self._edit
        for button, receiver in (
            (ui.copyButton, lambda: edit(lambda: self.logic.copyToNeighbours(ui.reachSpinBox.value))),
            (ui.clearSliceButton, lambda: edit(lambda: self.logic.clearOverrides(self.indices() or []))),
            (ui.clearAllButton, lambda: edit(self.logic.clearOverrides)),
            (ui.undoButton, lambda: edit(self.logic.undo)),
            (ui.redoButton, lambda: edit(self.logic.redo)),
            (ui.clickButton, self.onClickButton),
        ):
            button.connect("clicked(bool)", lambda checked=False, receiver=receiver: receiver())
        ui.sliceSlider.connect("valueChanged(double)", self.onSliceSlider)
        ui.scopeComboBox.connect("currentIndexChanged(int)", lambda index: self._onChanged())
        for box in (ui.firstSpinBox, ui.lastSpinBox):
            box.connect("valueChanged(int)", lambda value: self._onChanged())
        ui.automaticThresholdCheckBox.connect("toggled(bool)", self.onAutomaticThreshold)
        ui.thresholdSlider.connect("valueChanged(double)", self._setThreshold)
        ui.thresholdHuSlider.connect("valueChanged(double)", lambda hu: self._setThreshold(hu / RANGE_HU))
        ui.automaticSeedCheckBox.connect("toggled(bool)", self.onAutomaticSeed)
        for box in (ui.seedColumnSpinBox, ui.seedRowSpinBox):
            box.connect("valueChanged(int)", lambda value: self._setSeed(self._seed()))
        ui.seedSizeSpinBox.connect("valueChanged(int)", self._setSeedSize)
        ui.previewCheckBox.connect("toggled(bool)", self.onPreviewCheckBox)

    def setParameterNode(self, parameters):
        """Take what the user does for changes of a parameter node, or of none."""
        self._hasParameters = parameters is not None

    def indices(self):
        """Return the slices that a change is for; None is the whole scan."""
        session, scope = self.logic.session, self.ui.scopeComboBox.currentIndex
        if session is None or scope == WHOLE_SCAN:
            return None
        if scope == THIS_SLICE:
            return range(session.k, session.k + 1)
        first, last = sorted((self.ui.firstSpinBox.value, self.ui.lastSpinBox.value))
        return range(first, last + 1)

    def onSeedMoved(self, i, j):
        """The point was dragged in a view."""
        self._setSeed((i, j))

    def onAutomaticThreshold(self, on):
        self._setThreshold(None if on else self.ui.thresholdSlider.value, True)

    def onAutomaticSeed(self, on):
        self._setSeed(None if on else self._seed(), True)

    def onSliceSlider(self, value):
        if not self._showing and self.logic.session:
            self.logic.showSlice(round(value))
            self._onChanged()

    def onPreviewCheckBox(self, on):
        if not self._showing and self.logic.session:
            self.logic.session.show(on)

    def onClickButton(self):
        if self.ui.clickButton.checked:
            self.startClicking()
        else:
            self.stopClicking()

    def startClicking(self):
        """Let clicks in the views keep or drop parts, until Escape is pressed or another tool is chosen."""
        self.ui.clickButton.checked = True
        self.logic.startClicking()
        window = slicer.util.mainWindow()
        if window is not None and self._escape is None:
            self._escape = qt.QShortcut(qt.QKeySequence("Esc"), window)
            self._escape.connect("activated()", self.stopClicking)

    def stopClicking(self):
        """End clicking."""
        self.ui.clickButton.checked = False
        self.logic.stopClicking()
        if self._escape is not None:
            self._escape.enabled = False
            self._escape.deleteLater()
            self._escape = None

    def takeClicks(self):
        """Do what clicks in the views ask for; return whether there were any."""
        done = False
        with self._telling():
            done = self.logic.takeClicks(self.indices())
        if self.ui.clickButton.checked and not self.logic.clicking:
            self.stopClicking()
        return done

    def show(self):
        """Show the settings of the slices that a change is for, and what can be done."""
        ui, session = self.ui, self.logic.session
        settings = self.logic.settingsShown(self.indices())
        with self._quietly():
            last = session.size[2] - 1 if session else 0
            for box in (ui.firstSpinBox, ui.lastSpinBox):
                box.maximum = last
            ui.previewCheckBox.checked = bool(session and session.visible)
            ui.sliceSlider.maximum = last
            ui.sliceSlider.value = session.k if session else 0
            ui.automaticThresholdCheckBox.checked = settings.automaticThreshold
            ui.thresholdSlider.value = settings.threshold
            ui.thresholdHuSlider.value = settings.threshold * RANGE_HU
            ui.automaticSeedCheckBox.checked = settings.automaticSeed
            ui.seedColumnSpinBox.value, ui.seedRowSpinBox.value = settings.seed
            ui.seedSizeSpinBox.value = settings.seedSize
        automatic = _("automatic") if self.indices() is None else _("as the whole scan")
        ui.automaticThresholdCheckBox.text = ui.automaticSeedCheckBox.text = automatic
        ui.thresholdSlider.enabled = ui.thresholdHuSlider.enabled = not settings.automaticThreshold
        ui.seedColumnSpinBox.enabled = ui.seedRowSpinBox.enabled = not settings.automaticSeed
        inRange = ui.scopeComboBox.currentIndex == SLICE_RANGE
        ui.firstSpinBox.visible = ui.rangeLabel.visible = ui.lastSpinBox.visible = inRange
        self._enableButtons(session)
        self.showProgress()

    def showProgress(self):
        """Say what the preview waits for or shows."""
        self.ui.previewLabel.text = self.logic.previewText()

    def _enableButtons(self, session):
        ui, edited = self.ui, bool(session and session.state.overrides.slices)
        editing = bool(session and session.ready and session.editable)
        ui.previewCheckBox.enabled = ui.sliceSlider.enabled = ui.scopeComboBox.enabled = bool(session)
        ui.clickButton.enabled = editing
        ui.copyButton.enabled = editing and session.k in session.state.overrides.slices
        ui.clearAllButton.enabled = edited or bool(session and session.overridesProblem)
        ui.clearSliceButton.enabled = edited and self.indices() is not None
        ui.undoButton.enabled = bool(session and session.history.can_undo)
        ui.redoButton.enabled = bool(session and session.history.can_redo)

    @contextlib.contextmanager
    def _quietly(self):
        """What is shown meanwhile is not taken for what the user does."""
        before, self._showing = self._showing, True
        try:
            yield
        finally:
            self._showing = before

    def _seed(self):
        return self.ui.seedColumnSpinBox.value, self.ui.seedRowSpinBox.value

    def _setThreshold(self, threshold, ownStep=False):
        self._change(lambda: self.logic.setThreshold(threshold, self.indices(), ownStep))

    def _setSeed(self, seed, ownStep=False):
        self._change(lambda: self.logic.setSeed(seed, self.indices(), ownStep))

    def _setSeedSize(self, size):
        self._change(lambda: self.logic.setSeedSize(size, self.indices()))

    def _change(self, action):
        if self._showing or not self._hasParameters:
            return
        self.ui.statusLabel.text = ""
        with self._telling():
            action()
        self._onChanged()
