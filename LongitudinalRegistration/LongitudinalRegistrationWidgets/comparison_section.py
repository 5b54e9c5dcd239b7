"""The section that arranges the views and overlays the registered scan on the baseline."""

import qt
import slicer
from LongitudinalRegistrationSlicer.vertebrae.centres import jumpTo
from LongitudinalRegistrationSlicer.views import layout
from LongitudinalRegistrationSlicer.views.arranged import ArrangedViews
from LongitudinalRegistrationSlicer.views.comparison import canBeCompared
from LongitudinalRegistrationSlicer.views.comparison_painter import (
    CHECKERBOARD,
    CONTOURS,
    DIFFERENCE,
    FADE,
    FLICKER,
    MODES,
    RED_CYAN,
    ComparisonPainter,
)
from LongitudinalRegistrationSlicer.views.similarity_painter import MAPS, NCC, SSIM, SimilarityPainter
from LongitudinalRegistrationSlicer.views.slice_overlay import SliceOverlay
from slicer.i18n import tr as _

from LongitudinalRegistrationWidgets.transform_switch import TransformSwitch

WINDOW_KEYS = {"Bone": "F6", "Soft tissue": "F7", "Lung": "F8"}
WINDOW_TITLES = {"Bone": _("Bone"), "Soft tissue": _("Soft tissue"), "Lung": _("Lung")}
ORIENTATION_TITLES = {"Sagittal": _("Sagittal"), "Coronal": _("Coronal")}
OFF = "Off"
MODE_TITLES = {
    FADE: _("Fade"),
    FLICKER: _("Flicker"),
    CHECKERBOARD: _("Checkerboard"),
    RED_CYAN: _("Red/cyan"),
    DIFFERENCE: _("Absolute difference"),
    CONTOURS: _("Contours"),
    SSIM: _("Local SSIM"),
    NCC: _("Local NCC"),
    OFF: _("Off"),
}
"""What the boxes show for each choice, in their order."""
FLIP_KEY, TRANSFORM_KEY = "F5", "F9"
SLIDERS = {
    FADE: ("opacity", _("Opacity:"), 0.0, 1.0, 0.05, 2, ""),
    FLICKER: ("rateHz", _("Rate:"), 0.5, 5.0, 0.5, 1, " Hz"),
    CHECKERBOARD: ("tileMm", _("Tile size:"), 5.0, 100.0, 5.0, 0, " mm"),
    DIFFERENCE: ("largestHu", _("Maximum:"), 50.0, 1000.0, 50.0, 0, " HU"),
}


class ComparisonSection:
    """Widgets of the section; `onArranged()` is called whenever the views were arranged or released.

    views: the ArrangedViews that it shows, the logic's; its own where none are given.
    """

    def __init__(self, resourcePath, onArranged=None, views=None):
        self.widget = slicer.util.loadUI(resourcePath("UI/ComparisonSection.ui"))
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self._onArranged = onArranged or (lambda: None)
        self._views = views or ArrangedViews()
        self._views.listeners.append(self)
        self._result, self._entered, self._isDue = None, False, False
        self._overlays, self._shortcuts, self._similarity = {}, [], None
        self._painter, self._values = ComparisonPainter(), {"rateHz": 2.0}
        self._flicker = qt.QTimer()
        self._flicker.connect("timeout()", self._onFlicker)
        self._fill()
        self._connect()
        self._switch = TransformSwitch(self.ui.transformCheckBox, self._showMode)
        self.setResult(None)

    def setResult(self, result):
        """Show another result in the views where they are arranged.

        None: there is none any more. Its scans stay in arranged views, unregistered, until the user restores the
        layout; where a scan is gone too, the views are released.
        """
        result = result if canBeCompared(result) else None
        if result is not None and result is not self._result:
            self._isDue = self._isDue or self.comparison is not None
            self._views.release()
        elif result is None and not self._showsScans():
            self._isDue = False
            self._views.release()
        self._result = result
        self._switch.setResult(result)
        self.ui.arrangeButton.enabled = result is not None
        self._arrangeWhereDue()
        self._showMode()
        self.widget.visible = self.isNeeded

    @property
    def isNeeded(self):
        """Whether there is a result to be shown, or a layout to be restored."""
        return self._result is not None or self._views.canRestore

    def _showsScans(self):
        return self.comparison is not None and self.comparison.hasScans

    def enter(self):
        """The module is shown: keys work, the overlay comes back."""
        self._entered = True
        window = slicer.util.mainWindow()
        if window is not None and not self._shortcuts:
            self._shortcuts = [self._makeShortcut(window, *pair) for pair in self._keys()]
        self._arrangeWhereDue()
        self._showMode()

    def exit(self):
        """The module is left: no keys, no overlay; the views stay arranged."""
        self._entered = False
        for shortcut in self._shortcuts:
            shortcut.setParent(None)
            shortcut.deleteLater()
        self._shortcuts = []
        self._flicker.stop()
        for overlay in self.overlays():
            overlay.setEnabled(False)

    def cleanup(self):
        """The module ends."""
        self.exit()
        self._views.close()
        self.setResult(None)
        self._views.listeners[:] = [listener for listener in self._views.listeners if listener is not self]

    def forget(self):
        """The scene is closed: what the views were like before is of no use any more, but for the layout."""
        self._views.forget()
        self.ui.restoreButton.enabled = False
        self.setResult(None)

    @property
    def comparison(self):
        """The arranged views, or None."""
        return self._views.comparison

    def arrange(self):
        """Arrange the views for the result, with the orientation and the window that are chosen."""
        self._views.arrange(self._result, self.ui.secondRowComboBox.currentData, self.ui.windowComboBox.currentData)

    def takeOut(self):
        """The arranged views are let go: take the overlays out of them."""
        self._flicker.stop()
        for overlay in self.overlays():
            overlay.remove()
        self._overlays, self._similarity = {}, None

    def viewsChanged(self):
        """The views were arranged, by whomever, or let go."""
        if self.comparison is not None:
            self._addOverlays()
            self._showMode()
        self.ui.restoreButton.enabled = self._views.canRestore
        self._onArranged()

    def show3D(self, on):
        """Add a 3-D view to the arranged views, now or when they are arranged, or take it away."""
        if on != self._views.with3D:
            self._views.with3D = on
            self._arrangeAnew()

    def showChart(self, chart):
        """Show a plot chart node beside the arranged views; return whether they are there for it."""
        if not self._isArranged():
            return False
        self._views.chart = chart
        self._arrangeAnew()
        return True

    def _isArranged(self):
        return self.comparison is not None and self._result is not None and layout.isShown()

    def _arrangeAnew(self):
        if self._isArranged():
            self.arrange()

    def restore(self):
        """Restore layout, volumes and windows from before the views were arranged."""
        self._views.restore()
        self.ui.restoreButton.enabled = False
        self.widget.visible = self.isNeeded

    def overlays(self):
        """Return the overlays of the views that lie in the baseline's space, for other displays."""
        return list(self._overlays.values())

    def showOwn(self):
        """Enable the overlays that the section itself needs, and no others."""
        self._showMode()

    def jumpTo(self, ras):
        """Move the views to a point of the baseline (RAS, mm)."""
        if self.comparison is not None and layout.isShown():
            self.comparison.jumpTo(ras)
        else:
            jumpTo(ras)

    def setWindow(self, name):
        """Set the window of both scans, a key of WINDOWS."""
        self.ui.windowComboBox.setCurrentIndex(self.ui.windowComboBox.findData(name))
        if self.comparison is not None:
            self.comparison.setWindow(name)

    def flip(self):
        """Show the other scan alone: the baseline or the registered one."""
        self.ui.modeComboBox.setCurrentIndex(self.ui.modeComboBox.findData(FADE))
        self.ui.modeSlider.value = 0.0 if self.ui.modeSlider.value > 0.5 else 1.0

    def _fill(self):
        for box, titles in (
            (self.ui.secondRowComboBox, ORIENTATION_TITLES),
            (self.ui.windowComboBox, WINDOW_TITLES),
            (self.ui.modeComboBox, MODE_TITLES),
        ):
            for choice, title in titles.items():
                box.addItem(title, choice)
        keys = [f"{key}: {WINDOW_TITLES[name]}" for name, key in WINDOW_KEYS.items()]
        keys += [f"{TRANSFORM_KEY}: {_('transform on or off')}", f"{FLIP_KEY}: {_('baseline or registered')}"]
        self.ui.keysLabel.text = "   ".join(text.replace(" ", "\u00a0") for text in keys)

    def _connect(self):
        self.ui.arrangeButton.connect("clicked(bool)", lambda _on=False: self._arrangeGuarded())
        self.ui.restoreButton.connect("clicked(bool)", lambda _on=False: self.restore())
        self.ui.secondRowComboBox.connect("currentIndexChanged(int)", lambda _index: self._onSecondRow())
        self.ui.windowComboBox.connect(
            "currentIndexChanged(int)", lambda _index: self.setWindow(self.ui.windowComboBox.currentData)
        )
        self.ui.modeComboBox.connect("currentIndexChanged(int)", lambda _index: self._showMode())
        self.ui.modeSlider.connect("valueChanged(double)", self._onSlider)

    def _keys(self):
        windows = [(key, lambda name=name: self.setWindow(name)) for name, key in WINDOW_KEYS.items()]
        return [*windows, (TRANSFORM_KEY, self._switch.toggle), (FLIP_KEY, self.flip)]

    def _makeShortcut(self, window, key, action):
        shortcut = qt.QShortcut(qt.QKeySequence(key), window)
        shortcut.connect("activated()", action)
        return shortcut

    def _arrangeGuarded(self):
        with slicer.util.tryWithErrorDisplay(_("The views could not be arranged."), waitCursor=True):
            self.arrange()

    def _arrangeWhereDue(self):
        """Arrange the views for a result that came while others were arranged, unless the user has left them."""
        if self._isDue and self._entered:
            self._isDue = False
            if layout.isShown():
                self._arrangeGuarded()

    def _addOverlays(self):
        names = self.comparison.arrangement.viewNames(layout.REGISTERED, layout.OVERLAY)
        self._overlays = {name: SliceOverlay(name) for name in names}
        self._similarity = SimilarityPainter(self.comparison.result)
        for name in layout.viewNames(layout.OVERLAY):
            self._overlays[name].painters += [self._painter, self._similarity]

    def _onSecondRow(self):
        if self.comparison is not None:
            self.comparison.setSecondOrientation(self.ui.secondRowComboBox.currentData)
            self._onArranged()

    def _showMode(self):
        mode = self.ui.modeComboBox.currentData
        self.ui.modeComboBox.enabled = bool(self._overlays)
        self._showSlider(mode)
        self._painter.mode = mode
        if self.comparison is not None:
            self.comparison.setRegistered(self._result is not None and not self._switch.isOff)
        if self._similarity is not None:
            self._similarity.mode = self._prepared(mode)
        for overlay in self.overlays():
            overlay.setEnabled(self._entered and self._isNeeded(overlay))
            overlay.refresh()
        if mode == FLICKER and self._overlays and self._entered:
            self._flicker.start(round(1000 / self._values["rateHz"]))
        else:
            self._flicker.stop()

    def _prepared(self, mode):
        """Return the map that can be shown for a mode, after it is computed; "" for the other modes."""
        if mode not in MAPS or not self._entered:
            return ""
        with slicer.util.tryWithErrorDisplay(_("The similarity map could not be computed."), waitCursor=True):
            self._similarity.prepare()
        return mode

    def _isNeeded(self, overlay):
        """Whether an overlay has something to show, the section's own or another display's."""
        own = (self._painter, self._similarity)
        others = [painter for painter in overlay.painters if painter not in own]
        shown = self.ui.modeComboBox.currentData in (*MODES, *MAPS)
        return bool(others or overlay.drawers) or (shown and self._painter in overlay.painters)

    def _showSlider(self, mode):
        used = SLIDERS.get(mode)
        for widget in (self.ui.modeSlider, self.ui.sliderLabel):
            widget.visible = used is not None
        if used is None:
            return
        name, title, low, high, step, decimals, suffix = used
        slider = self.ui.modeSlider
        slider.blockSignals(True)
        slider.decimals, slider.suffix = decimals, suffix
        slider.minimum, slider.maximum = low, high
        slider.singleStep = step
        slider.value = self._values.get(name, getattr(self._painter, name, None))
        slider.blockSignals(False)
        self.ui.sliderLabel.text = title

    def _onSlider(self, value):
        used = SLIDERS.get(self.ui.modeComboBox.currentData)
        if used is None:
            return
        if used[0] in self._values:
            self._values[used[0]] = value
        else:
            setattr(self._painter, used[0], value)
        self._showMode()

    def _onFlicker(self):
        self._painter.showsMoving = not self._painter.showsMoving
        for name in layout.viewNames(layout.OVERLAY):
            self._overlays[name].refresh()
