"""Removes the scanner table, mattress and clothes from a CT scan."""

import contextlib
import dataclasses
import time
from typing import Annotated

import numpy as np
import qt
import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import Choice, Default, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin
from TableRemovalLib.errors import InputError
from TableRemovalSlicer.checks import transformProblem, volumeProblem
from TableRemovalSlicer.packages import NUMBA, Packages
from TableRemovalSlicer.parameters import (
    METHODS,
    finishOptionsFrom,
    optionsFrom,
    settingsInSession,
    settingsOf,
    writeOptions,
)
from TableRemovalSlicer.quality_rows import reportText
from TableRemovalWidgets.apply_section import ApplySection
from TableRemovalWidgets.edit_section import EditSection
from TableRemovalWidgets.manual_section import ManualSection
from TableRemovalWidgets.packages_section import PackagesSection
from TableRemovalWidgets.quality_section import QualitySection

POLL_MS = 50


class TableRemoval(ScriptedLoadableModule):
    """What Slicer shows of the module."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Table Removal")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Registration")]
        self.parent.dependencies = []
        self.parent.contributors = ["LongitudinalRegistration contributors"]
        self.parent.helpText = _(
            "Finds the patient in a CT scan and sets everything else (table, mattress, blanket, cables) to the "
            "intensity of air. The result is a new volume and the body mask as a segmentation; "
            "the scan itself is not changed."
        )
        self.parent.acknowledgementText = _(
            "Method 'Paper': van Eijnatten et al. 2021, 3D deformable registration of longitudinal "
            "abdominopelvic CT images using unsupervised deep learning."
        )


@parameterNodeWrapper
class TableRemovalParameterNode:
    """Settings of the whole scan; `seedColumn` and `seedRow` are pixels, `threshold` is T_G in [0, 1].

    The overrides of single slices are kept with the volume: see TableRemovalSlicer.scan_memory.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    method: Annotated[str, Choice(list(METHODS))] = "Robust"
    automaticThreshold: bool = True
    threshold: Annotated[float, WithinRange(0.001, 1.0), Default(0.13)]
    automaticSeed: bool = True
    seedColumn: Annotated[int, WithinRange(0, 100000), Default(256)]
    seedRow: Annotated[int, WithinRange(0, 100000), Default(256)]
    seedSize: Annotated[int, WithinRange(1, 1000), Default(50)]
    fillHu: Annotated[float, WithinRange(-32768, 32767), Default(-1024.0)]
    softEdge: Annotated[float, WithinRange(0, 50), Default(0.0)]
    crop: bool = False
    cropMargin: Annotated[float, WithinRange(0, 500), Default(10.0)]


class TableRemovalWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel: shows what the logic has, and tells it what the user does."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.timer = None
        self._parameterNode = None
        self._guiTag = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/TableRemoval.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = TableRemovalLogic()
        self._addSections(uiWidget.layout())
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeRemovedEvent, self.onNodesChanged)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeAddedEvent, self.onNodesChanged)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.onSceneEndClose)
        self.timer = qt.QTimer()
        self.timer.setInterval(POLL_MS)
        self.timer.connect("timeout()", self.poll)
        self.initializeParameterNode()

    def _addSections(self, layout):
        ui, logic = self.ui, self.logic
        self.packagesSection = PackagesSection(layout, logic.packages, self.onPackagesChanged, logic.close)
        self.editSection = EditSection(ui, logic, self._edit, self._telling, self._showSettings)
        self.qualitySection = QualitySection(ui, logic, self._edit, self._telling, self._showSettings)
        self.manualSection = ManualSection(ui, logic, self._telling, self._show)
        self.applySection = ApplySection(ui, logic, self._checkCanApply)
        logic.onSeedMoved = self.editSection.onSeedMoved
        for button, receiver in (
            (ui.hardenButton, lambda: self.onCopyButton(True)),
            (ui.plainCopyButton, lambda: self.onCopyButton(False)),
            (ui.paperButton, lambda: self._edit(logic.usePaperValues)),
        ):
            button.connect("clicked(bool)", lambda checked=False, receiver=receiver: receiver())

    def cleanup(self):
        self.timer.stop()
        self.packagesSection.cleanup()
        self.setParameterNode(None)
        self.logic.close()
        self.removeObservers()

    def enter(self):
        self.logic.rememberDisplay()
        self.packagesSection.enter()
        self.initializeParameterNode()
        self.timer.start()

    def exit(self):
        self.timer.stop()
        self.editSection.stopClicking()
        self.setParameterNode(None)
        self.logic.close()
        self.logic.restoreDisplay()

    def onSceneStartClose(self, caller, event):
        self.editSection.stopClicking()
        self.setParameterNode(None)

    def onSceneEndClose(self, caller, event):
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onNodesChanged(self, caller, event):
        if self._parameterNode and not slicer.mrmlScene.IsBatchProcessing():
            if self.logic.session and self.logic.session.volumeNode.GetScene() is None:
                self._checkCanApply()
            self.applySection.showOthers()

    def initializeParameterNode(self):
        """Show the scene's parameters; preselect the first volume."""
        self.setParameterNode(self.logic.getParameterNode())
        if not self._parameterNode.inputVolume:
            firstVolume = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
            if firstVolume and firstVolume.GetClassName() == "vtkMRMLScalarVolumeNode":
                self._parameterNode.inputVolume = firstVolume

    def setParameterNode(self, parameterNode):
        """Connect the panel to a parameter node, or to none, which ends the preview."""
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._guiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._checkCanApply)
        self._parameterNode = parameterNode
        self.editSection.setParameterNode(parameterNode)
        self.applySection.setParameterNode(parameterNode)
        if self._parameterNode:
            self._guiTag = self._parameterNode.connectGui(self.ui)
            self.addObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._checkCanApply)
            self._checkCanApply()
        else:
            self._followSession(False)

    def poll(self):
        """Called by the timer: look for what the background, the views and the mouse have brought."""
        self.packagesSection.poll()
        if not self._parameterNode:
            return
        if self.logic.session is None:
            return
        if self.logic.session.outdated():
            self._checkCanApply()
            return
        self.logic.followView()
        clicked = self.editSection.takeClicks()
        if self.logic.poll() or clicked:
            self._show()
        self.editSection.showProgress()

    def onPackagesChanged(self):
        """Packages have come or gone."""
        if self._parameterNode:
            self._checkCanApply()

    def _checkCanApply(self, caller=None, event=None):
        parameters = self._parameterNode
        reason = self.logic.whyNot(parameters.inputVolume, self.logic.optionsFrom(parameters))
        self.ui.applyButton.enabled = not reason
        self.ui.applyButton.toolTip = reason or _("Create a volume without the table, and the body mask.")
        moved = parameters.inputVolume is not None and bool(transformProblem(parameters.inputVolume))
        self.ui.hardenButton.visible = self.ui.plainCopyButton.visible = moved
        self.ui.problemLabel.text = reason if parameters.inputVolume else ""
        self.ui.problemLabel.visible = bool(self.ui.problemLabel.text)
        self._followSession(not reason)
        self._showSettings()

    def _followSession(self, usable):
        usable = usable and self.parent.isEntered and not slicer.mrmlScene.IsBatchProcessing()
        volume = self._parameterNode.inputVolume if usable else None
        before = self.logic.session
        self.logic.follow(volume, self._parameterNode)
        if before is not self.logic.session:
            self.editSection.stopClicking()
            self.applySection.showOthers()
            self.qualitySection.show()

    @contextlib.contextmanager
    def _telling(self):
        """Problems that the user can solve go to the status line."""
        with slicer.util.tryWithErrorDisplay(_("The action failed.")):
            try:
                yield
            except InputError as error:
                self.ui.statusLabel.text = str(error)

    def _edit(self, action):
        """Do what changes the mask, then show it."""
        if self.logic.session is None and action != self.logic.usePaperValues:
            return
        self.ui.statusLabel.text = ""
        with self._telling():
            action()
        self.logic.writeOptions()
        self._show()

    def onCopyButton(self, harden):
        with self._telling():
            self._parameterNode.inputVolume = self.logic.copyWithoutTransform(self._parameterNode.inputVolume, harden)

    def _show(self):
        self._showSettings()
        self.qualitySection.show()

    def _showSettings(self):
        if self._parameterNode:
            self.editSection.show()
            self.qualitySection.enableButtons()
            self.manualSection.enableButtons()


@dataclasses.dataclass(frozen=True)
class TableRemovalOutcome:
    """The new volume without table, the body mask as a segmentation, and a sentence for the status line."""

    volume: object
    segmentation: object
    report: str


class TableRemovalLogic(ScriptedLoadableModuleLogic):
    """Volume node in; volume node and segmentation node out. `session` is what is being edited, or None."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleLogic.__init__(self, parent)
        self.session = None
        self.onSeedMoved = None
        self._worker = self._display = self._clickTool = self._parameters = None
        self._batchWorker = None
        self.packages = Packages([NUMBA])

    def getParameterNode(self):
        return TableRemovalParameterNode(super().getParameterNode())

    def optionsFrom(self, parameters):
        """Return the TableRemovalOptions that a parameter node stands for."""
        return optionsFrom(parameters)

    def whyNot(self, volumeNode, options):
        """Return why `process` would refuse, as a sentence that says what to do, or an empty string."""
        if self.packages.missing:
            return _("Install the missing Python packages first (button above).")
        if not self.packages.isLent("numba"):
            return _("None of numba's versions fits Slicer's numpy: the table cannot be removed here.")
        return volumeProblem(volumeNode) or options.isValid()[1] or transformProblem(volumeNode)

    def process(self, volumeNode, options, progress=None, finishOptions=None):
        """Add a volume without table and the body mask to the scene; return the TableRemovalOutcome.

        Waits until it is done; the volume's slice overrides are used. `progress` is called with the fraction done,
        0..1. Raises InputError with what the user can do.
        """
        reason = self.whyNot(volumeNode, options)
        if reason:
            raise InputError(reason)
        from TableRemovalLib.edit_state import EditState
        from TableRemovalLib.edited_mask import compute_edited_mask
        from TableRemovalLib.finish import FinishOptions, finish
        from TableRemovalSlicer.results import addResult, parameterRecord
        from TableRemovalSlicer.scan_memory import readOverrides
        from TableRemovalSlicer.volumes import imageFromVolumeNode

        finishOptions = finishOptions or FinishOptions(options.fill_hu)
        image = imageFromVolumeNode(volumeNode)
        state = EditState(options, readOverrides(volumeNode))
        result = compute_edited_mask(image, state, progress)
        volume, mask = finish(image, result.mask, finishOptions)
        nodes = addResult(volumeNode, volume, mask, parameterRecord(volumeNode, state, finishOptions))
        return TableRemovalOutcome(*nodes, reportText(result.records, result.seconds))

    def follow(self, volumeNode, parameters):
        """Have a session for this volume, none where it is None, under these parameters."""
        self._parameters = parameters
        if self.session and (self.session.volumeNode is not volumeNode or self.session.outdated()):
            self.stopClicking()
            self.session.close()
            self.session = None
        if volumeNode is None or volumeNode.GetScene() is None:
            return
        if self.session is None:
            self._open(volumeNode, self.optionsFrom(parameters))
        elif self.session.state.options != self.optionsFrom(parameters):
            self.session.change(dataclasses.replace(self.session.state, options=self.optionsFrom(parameters)))

    def _open(self, volumeNode, options):
        from TableRemovalSlicer.scan_worker_process import ScanWorkerProcess
        from TableRemovalSlicer.session import EditingSession
        from TableRemovalSlicer.views import sliceIndexShown

        if self._worker is None:
            self._worker = ScanWorkerProcess()
        self.session = EditingSession(volumeNode, options, self._worker, self.onSeedMoved)
        self.session.show(True)
        k = sliceIndexShown(volumeNode)
        if k is not None:
            self.session.showSlice(k)

    def close(self):
        """End the session and the process behind it."""
        self.follow(None, None)
        for worker in (self._worker, self._batchWorker):
            if worker is not None:
                worker.close()
        self._worker = self._batchWorker = None

    def poll(self):
        """Look for answers from the background; return whether something has changed."""
        return self.session.poll()

    def rememberDisplay(self):
        """Remember what the views show, for `restoreDisplay`."""
        from TableRemovalSlicer.views import DisplaySettings

        if self._display is None:
            self._display = DisplaySettings()

    def restoreDisplay(self):
        """Put back what the views showed."""
        if self._display is not None:
            self._display.restore()
            self._display = None

    def followView(self):
        """Go where the axial view has been scrolled to."""
        from TableRemovalSlicer.views import sliceIndexShown

        k = sliceIndexShown(self.session.volumeNode)
        if k is not None and k != self.session.k:
            self.session.showSlice(k)

    def showSlice(self, k):
        """Go to a slice, the axial view too."""
        from TableRemovalSlicer.views import showSlice

        showSlice(self.session.volumeNode, k)
        self.session.showSlice(k)

    def jumpTo(self, k):
        """Go to a slice; all slice views jump to the middle of the body there."""
        from TableRemovalSlicer.seed_marker import rasFromIjk

        rows, columns = np.nonzero(self.session.mask(k))
        i, j = (columns.mean(), rows.mean()) if rows.size else (self.session.size[0] / 2, self.session.size[1] / 2)
        ras = rasFromIjk(self.session.volumeNode, float(i), float(j), k)
        slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *ras)
        self.session.showSlice(k)

    def writeOptions(self):
        """Write the session's options into the parameter node, as undo and presets change them."""
        if self.session is not None:
            writeOptions(self._parameters, self.session.state.options)

    def usePaperValues(self):
        """The paper's method and values for the whole scan; overrides stay."""
        if self.session:
            self.session.usePaperValues()
            return
        self._parameters.method = "Paper"
        self._parameters.automaticThreshold = self._parameters.automaticSeed = True
        self._parameters.seedSize = 50

    def setThreshold(self, threshold, indices=None, ownStep=False):
        """T_G, or None for automatic, for slices or (None) the whole scan."""
        if self.session:
            self.session.setThreshold(threshold, indices, ownStep)
            self.writeOptions()
            return
        if threshold is not None:
            self._parameters.threshold = threshold
        self._parameters.automaticThreshold = threshold is None

    def setSeed(self, seed, indices=None, ownStep=False):
        """The seed's (column, row), or None for automatic, for slices or (None) the whole scan."""
        if self.session:
            self.session.setSeed(seed, indices, ownStep)
            self.writeOptions()
            return
        if seed is not None:
            self._parameters.seedColumn, self._parameters.seedRow = seed
        self._parameters.automaticSeed = seed is None

    def setSeedSize(self, size, indices=None):
        """The side of the seed square in pixels, for slices or (None) the whole scan."""
        if self.session:
            self.session.setSeedSize(size, indices)
            self.writeOptions()
        else:
            self._parameters.seedSize = int(size)

    def settingsShown(self, indices=None):
        """Return the SettingsShown for slices, or for the whole scan (None)."""
        parameters = self._parameters or self.getParameterNode()
        if self.session is None:
            return settingsOf(parameters)
        return settingsInSession(self.session, indices, parameters.threshold)

    def startClicking(self):
        """Let clicks in the views keep or drop parts."""
        from TableRemovalSlicer.click_tool import ClickTool

        if self._clickTool is None:
            self._clickTool = ClickTool()

    def stopClicking(self):
        """Give the mouse back."""
        if self._clickTool is not None:
            self._clickTool.close()
            self._clickTool = None

    @property
    def clicking(self):
        """Whether clicks in the views keep or drop parts."""
        return self._clickTool is not None and self._clickTool.active

    def takeClicks(self, indices=None):
        """Do what the clicks since the last call ask for, in the slice clicked or in `indices`; return whether any."""
        clicks = self._clickTool.taken(self.session.volumeNode) if self._clickTool else []
        for i, j, k in clicks:
            self.session.click(i, j, min(max(k, 0), self.session.size[2] - 1), indices)
        return bool(clicks)

    def previewText(self):
        """Return what the preview waits for or shows, as a sentence."""
        session = self.session
        if session is None:
            return ""
        if session.problem or session.overridesProblem:
            return session.problem or session.overridesProblem
        count = len(session.state.overrides.slices)
        text = session.progressText() or _("Preview of the whole scan: green is kept, red is removed.")
        return text + (_(" {count} slices have overrides.").format(count=count) if count else "")

    def showAreaPlot(self):
        """Show area against slice in the layout's plot view; return the chart node."""
        from TableRemovalSlicer.quality_nodes import updateAreaChart, updateQualityTable

        table = updateQualityTable(self.session.volumeNode, self.session.records)
        chart = updateAreaChart(self.session.volumeNode, table)
        slicer.modules.plots.logic().ShowChartInLayout(chart)
        return chart

    def toSegmentEditor(self):
        """Put the mask into the Segment Editor's segmentation and return that node."""
        return self.session.toSegmentEditor()

    def hasEdited(self):
        """Return whether there is a hand-edited segmentation to take back."""
        from TableRemovalSlicer.segment_editor import editedSegmentation

        return editedSegmentation(self.session.volumeNode) is not None

    def copyWithoutTransform(self, volumeNode, harden):
        """Return a copy of a volume outside of its transform: with the transform applied (`harden`), or without."""
        suffix = _("hardened") if harden else _("without transform")
        copy = slicer.modules.volumes.logic().CloneVolume(
            slicer.mrmlScene, volumeNode, f"{volumeNode.GetName()} {suffix}"
        )
        copy.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID() if harden else None)
        if harden:
            copy.HardenTransform()
        return copy

    def otherVolumes(self, volumeNode):
        """Return the other volumes in the scene that could be CT scans, results of this module left out."""
        from TableRemovalSlicer.results import RECORD_ATTRIBUTE

        nodes = [n for n in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if not n.GetHideFromEditors()]
        return [n for n in nodes if n is not volumeNode and not (n.GetAttribute(RECORD_ATTRIBUTE) or volumeProblem(n))]

    def startBatch(self, volumeNodes):
        """Return an ApplyBatch for these volumes; whoever has it calls its `poll`."""
        from TableRemovalSlicer.batch import ApplyBatch
        from TableRemovalSlicer.scan_worker_process import ScanWorkerProcess

        if self._batchWorker is None:
            self._batchWorker = ScanWorkerProcess()
        session, ready = self.session, {}
        if session and session.current and session.records:
            ready[session.volumeNode.GetID()] = (session.maskImage(), session.state, session.records)
        options, finishOptions = self.optionsFrom(self._parameters), finishOptionsFrom(self._parameters)
        return ApplyBatch(volumeNodes, options, finishOptions, self._batchWorker, ready)

    def endBatch(self, batch):
        """Show what a batch has made and return a sentence about it."""
        from TableRemovalSlicer.views import showVolume

        if self._batchWorker is not None:
            self._batchWorker.close()
            self._batchWorker = None
        made = [outcome for outcome in batch.outcomes if outcome.volume is not None]
        if made:
            if self._display is not None:
                self._display.keepBackground(made[0].volume)
            if self.session:
                self.session.show(False)
            showVolume(made[0].volume)
        problems = [outcome.problem for outcome in batch.outcomes if outcome.problem]
        reports = [f"{o.name}: {reportText(o.records)}" for o in made]
        cancelled = [_("Cancelled.")] if batch.cancelled else []
        return "\n".join([*reports, *problems, *cancelled])


class TableRemovalTest(ScriptedLoadableModuleTest):
    """Runs in Slicer and in the stand-in alike."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        for test in (self.test_tableIsRemoved, self.test_refusalSaysWhatToDo, self.test_previewFollowsAndApplies):
            self.setUp()
            test()

    def test_tableIsRemoved(self):
        """An elliptic body above a flat table: the table goes, the body stays, the scan is as it was."""
        scan, body, table = self._makeScan()
        before = slicer.util.arrayFromVolume(scan).copy()
        logic = TableRemovalLogic()
        outcome = logic.process(scan, logic.optionsFrom(logic.getParameterNode()))
        after = slicer.util.arrayFromVolume(outcome.volume)
        self.assertEqual(set(np.unique(after[table])), {-1024})
        self.assertGreater(float((after[body] == before[body]).mean()), 0.99)
        self.assertTrue(np.array_equal(slicer.util.arrayFromVolume(scan), before))
        self.assertEqual(outcome.segmentation.GetSegmentation().GetNumberOfSegments(), 1)
        self.assertIn("24 slices", outcome.report)

    def test_refusalSaysWhatToDo(self):
        """Without a volume, and with one under a transform, the refusal names the remedy."""
        logic = TableRemovalLogic()
        options = logic.optionsFrom(logic.getParameterNode())
        self.assertIn("Select", logic.whyNot(None, options))
        scan = self._makeScan()[0]
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode")
        scan.SetAndObserveTransformNodeID(transform.GetID())
        with self.assertRaisesRegex(InputError, "harden"):
            logic.process(scan, options)

    def test_previewFollowsAndApplies(self):
        """The overlay follows the background, an override and its undo; Apply makes the result from it."""
        scan, body, table = self._makeScan()
        logic = TableRemovalLogic()
        parameters = logic.getParameterNode()
        logic.follow(scan, parameters)
        try:
            session = logic.session
            self._wait(logic.poll, lambda: session.ready and session.current)
            self.assertGreater(float((session.maskArray() == body).mean()), 0.99)
            session.showSlice(5)
            session.setThreshold(0.001, [5])
            fewer = int(session.mask(5).sum())
            self.assertLess(fewer, int(session.mask(6).sum()))
            session.undo()
            self.assertGreater(int(session.mask(5).sum()), fewer)
            self._wait(logic.poll, lambda: session.current)
            batch = logic.startBatch([scan])
            self._wait(batch.poll, lambda: batch.done)
            self.assertIn("24 slices", logic.endBatch(batch))
            after = slicer.util.arrayFromVolume(batch.outcomes[0].volume)
            self.assertEqual(set(np.unique(after[table])), {-1024})
        finally:
            logic.close()

    def _wait(self, step, done, seconds=180):
        end = time.monotonic() + seconds
        while not done() and time.monotonic() < end:
            slicer.app.processEvents()
            step()
            time.sleep(0.02)
        self.assertTrue(done())

    def _makeScan(self):
        """Return a volume node, and the arrays that are True in its body and in its table, [k, j, i]."""
        shape = (24, 128, 128)
        k, j, i = np.indices(shape)
        body = ((i - 64) / 45) ** 2 + ((j - 56) / 30) ** 2 < 1
        table = (j >= 96) & (j < 100) & (abs(i - 64) < 50)
        noise = np.random.default_rng(1).normal(0, 10, shape)
        array = np.where(body, 40, np.where(table, -200, -1000)) + noise
        ijkToRAS = np.diag([-3.0, -3.0, 4.0, 1.0])
        scan = slicer.util.addVolumeFromArray(array.astype(np.int16), ijkToRAS=ijkToRAS, name="CT")
        return scan, body, table
