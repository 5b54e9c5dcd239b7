"""Registers a follow-up CT scan to the baseline scan of the same patient."""

import time
import typing
from typing import Annotated

import numpy as np
import qt
import slicer
import vtk
from LongitudinalRegistrationSlicer.process.job import State
from LongitudinalRegistrationSlicer.process.packages import COMPILE, ONNX_RUNTIME, PACKAGES
from LongitudinalRegistrationSlicer.process.registrations import Registrations
from LongitudinalRegistrationSlicer.process.request import EFFORTS, METHODS, RESULT_ATTRIBUTE, RegistrationRequest
from LongitudinalRegistrationSlicer.results.nodes import interpolateLinearly, isResult, lastResult, resultNodes
from LongitudinalRegistrationSlicer.views.comparison import canBeCompared
from LongitudinalRegistrationSlicer.views.layout import registerLayouts
from LongitudinalRegistrationWidgets.comparison_section import ComparisonSection
from LongitudinalRegistrationWidgets.displacement_section import DisplacementSection
from LongitudinalRegistrationWidgets.inputs_section import InputsSection
from LongitudinalRegistrationWidgets.result_section import ResultSection
from LongitudinalRegistrationWidgets.vertebra_section import VertebraSection
from slicer import vtkMRMLLabelMapVolumeNode, vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin
from TableRemovalSlicer.child_process import pythonExecutable
from TableRemovalSlicer.packages import Packages, moduleCommand
from TableRemovalWidgets.packages_section import PackagesSection

POLL_MS, IDLE_POLL_MS = 10, 200
LabelsNode = typing.Union[vtkMRMLLabelMapVolumeNode, vtkMRMLSegmentationNode, None]  # noqa: UP007


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
        self.parent.acknowledgementText = _(
            "Method: van Eijnatten et al. 2021, 3D deformable registration of longitudinal abdominopelvic "
            "CT images using unsupervised deep learning."
        )
        slicer.app.connect("startupCompleted()", registerLayouts)


@parameterNodeWrapper
class LongitudinalRegistrationParameterNode:
    """What the panel shows."""

    fixedVolume: vtkMRMLScalarVolumeNode
    movingVolume: vtkMRMLScalarVolumeNode
    fixedLabels: LabelsNode
    movingLabels: LabelsNode
    matches: str = ""
    method: Annotated[str, Choice(list(METHODS))] = "Auto"
    tableRemoval: bool = True
    refinement: bool = True
    effort: Annotated[str, Choice(list(EFFORTS))] = "Fast"
    budgetSeconds: Annotated[float, WithinRange(0.1, 120)] = 20.0


class LongitudinalRegistrationWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel: scans and options, the button, and the sections that show the result."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.result = None
        self._parameterNode = None
        self._guiTag = None
        self._shownLogLines = 0
        self._sectionsToCome = []
        self._packagesAreNew = False

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
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
        self.inputs = InputsSection(self.ui)
        self._addSections()
        self.timer = qt.QTimer()
        self.timer.setInterval(IDLE_POLL_MS)
        self.timer.connect("timeout()", self.onTimer)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.onSceneEndImport)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeRemovedEvent, self.onNodeRemoved)
        self.ui.registerButton.connect("clicked(bool)", self.onRegisterButton)
        self.initializeParameterNode()

    def _addSections(self):
        self.resultSection = ResultSection(self.resourcePath, self.showResult, self.onAgain)
        self.comparisonSection = ComparisonSection(self.resourcePath, self.onArranged)
        self.vertebraSection = VertebraSection(self.resourcePath, lambda value, ras: self.comparisonSection.jumpTo(ras))
        self.displacementSection = DisplacementSection(
            self.resourcePath, self.comparisonSection.showOwn, self.comparisonSection.show3D
        )
        self.sections = (self.resultSection, self.comparisonSection, self.vertebraSection, self.displacementSection)
        for section in self.sections:
            self.ui.sectionsWidget.layout().addWidget(section.widget)

    def cleanup(self):
        self.timer.stop()
        self.packagesSection.cleanup()
        self.logic.shutDown()
        self.setParameterNode(None)
        self.removeObservers()
        for section in self.sections:
            section.cleanup()

    def enter(self):
        self.packagesSection.enter()
        self._warmUp()
        self.timer.start()
        self.initializeParameterNode()
        for section in self.sections:
            section.enter()
        if self.result is None:
            self._showLastResult()

    def _warmUp(self):
        if not self.packagesSection.packages.missing:
            with slicer.util.tryWithErrorDisplay(_("The registration process could not be started.")):
                self.logic.warmUp()

    def onPackagesChanged(self):
        """Packages have come or gone: the process starts anew with those there are, once it does nothing."""
        self._packagesAreNew = not self.packagesSection.packages.running
        self._checkCanApply()

    def exit(self):
        for section in self.sections:
            section.exit()
        self.setParameterNode(None)
        if not self.logic.needsPolling:
            self.timer.stop()

    def onSceneStartClose(self, caller, event):
        self.logic.forget()
        self.setParameterNode(None)
        self.showResult(None)
        self.comparisonSection.forget()

    def onSceneEndClose(self, caller, event):
        self._showState()
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onSceneEndImport(self, caller, event):
        if self.parent.isEntered:
            self.initializeParameterNode()
            self._showLastResult()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onNodeRemoved(self, caller, event, node):
        if self.result is None:
            return
        if node is self.result:
            self.showResult(lastResult())
        elif isResult(node):
            self.resultSection.setResult(self.result)
        elif not canBeCompared(self.result):
            self.comparisonSection.setResult(None)

    def initializeParameterNode(self):
        """Show the scene's parameters; where no scan is chosen yet, choose."""
        self.setParameterNode(self.logic.getParameterNode())
        self.inputs.guess()

    def setParameterNode(self, parameterNode):
        """Connect the panel to a parameter node, or to none."""
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._guiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._checkCanApply)
        self._parameterNode = parameterNode
        self.inputs.setParameterNode(parameterNode)
        if self._parameterNode:
            self._guiTag = self._parameterNode.connectGui(self.ui)
            self.addObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._checkCanApply)
            self._checkCanApply()

    def _showLastResult(self):
        """Show the newest result that a scene brought along."""
        for result in resultNodes():
            interpolateLinearly(result)
        self.showResult(lastResult())

    def showResult(self, result):
        """Show a result, a transform node, in all sections; None: there is none."""
        self.result, self._sectionsToCome = result, []
        for section in self.sections:
            section.setResult(result)
            section.widget.visible = result is not None

    def _showNewResult(self, result):
        """Show a result that has just come: the picture first, what takes longer at the timer's next turns."""
        self.result = result
        self.resultSection.setResult(result)
        self.comparisonSection.setResult(result)
        self._sectionsToCome = [self.vertebraSection, self.displacementSection]

    def onArranged(self):
        """The views were arranged or given up: other displays follow."""
        self.vertebraSection.viewsChanged()
        self.displacementSection.setOverlays(self.comparisonSection.overlays())

    def _checkCanApply(self, caller=None, event=None):
        missing = self.packagesSection.packages.missing
        if self.logic.busy:
            self.ui.registerButton.enabled = True
            self.ui.registerButton.toolTip = _("Stop the registration.")
            self.ui.reasonLabel.visible = False
            return
        reason = _("Install the missing Python packages first (button above).") if missing else ""
        if self._parameterNode:
            self.inputs.update()
        if not reason and self._parameterNode:
            request = self.logic.requestFrom(self._parameterNode)
            reason = request.isValid()[1]
            self.logic.prepareScans(request)
        self.ui.registerButton.enabled = not reason
        self.ui.registerButton.toolTip = reason or _("Register the follow-up scan to the baseline scan.")
        self.ui.reasonLabel.text = reason
        self.ui.reasonLabel.visible = bool(reason)

    def onRegisterButton(self):
        if self.logic.busy:
            self.logic.cancel()
        else:
            request = self.logic.requestFrom(self._parameterNode)
            further = [request.forFollowUp(volume) for volume in self.inputs.furtherFollowUps()]
            self._start([request, *further])
        self._showState()

    def onAgain(self, result, method, effort):
        """Register a result's pair again, with another method or effort."""
        request = self.logic.requestFrom(self._parameterNode).again(result, method, effort)
        self._start([request])
        self._showState()

    def _start(self, requests):
        self._shownLogLines = 0
        self.ui.logTextEdit.clear()
        with slicer.util.tryWithErrorDisplay(_("The registration could not be started."), waitCursor=True):
            self.logic.startRegistrations(requests)

    def onTimer(self):
        self.packagesSection.poll()
        if self._packagesAreNew and not self.logic.busy and not self.logic.needsPolling:
            self._packagesAreNew = False
            self.logic.shutDown()
            self._warmUp()
            self._checkCanApply()
        if self._sectionsToCome:
            section = self._sectionsToCome.pop(0)
            section.setResult(self.result)
            section.widget.visible = True
        before, results = self.logic.shownState(), self.logic.results
        self.logic.poll()
        if self.logic.results is not results and self.logic.results is not None:
            self._showNewResult(self.logic.results.transform)
        if self.logic.shownState() != before:
            self._showState()

    def _showState(self):
        busy = self.logic.busy
        self.timer.setInterval(POLL_MS if self.logic.needsPolling else IDLE_POLL_MS)
        self.ui.registerButton.text = _("Cancel") if busy else _("Register")
        for widget in (self.ui.inputsCollapsibleButton, self.ui.optionsCollapsibleButton, self.packagesSection.widget):
            widget.enabled = not busy
        self.resultSection.setBusy(busy, self.logic.needsPolling)
        self.ui.progressBar.visible = busy
        self.ui.progressBar.value = round(100 * self.logic.progress.fraction)
        self.ui.statusLabel.text = self.logic.statusText()
        for line in self.logic.log[self._shownLogLines :]:
            self.ui.logTextEdit.appendPlainText(line)
        self._shownLogLines = len(self.logic.log)
        self._checkCanApply()


def workerCommand():
    """Return the command that starts the process which registers, without its folder."""
    return moduleCommand("LongitudinalRegistrationLib.pipeline.worker")


class LongitudinalRegistrationLogic(Registrations, ScriptedLoadableModuleLogic):
    """Two volume nodes in; a transform node, then the registered volume and a table out (see Registrations).

    Slicer's base comes last: it passes its initialisation on to the next class, without arguments.
    """

    def __init__(self, job=None, command=None):
        ScriptedLoadableModuleLogic.__init__(self)
        Registrations.__init__(self, lambda: command or workerCommand(), job)

    def getParameterNode(self):
        return LongitudinalRegistrationParameterNode(super().getParameterNode())

    def requestFrom(self, parameters):
        """Return the RegistrationRequest that a parameter node stands for."""
        return RegistrationRequest(
            parameters.fixedVolume,
            parameters.movingVolume,
            parameters.fixedLabels,
            parameters.movingLabels,
            parameters.method,
            parameters.tableRemoval,
            parameters.refinement,
            parameters.effort,
            parameters.budgetSeconds,
            parameters.matches,
        )


class LongitudinalRegistrationTest(ScriptedLoadableModuleTest):
    """Runs in Slicer and in the stand-in alike; a small program takes the place of the registration."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        for test in (self.test_resultComesIntoTheScene, self.test_cancel, self.test_refusalSaysWhatToDo):
            self.setUp()
            test()

    def test_resultComesIntoTheScene(self):
        """The transform moves points by 6 mm, the moving volume is under it, the table has the score."""
        logic = self._makeLogic()
        request = self._makeRequest("Auto")
        self._run(logic, request)
        self.assertEqual((logic.state, logic.statusText().count("0.50")), (State.DONE, 1))
        transform = logic.results.transform
        point = transform.GetTransformFromParent().TransformPoint((0.0, 0.0, 0.0))
        self.assertTrue(np.allclose(point, (-6.0, 0.0, 0.0)))
        self.assertIs(request.moving.GetParentTransformNode(), transform)
        self.assertIs(transform.GetNodeReference(transform.GetFixedNodeReferenceRole()), request.fixed)
        self.assertTrue(transform.GetAttribute(RESULT_ATTRIBUTE))
        registered = slicer.util.arrayFromVolume(logic.results.registered)
        fixed = slicer.util.arrayFromVolume(request.fixed)
        self.assertEqual(np.abs(registered[:, :, 5:-5].astype(int) - fixed[:, :, 5:-5]).max(), 0)
        self.assertEqual(logic.results.scores.GetTable().GetValue(0, 0).ToString(), "L1")

    def test_cancel(self):
        """A cancelled job leaves the scene as it was; the end leaves no folder."""
        logic = self._makeLogic()
        request = self._makeRequest("NiftyReg")
        logic.startRegistration(request)
        folder = logic._job.folder
        logic.cancel()
        self.assertEqual(logic.state, State.CANCELLED)
        self.assertIsNone(request.moving.GetParentTransformNode())
        logic.shutDown()
        self.assertFalse(folder.exists())

    def test_refusalSaysWhatToDo(self):
        """Without scans, and with the same scan twice, the reason names the remedy."""
        logic = LongitudinalRegistrationLogic()
        self.assertIn("Select", logic.requestFrom(logic.getParameterNode()).isValid()[1])
        scan = self._makeRequest("Auto").fixed
        with self.assertRaisesRegex(ValueError, "two scans"):
            logic.startRegistration(RegistrationRequest(scan, scan))

    def _makeLogic(self):
        command = [pythonExecutable(), "-m", "LongitudinalRegistrationSlicer.process.stand_in_worker"]
        return LongitudinalRegistrationLogic(command=command)

    def _run(self, logic, request):
        logic.startRegistration(request)
        for _attempt in range(600):
            logic.poll()
            if not logic.needsPolling:
                logic.shutDown()
                return
            time.sleep(0.1)
        logic.shutDown()
        self.fail(f"the registration did not end: {logic.log}")

    def _makeRequest(self, method):
        """Return a request for two volumes; the moving one is the fixed one moved by 6 mm to the left (LPS x)."""
        array = np.random.default_rng(1).integers(-1000, 1000, (12, 40, 40)).astype(np.int16)
        nodes = []
        for name, shift in (("Baseline", 0), ("Follow-up", 2)):
            moved = np.roll(array, shift, axis=2)
            ijkToRAS = np.diag([-3.0, -3.0, 3.0, 1.0])
            nodes.append(slicer.util.addVolumeFromArray(moved, ijkToRAS=ijkToRAS, name=name))
        return RegistrationRequest(nodes[0], nodes[1], method=method)
