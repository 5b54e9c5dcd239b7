"""The panel's section on the displacement: colours and lines in the views, arrows in 3-D, the value at the cursor."""

import slicer
from LongitudinalRegistrationSlicer.displacement import colours, lines
from LongitudinalRegistrationSlicer.displacement.arrows_3d import Displacement3D
from LongitudinalRegistrationSlicer.displacement.description import describeDisplacement
from LongitudinalRegistrationSlicer.displacement.sampler import DisplacementSampler
from LongitudinalRegistrationSlicer.views.cursor import CursorObserver
from slicer.i18n import tr as _

from LongitudinalRegistrationWidgets.overlay_part import OverlayPart

COLOURS = (None, *colours.MODES)
LINES = (None, *lines.MODES)


class DisplacementSection:
    """The displays of a result's displacement.

    `onIdle()` is called when nothing is in the overlays any more, `onIn3D(on)` when 3-D is asked for or no longer.
    """

    def __init__(self, resourcePath, onIdle=None, onIn3D=None):
        self.widget = slicer.util.loadUI(resourcePath("UI/DisplacementSection.ui"))
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self._part, self._entered = OverlayPart(onIdle), True
        self._result, self._sampler = None, None
        self._in3D, self._observations, self._cursor = None, [], CursorObserver(self._onCursor)
        for box in (self.ui.coloursComboBox, self.ui.linesComboBox):
            box.connect("currentIndexChanged(int)", lambda index: self.update())
        for slider in (self.ui.opacitySlider, self.ui.largestSlider, self.ui.scaleSlider):
            slider.connect("valueChanged(double)", lambda value: self.update())
        for check in (self.ui.automaticCheckBox, self.ui.affineCheckBox, self.ui.bodyCheckBox, self.ui.view3dCheckBox):
            check.connect("toggled(bool)", lambda on: self.update())
        if onIn3D is not None:
            self.ui.view3dCheckBox.connect("toggled(bool)", onIn3D)
        self.setResult(None)

    def setOverlays(self, overlays):
        """Show the displacement in these overlays (SliceOverlay), and no longer in those given before."""
        self._part.setOverlays(overlays)
        self.update()

    def setResult(self, result):
        """Show a result, or none."""
        if result is not self._result:
            self._stopObserving()
            self._result = result
            self._sampler = DisplacementSampler(result) if result is not None else None
            self._observe()
        self.widget.visible = result is not None
        self.update()

    def enter(self):
        """The module is shown: what was chosen is shown again."""
        self._entered = True
        self.update()

    def exit(self):
        """The module is left: nothing of this section stays in the views."""
        self._entered = False
        self.update()

    def cleanup(self):
        """Leave views and scene, for good."""
        self._entered = False
        self.setResult(None)

    def update(self):
        """Show what the widgets say."""
        problem = self._sampler.problem() if self._sampler is not None else ""
        on = self._entered and self._sampler is not None and not problem
        chosen = COLOURS[self.ui.coloursComboBox.currentIndex], LINES[self.ui.linesComboBox.currentIndex]
        self._enableWidgets(*chosen)
        self._show(*(chosen if on else (None, None)))
        self._showIn3D(on and self.ui.view3dCheckBox.checked)
        self._cursor.setEnabled(on)
        self.ui.descriptionLabel.text = problem or _("Point at the scan to read the displacement there.")

    def _enableWidgets(self, colour, line):
        inMm = colour is not None and colour != colours.JACOBIAN
        self.ui.opacitySlider.enabled = colour is not None
        in3D = self.ui.view3dCheckBox.checked
        self.ui.automaticCheckBox.enabled = inMm or in3D
        self.ui.largestSlider.enabled = (inMm or in3D) and not self.ui.automaticCheckBox.checked
        self.ui.scaleSlider.enabled = in3D or line not in (None, lines.CONTOURS)

    def _show(self, colour, line):
        """Put the painter and the drawer into the overlays, or take them out."""
        common = {"withAffine": self.ui.affineCheckBox.checked, "onlyBody": self.ui.bodyCheckBox.checked}
        painters, drawers = [], []
        if colour is not None:
            largest = None if self.ui.automaticCheckBox.checked else self.ui.largestSlider.value
            opacity = self.ui.opacitySlider.value
            painters.append(colours.DisplacementPainter(self._sampler, colour, opacity, largest, **common))
        if line is not None:
            drawers.append(lines.DisplacementDrawer(self._sampler, line, self.ui.scaleSlider.value, **common))
        self._part.show(painters, drawers)

    def _showIn3D(self, on):
        if self._in3D is not None and not on:
            self._in3D.remove()
            self._in3D = None
        if not on:
            return
        self._in3D = self._in3D or Displacement3D(self._sampler)
        affine, body = self.ui.affineCheckBox.checked, self.ui.bodyCheckBox.checked
        largest = None if self.ui.automaticCheckBox.checked else self.ui.largestSlider.value
        scaleEnd = colours.DisplacementPainter(self._sampler, largestMm=largest, withAffine=affine).largest()
        self._in3D.show(scaleEnd, self.ui.scaleSlider.value, affine, body)

    def _observe(self):
        if self._result is None:
            return
        changed, closing = slicer.vtkMRMLTransformableNode.TransformModifiedEvent, slicer.vtkMRMLScene.StartCloseEvent
        for observed, event, call in (
            (self._result, changed, lambda caller, event: self.update()),
            (slicer.mrmlScene, closing, lambda caller, event: self.setResult(None)),
        ):
            self._observations.append((observed, observed.AddObserver(event, call)))

    def _stopObserving(self):
        self._showIn3D(False)
        for observed, tag in self._observations:
            observed.RemoveObserver(tag)
        self._observations = []

    def _onCursor(self, ras):
        if ras is None:
            self.ui.descriptionLabel.text = _("Point at the scan to read the displacement there.")
            return
        self.ui.descriptionLabel.text = describeDisplacement(
            self._sampler.displacementAt(ras, self.ui.affineCheckBox.checked)
        )
