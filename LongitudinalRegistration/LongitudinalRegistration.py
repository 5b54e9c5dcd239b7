"""Registers a follow-up CT scan to the baseline scan of the same patient."""

import qt
import slicer
import vtk
from LongitudinalRegistrationSlicer.module.logic import LongitudinalRegistrationLogic
from LongitudinalRegistrationSlicer.module.module_test import LongitudinalRegistrationTest
from LongitudinalRegistrationSlicer.module.parameter_node import LongitudinalRegistrationParameterNode
from LongitudinalRegistrationSlicer.module.sample_data import registerSampleData
from LongitudinalRegistrationSlicer.process.packages import COMPILE, ONNX_RUNTIME, PACKAGES
from LongitudinalRegistrationSlicer.results.imported_scenes import watchImportedScenes
from LongitudinalRegistrationSlicer.vertebrae.outlines import mendSavedScene
from LongitudinalRegistrationWidgets.inputs_section import InputsSection
from LongitudinalRegistrationWidgets.registration_section import RegistrationSection
from LongitudinalRegistrationWidgets.result_sections import ResultSections
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin
from TableRemovalSlicer.help_texts import acknowledgement, helpLinks
from TableRemovalSlicer.packages import Packages
from TableRemovalWidgets.packages_section import PackagesSection
from TableRemovalWidgets.panel_width import letShrink

__all__ = [
    "LongitudinalRegistration",
    "LongitudinalRegistrationLogic",
    "LongitudinalRegistrationParameterNode",
    "LongitudinalRegistrationTest",
    "LongitudinalRegistrationWidget",
]
"""Slicer looks for the module's classes in this file, by these names."""
POLL_MS, IDLE_POLL_MS = 10, 200
SAMPLE_PICTURE = "Icons/LongitudinalRegistration.png"


class LongitudinalRegistration(ScriptedLoadableModule):
    """What Slicer shows of the module."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Longitudinal Registration")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Registration")]
        self.parent.dependencies = ["TableRemoval"]
        self.parent.contributors = ["LongitudinalRegistration contributors"]
        self.parent.helpText = _(
            "Registers a follow-up CT scan (moving) to the baseline scan (fixed) of the same patient: affine "
            "alignment, then a neural network and its refinement, or NiftyReg. Measures the overlap of each "
            "vertebra (DSC). Removing the resulting transform undoes the registration."
        )
        self.parent.helpText += helpLinks()
        self.parent.acknowledgementText = acknowledgement(_("affine alignment, network and simulated follow-ups"))
        # A module that is loaded after the start never hears of it: what only observes is connected at once, and the
        # sample is offered with the panel, too.
        watchImportedScenes(mendSavedScene)
        slicer.app.connect("startupCompleted()", lambda: registerSampleData(self.resourcePath(SAMPLE_PICTURE)))


class LongitudinalRegistrationWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel: scans and options, the button, and the sections that show the result."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._guiTag = None
        self._packagesAreNew, self._scansAreNew = False, False
        self._shown = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        registerSampleData(self.resourcePath(SAMPLE_PICTURE))
        mendSavedScene()
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/LongitudinalRegistration.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = LongitudinalRegistrationLogic()
        self.packagesSection = PackagesSection(
            uiWidget.layout(),
            Packages(PACKAGES, (ONNX_RUNTIME,), COMPILE),
            self.onPackagesChanged,
            self.logic.shutDown,
        )
        self.inputs = InputsSection(self.ui, self.logic)
        self.registration = RegistrationSection(self.ui, self.logic)
        self.results = ResultSections(self.resourcePath, self.ui.sectionsWidget.layout(), self.logic, self.onAgain)
        self.timer = qt.QTimer()
        self.timer.setInterval(IDLE_POLL_MS)
        self.timer.connect("timeout()", self.onTimer)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.onSceneEndImport)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeAddedEvent, self.onNodeAdded)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeAboutToBeRemovedEvent, self.onNodeAboutToBeRemoved)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeRemovedEvent, self.onNodeRemoved)
        self.ui.registerButton.connect("clicked(bool)", self.onRegisterButton)
        self.initializeParameterNode()
        if self.parent.isEntered:  # the module was reloaded: nobody enters it again
            self.enter()

    @property
    def result(self):
        """The result that the panel shows, a transform node, or None."""
        return self.results.result

    def cleanup(self):
        self.timer.stop()
        self.packagesSection.cleanup()
        self.logic.shutDown()
        self.setParameterNode(None)
        self.removeObservers()
        self.results.cleanup()

    def enter(self):
        letShrink(self.parent)
        self.packagesSection.enter()
        self._warmUp()
        self.timer.start()
        self.initializeParameterNode()
        self.results.enter()

    def _warmUp(self):
        if not self.packagesSection.packages.missing:
            with slicer.util.tryWithErrorDisplay(_("The registration process could not be started.")):
                self.logic.warmUp()

    def onPackagesChanged(self):
        """Packages have come or gone: the process starts anew with those there are, once it does nothing."""
        self._packagesAreNew = not self.packagesSection.packages.running
        self._checkCanApply()

    def exit(self):
        self.results.exit()
        self.setParameterNode(None)
        if not self.logic.needsPolling:
            self.timer.stop()

    def onSceneStartClose(self, caller, event):
        self.logic.forget()
        self.setParameterNode(None)
        self.results.forget()

    def onSceneEndClose(self, caller, event):
        self._showState()
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onSceneEndImport(self, caller, event):
        """Views are still taking in what has come: Slicer crashes where a node that they show is removed now."""
        qt.QTimer.singleShot(0, self._showImported)

    def _showImported(self):
        if self.parent.isEntered:
            self.initializeParameterNode()
            self.results.showLast()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onNodeAdded(self, caller, event, node):
        """A scan has no voxels yet when its node comes: it is looked at at the timer's next turn."""
        self._scansAreNew = self._scansAreNew or node.IsA("vtkMRMLScalarVolumeNode")
        self.results.onNodeAdded()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onNodeAboutToBeRemoved(self, caller, event, node):
        self.inputs.letGo(node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onNodeRemoved(self, caller, event, node):
        self.results.onNodeRemoved(node)

    def initializeParameterNode(self):
        """Show the scene's parameters; where no scan is chosen yet, choose."""
        self.setParameterNode(self.logic.getParameterNode())
        self.inputs.guess()

    def setParameterNode(self, parameterNode):
        """Connect the panel to a parameter node, or to none."""
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._guiTag)
            self._parameterNode.RemoveObserver(self._modifiedTag)
        self._parameterNode = parameterNode
        self.inputs.setParameterNode(parameterNode)
        if self._parameterNode:
            self._guiTag = self._parameterNode.connectGui(self.ui)
            self._modifiedTag = self._parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, self._checkCanApply)
            self._checkCanApply()

    def _checkCanApply(self, caller=None, event=None):
        self.registration.enableButton("" if self.logic.busy else self._whyNot())

    def _whyNot(self):
        """Return why the scans chosen cannot be registered, as a sentence; let the process prepare them meanwhile."""
        reason = ""
        if self.packagesSection.packages.missing:
            reason = _("Install the missing Python packages first (button above).")
        if self._parameterNode:
            self.inputs.update()
        if not reason and self._parameterNode:
            request = self.logic.requestFrom(self._parameterNode)
            reason = request.isValid()[1]
            self.logic.prepareScans(request)
        return reason

    def onRegisterButton(self):
        if self.logic.busy:
            self.logic.cancel()
        else:
            request = self.logic.requestFrom(self._parameterNode)
            further = [request.forFollowUp(volume) for volume in self.inputs.furtherFollowUps()]
            self.registration.start([request, *further])
        self._showState()

    def onAgain(self, result, method, effort):
        """Register a result's pair again, with another method or effort."""
        self.registration.start([self.logic.requestAgain(result, method, effort)])
        self._showState()

    def onTimer(self):
        self.packagesSection.poll()
        if self._packagesAreNew and not self.logic.busy and not self.logic.needsPolling:
            self._packagesAreNew = False
            self.logic.shutDown()
            self._warmUp()
            self._checkCanApply()
        self._lookAtNewScans()
        self.results.goOn()
        results = self.logic.results
        self.logic.poll()
        if self.logic.results is not results and self.logic.results is not None:
            self.results.showNew(self.logic.results.transform)
        if (self.logic.shownState(), self.result) != self._shown:
            self._showState()

    def _lookAtNewScans(self):
        """Choose scans that were loaded while the module is shown, where none is chosen yet."""
        if self._scansAreNew and self._parameterNode and not slicer.mrmlScene.IsBatchProcessing():
            self._scansAreNew = False
            self.inputs.guess()
            self._checkCanApply()

    def _showState(self):
        self._shown = self.logic.shownState(), self.result
        busy = self.logic.busy
        self.timer.setInterval(POLL_MS if self.logic.needsPolling else IDLE_POLL_MS)
        for widget in (self.ui.inputsCollapsibleButton, self.ui.optionsCollapsibleButton, self.packagesSection.widget):
            widget.enabled = not busy
        self.results.resultSection.setBusy(busy, self.logic.needsPolling)
        self.registration.show(self.result)
        self._checkCanApply()
