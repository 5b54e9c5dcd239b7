"""Lays a follow-up CT scan over the baseline scan of the same patient."""

import os
import time
import typing
from typing import Annotated

import numpy as np
import qt
import slicer
import vtk
from LongitudinalRegistrationSlicer.child_process import pythonExecutable
from LongitudinalRegistrationSlicer.job import BUSY, RegistrationJob, State
from LongitudinalRegistrationSlicer.request import EFFORTS, METHODS, RESULT_ATTRIBUTE, RegistrationRequest
from LongitudinalRegistrationSlicer.scores import resultText
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
from TableRemovalSlicer.packages import installPackages, missingPackages

PACKAGES = {"numba": "numba>=0.59", "scipy": "scipy>=1.11", "tqdm": "tqdm>=4.60"}
NETWORK_PACKAGES = {"tensorflow": "tensorflow-cpu>=2.16", "keras": "keras>=3.3"}
POLL_MS, IDLE_POLL_MS = 10, 200
MOST_RESTARTS = 3
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
            "Registers a follow-up CT scan to the baseline scan of the same patient, with a network "
            "(VoxelMorph) or with NiftyReg, and scores each vertebra. Removing the resulting transform "
            "undoes the registration."
        )
        self.parent.acknowledgementText = _(
            "Method: van Eijnatten et al. 2021, 3D deformable registration of longitudinal abdominopelvic "
            "CT images using unsupervised deep learning."
        )


@parameterNodeWrapper
class LongitudinalRegistrationParameterNode:
    """What the panel shows."""

    fixedVolume: vtkMRMLScalarVolumeNode
    movingVolume: vtkMRMLScalarVolumeNode
    fixedLabels: LabelsNode
    movingLabels: LabelsNode
    method: Annotated[str, Choice(list(METHODS))] = "Auto"
    tableRemoval: bool = True
    refinement: bool = True
    effort: Annotated[str, Choice(list(EFFORTS))] = "Fast"
    budgetSeconds: Annotated[float, WithinRange(0.1, 120)] = 20.0


class LongitudinalRegistrationWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._guiTag = None
        self._shownLogLines = 0

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/LongitudinalRegistration.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = LongitudinalRegistrationLogic()
        self.timer = qt.QTimer()
        self.timer.setInterval(IDLE_POLL_MS)
        self.timer.connect("timeout()", self.onTimer)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.ui.registerButton.connect("clicked(bool)", self.onRegisterButton)
        self.ui.installButton.connect("clicked(bool)", self.onInstallButton)
        self.initializeParameterNode()

    def cleanup(self):
        self.timer.stop()
        self.logic.shutDown()
        self.setParameterNode(None)
        self.removeObservers()

    def enter(self):
        if not missingPackages(PACKAGES):
            self.logic.warmUp()
        self.timer.start()
        self.initializeParameterNode()

    def exit(self):
        self.setParameterNode(None)
        if not self.logic.needsPolling:
            self.timer.stop()

    def onSceneStartClose(self, caller, event):
        self.logic.cancel()
        self.setParameterNode(None)
        self.ui.scoresTableView.setMRMLTableNode(None)

    def onSceneEndClose(self, caller, event):
        self._showState()
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self):
        """Show the scene's parameters."""
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, parameterNode):
        """Connect the panel to a parameter node, or to none."""
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._guiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._checkCanApply)
        self._parameterNode = parameterNode
        if self._parameterNode:
            self._guiTag = self._parameterNode.connectGui(self.ui)
            self.addObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._checkCanApply)
            self._checkCanApply()

    def _checkCanApply(self, caller=None, event=None):
        needed, forNetwork = missingPackages(PACKAGES), missingPackages(NETWORK_PACKAGES)
        self.ui.packagesCollapsibleButton.visible = bool(needed or forNetwork)
        self.ui.packagesLabel.text = self._packagesText(needed, forNetwork)
        if self.logic.state in BUSY:
            self.ui.registerButton.enabled = True
            self.ui.registerButton.toolTip = _("Stop the registration.")
            return
        reason = _("Install the missing Python packages first (button above).") if needed else ""
        if not reason and self._parameterNode:
            request = self.logic.requestFrom(self._parameterNode)
            reason = request.isValid()[1]
            self.logic.prepareScans(request)
        self.ui.registerButton.enabled = not reason
        self.ui.registerButton.toolTip = reason or _("Lay the follow-up scan over the baseline scan.")

    def _packagesText(self, needed, forNetwork):
        if needed:
            return _("Missing: {names}. They are installed once.").format(names=", ".join(needed + forNetwork))
        return _("Without {names}, only NiftyReg can be used.").format(names=" and ".join(forNetwork))

    def onInstallButton(self):
        with slicer.util.tryWithErrorDisplay(_("The packages could not be installed."), waitCursor=True):
            installPackages([*PACKAGES.values(), *NETWORK_PACKAGES.values()], "Longitudinal Registration")
            self.logic.warmUp()
        self._checkCanApply()

    def onRegisterButton(self):
        if self.logic.state in BUSY:
            self.logic.cancel()
        else:
            self._shownLogLines = 0
            self.ui.logTextEdit.clear()
            self.ui.scoresTableView.setMRMLTableNode(None)
            with slicer.util.tryWithErrorDisplay(_("The registration could not be started."), waitCursor=True):
                self.logic.startRegistration(self.logic.requestFrom(self._parameterNode))
        self._showState()

    def onTimer(self):
        before = self.logic.shownState()
        self.logic.poll()
        if self.logic.shownState() != before:
            self._showState()

    def _showState(self):
        busy = self.logic.state in BUSY
        self.timer.setInterval(POLL_MS if self.logic.needsPolling else IDLE_POLL_MS)
        self.ui.registerButton.text = _("Cancel") if busy else _("Register")
        for widget in (self.ui.inputsCollapsibleButton, self.ui.optionsCollapsibleButton):
            widget.enabled = not busy
        self.ui.progressBar.visible = busy
        self.ui.progressBar.value = round(100 * self.logic.progress.fraction)
        self.ui.statusLabel.text = self.logic.statusText()
        for line in self.logic.log[self._shownLogLines :]:
            self.ui.logTextEdit.appendPlainText(line)
        self._shownLogLines = len(self.logic.log)
        if self.logic.state is State.DONE and self.logic.results is not None:
            self.ui.scoresTableView.setMRMLTableNode(self.logic.results.scores)
        self._checkCanApply()


def workerCommand():
    """Return the command that starts the process which registers, without its folder."""
    return [pythonExecutable(), "-m", "LongitudinalRegistrationLib.worker"]


class LongitudinalRegistrationLogic(ScriptedLoadableModuleLogic):
    """Two volume nodes in; a transform node, then the registered volume and a table out. Does not block.

    `warmUp` early, `startRegistration`, then `poll` now and then until `state` is DONE, CANCELLED or FAILED, and on
    until `needsPolling` is False for the registered volume. `shutDown` at the end.
    """

    def __init__(self, job=None, workerCommand=None):
        ScriptedLoadableModuleLogic.__init__(self)
        self._job = job or RegistrationJob()
        self._workerCommand = workerCommand
        self._wanted, self._restarts = False, 0
        self._request = None
        self.results = None
        self.report = None

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
        )

    @property
    def state(self):
        return self._job.state

    @property
    def progress(self):
        return self._job.progress

    @property
    def log(self):
        return self._job.log

    @property
    def needsPolling(self):
        """Whether something is awaited from the process soon."""
        return self._job.needsPolling

    def shownState(self):
        """Return what a panel shows of the job; it changes whenever the panel should."""
        job = self._job
        return (job.state, job.progress, job.pending, job.ready, job.message, len(job.log))

    def warmUp(self):
        """Start the process that registers, so that it is ready when it is needed. Raises OSError where it cannot."""
        from LongitudinalRegistrationLib.private_folder import private_folder

        command = self._workerCommand or workerCommand()
        self._wanted = True
        self._job.warmUp(command, self._libraryFolders(), lambda: private_folder(slicer.app.temporaryPath))

    def prepareScans(self, request):
        """Have the process prepare the request's scans now, where it runs and does nothing else."""
        if self._job.isWarm and not self._job.needsPolling:
            self._offerScans(request)

    def startRegistration(self, request):
        """Have a pair registered. Raises ValueError with what the user can do where the request is not valid."""
        from LongitudinalRegistrationSlicer.exchange import registerMessage

        ok, reason = request.isValid()
        if not ok:
            raise ValueError(reason)
        self._request, self.results, self.report = request, None, None
        self._job.begin()
        try:
            self.warmUp()
            self._offerScans(request)
            message = registerMessage(request, self._job.folder)
        except (RuntimeError, ValueError, OSError) as error:
            self._job.fail(_("The registration could not be started: {error}").format(error=error))
            return
        self._job.request(message)

    def poll(self):
        """Follow the process; bring the transform, later the registered volume into the scene. Returns the state."""
        self._job.poll()
        if self.state is State.IMPORTING:
            self._importTransform()
        if self._job.late is not None:
            self._importRegistered()
        if self._job.ready:
            self._restarts = 0
        elif self._wanted and not self._job.isWarm and self._restarts < MOST_RESTARTS:
            self._restarts += 1
            self.warmUp()
        return self.state

    def cancel(self):
        """End a running registration. Else nothing happens."""
        self._job.cancel()

    def shutDown(self):
        """End the process, and a registration with it."""
        self._wanted = False
        self._job.stop()

    def statusText(self):
        """Return a line for the panel: the stage, what went wrong, or how good the result is."""
        if self.state is State.RUNNING:
            stage = self.progress.stage.replace("_", " ") or _("starting")
            return _("Registering: {stage}").format(stage=stage)
        if self.state is State.DONE:
            return resultText(self.report, self._job.pending, self._job.message)
        if self.state is State.IDLE and self._job.isWarm:
            return _("Ready.") if self._job.ready else _("Getting ready ...")
        return self._job.message

    def _offerScans(self, request):
        volumes = ((request.fixed, True), (request.moving, False))
        there = [(v, isFixed) for v, isFixed in volumes if v is not None and v.GetImageData() is not None]
        if not there:
            return
        from LongitudinalRegistrationSlicer.exchange import scanKey, scanMessage

        for volume, isFixed in there:
            key = scanKey(volume, request.tableRemoval)
            if not self._job.knows(key):
                self._job.offer(key, scanMessage(volume, request.tableRemoval, isFixed, self._job.folder))

    def _importTransform(self):
        from LongitudinalRegistrationSlicer.exchange import importTransform, showTransformed

        if any(not slicer.mrmlScene.IsNodePresent(node) for node in self._request.nodes()):
            self._job.fail("A scan was removed while it was registered.")
            return
        try:
            self.results = importTransform(self._request, self._job.folder, self._job.answer)
            showTransformed(self._request)
            self.report = self._job.answer["report"]
        except (RuntimeError, ValueError, OSError, KeyError) as error:
            self._job.fail(f"The result could not be read: {error}")
            return
        self._job.finish()

    def _importRegistered(self):
        from LongitudinalRegistrationSlicer.exchange import importRegistered

        answer, self._job.late = self._job.late, None
        nodes = [*self._request.nodes(), self.results.transform]
        if any(not slicer.mrmlScene.IsNodePresent(node) for node in nodes):
            self._job.discard(answer)
            return
        try:
            self.results = importRegistered(self._request, self._job.folder, answer, self.results.transform)
            self.report = answer["report"]
        except (RuntimeError, ValueError, OSError, KeyError) as error:
            self._job.message = f"The registered volume could not be read: {error}"

    def _libraryFolders(self):
        """Return where LongitudinalRegistrationLib and TableRemovalLib lie, for the process's PYTHONPATH."""
        import LongitudinalRegistrationLib
        import TableRemovalLib

        packages = (LongitudinalRegistrationLib, TableRemovalLib)
        return [os.path.dirname(os.path.dirname(os.path.abspath(package.__file__))) for package in packages]


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
        command = [pythonExecutable(), "-m", "LongitudinalRegistrationSlicer.stand_in_worker"]
        return LongitudinalRegistrationLogic(workerCommand=command)

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
