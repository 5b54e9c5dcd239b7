"""The module's logic: one scan edited with a preview, several scans done one after the other."""

import dataclasses

import numpy as np
import slicer
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic
from TableRemovalLib.errors import InputError

from TableRemovalSlicer.checks import transformProblem, volumeProblem
from TableRemovalSlicer.kept_nodes import keptNode
from TableRemovalSlicer.packages import NUMBA, Packages
from TableRemovalSlicer.parameter_node import TableRemovalParameterNode
from TableRemovalSlicer.parameters import (
    finishOptionsFrom,
    optionsFrom,
    settingsInSession,
    settingsOf,
    writeOptions,
)
from TableRemovalSlicer.quality_rows import reportText, saveCsv, saveMontage
from TableRemovalSlicer.scan_choice import copyWithoutTransform
from TableRemovalSlicer.wording import overridesText


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
        return TableRemovalParameterNode(keptNode(super().getParameterNode()))

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
        from TableRemovalSlicer.removal import removeTable

        return removeTable(volumeNode, options, progress, finishOptions)

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
        """Go where the axial view has been scrolled to; return whether that is another slice."""
        from TableRemovalSlicer.views import sliceIndexShown

        k = sliceIndexShown(self.session.volumeNode)
        if k is None or k == self.session.k:
            return False
        self.session.showSlice(k)
        return True

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
        """End clicking."""
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
        text = session.progressText() or _("Preview of the whole scan: green is kept, red is removed.")
        remark = _("Note: {remark}.").format(remark=session.remark) if session.remark else ""
        return " ".join(filter(None, (text, overridesText(len(session.state.overrides.slices)), remark)))

    def copyToNeighbours(self, reach):
        """Give `reach` slices on either side of the slice shown its override."""
        self.session.copyToNeighbours(reach)

    def clearOverrides(self, indices=None):
        """Clear the overrides of slices, or (None) of all."""
        self.session.clearOverrides(indices)

    def undo(self):
        """Take one step of editing back."""
        self.session.undo()
        self.writeOptions()

    def redo(self):
        """Take the step again."""
        self.session.redo()
        self.writeOptions()

    def saveCsv(self, path):
        """Write the slices' figures and flags as CSV. Raises InputError where the file cannot be written."""
        saveCsv(self.session, path)

    def saveMontage(self, path):
        """Write a picture (PNG) of all slices with their outlines. Raises InputError where it cannot be written."""
        saveMontage(self.session, path)

    def copyWithoutTransform(self, volumeNode, harden):
        """Return a copy of a volume outside of its transform: with the transform applied (`harden`), or without."""
        return copyWithoutTransform(volumeNode, harden)

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

    def fromSegmentEditor(self):
        """Import the slices that were edited there as overrides; return how many there were."""
        return self.session.fromSegmentEditor()

    def hasEdited(self):
        """Return whether there is an edited segmentation to import."""
        from TableRemovalSlicer.segment_editor import editedSegmentation

        return editedSegmentation(self.session.volumeNode) is not None

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
