"""The sections that show a result, and which result they show."""

from LongitudinalRegistrationSlicer.results.nodes import interpolateLinearly, isResult, lastResult, resultNodes
from LongitudinalRegistrationSlicer.views.comparison import canBeCompared

from LongitudinalRegistrationWidgets.bring_section import BringSection
from LongitudinalRegistrationWidgets.changes_section import ChangesSection
from LongitudinalRegistrationWidgets.comparison_section import ComparisonSection
from LongitudinalRegistrationWidgets.displacement_section import DisplacementSection
from LongitudinalRegistrationWidgets.lesions_section import LesionsSection
from LongitudinalRegistrationWidgets.result_section import ResultSection
from LongitudinalRegistrationWidgets.vertebra_section import VertebraSection


class ResultSections:
    """Result, comparison, changes, lesions, vertebrae, displacement, what can be brought across: one below the other.

    `result` is the transform node that they show, or None. `logic` is the module's, `onAgain` ResultSection's.
    """

    def __init__(self, resourcePath, layout, logic, onAgain):
        self.result, self._toCome = None, []
        self.resultSection = ResultSection(resourcePath, self.show, onAgain)
        self.comparisonSection = ComparisonSection(resourcePath, self._onArranged, logic.views)
        self.changesSection = ChangesSection(resourcePath, logic, self.comparisonSection.showOwn, self._onCompared)
        self.lesionsSection = LesionsSection(resourcePath, logic, self.comparisonSection.showChart)
        self.vertebraSection = VertebraSection(
            resourcePath, lambda value, ras: self.comparisonSection.jumpTo(ras), self.comparisonSection.showChart
        )
        self.displacementSection = DisplacementSection(
            resourcePath, self.comparisonSection.showOwn, self.comparisonSection.show3D
        )
        self.bringSection = BringSection(resourcePath, logic)
        self.sections = (
            self.resultSection,
            self.comparisonSection,
            self.changesSection,
            self.lesionsSection,
            self.vertebraSection,
            self.displacementSection,
            self.bringSection,
        )
        for section in self.sections:
            layout.addWidget(section.widget)

    def enter(self):
        """The module is shown."""
        for section in self.sections:
            section.enter()
        if self.result is None:
            self.showLast()

    def exit(self):
        """The module is left."""
        for section in self.sections:
            section.exit()

    def cleanup(self):
        """The module ends."""
        for section in self.sections:
            section.cleanup()

    def show(self, result):
        """Show a result in all sections; None: there is none."""
        self.result, self._toCome = result, []
        for section in self.sections:
            section.setResult(result)
            section.widget.visible = result is not None
        self.comparisonSection.widget.visible = self.comparisonSection.isNeeded

    def showLast(self):
        """Show the newest result of the scene, which may have come with it."""
        for result in resultNodes():
            interpolateLinearly(result)
        self.show(lastResult())

    def showNew(self, result):
        """Show a result that has just come: the views first, what takes longer at the next calls of `goOn`."""
        self.result = result
        self.resultSection.setResult(result)
        self.comparisonSection.setResult(result)
        self._toCome = [
            lambda: self._showIn(self.vertebraSection, withOutlines=False),
            self.vertebraSection.showOutlines,
            lambda: self._showIn(self.displacementSection),
            lambda: self._showIn(self.changesSection),
            lambda: self._showIn(self.lesionsSection),
            lambda: self._showIn(self.bringSection),
        ]

    @property
    def isComplete(self):
        """Whether the result is shown in all sections."""
        return not self._toCome

    def goOn(self):
        """Show a new result in the next section that is to come; list what can be brought where that has changed."""
        if self._toCome:
            self._toCome.pop(0)()
        self.bringSection.goOn()
        self.changesSection.goOn()

    def _showIn(self, section, **how):
        section.setResult(self.result, **how)
        section.widget.visible = True

    def forget(self):
        """The scene is closed."""
        self.show(None)
        self.comparisonSection.forget()

    def onNodeAdded(self):
        """A node was added to the scene."""
        self.bringSection.sceneChanged()

    def onNodeRemoved(self, node):
        """A node was removed from the scene: it may be the result, another result, or a scan."""
        self.bringSection.sceneChanged()
        if self.result is None:
            self.comparisonSection.setResult(None)
            return
        if node is self.result:
            self.show(lastResult())
        elif isResult(node):
            self.resultSection.setResult(self.result)
        elif not canBeCompared(self.result):
            self.comparisonSection.setResult(None)

    def _onCompared(self):
        """The scans were compared: the table of vertebrae has more to say."""
        self.vertebraSection.setResult(self.result, withOutlines=False)

    def _onArranged(self):
        """The views were arranged or released: other displays follow."""
        self.vertebraSection.viewsChanged()
        self.lesionsSection.viewsChanged()
        self.displacementSection.setOverlays(self.comparisonSection.overlays())
        self.changesSection.setOverlays(self.comparisonSection.overlays())
