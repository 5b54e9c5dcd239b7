"""Removes the scanner table, mattress and clothes from a CT scan."""

import contextlib

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin
from TableRemovalLib.errors import InputError
from TableRemovalSlicer.checks import transformProblem
from TableRemovalSlicer.help_texts import acknowledgement, helpLinks
from TableRemovalSlicer.logic import TableRemovalLogic
from TableRemovalSlicer.module_test import TableRemovalTest
from TableRemovalSlicer.parameter_node import TableRemovalParameterNode
from TableRemovalWidgets.apply_section import ApplySection
from TableRemovalWidgets.edit_section import EditSection
from TableRemovalWidgets.manual_section import ManualSection
from TableRemovalWidgets.packages_section import PackagesSection
from TableRemovalWidgets.panel_width import letShrink
from TableRemovalWidgets.quality_section import QualitySection

__all__ = [
    "TableRemoval",
    "TableRemovalLogic",
    "TableRemovalParameterNode",
    "TableRemovalTest",
    "TableRemovalWidget",
]
"""Slicer looks for the module's classes in this file, by these names."""
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
        self.parent.helpText += helpLinks()
        self.parent.acknowledgementText = acknowledgement(_("the method 'Paper'"))


class TableRemovalWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel: shows what the logic has, and tells it what the user does."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.timer = None
        self._parameterNode = None
        self._guiTag = self._modifiedTag = None

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
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.onSceneEndImport)
        self.timer = qt.QTimer()
        self.timer.setInterval(POLL_MS)
        self.timer.connect("timeout()", self.poll)
        self.initializeParameterNode()
        if self.parent.isEntered:  # the module was reloaded: nobody enters it again
            self.enter()

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
        letShrink(self.parent)
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

    def onSceneEndImport(self, caller, event):
        """Views are still taking in what has come: Slicer crashes where a node that they show is removed now."""
        qt.QTimer.singleShot(0, lambda: self.onSceneEndClose(None, None))

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
            self._parameterNode.RemoveObserver(self._modifiedTag)
        self._parameterNode = parameterNode
        self.editSection.setParameterNode(parameterNode)
        self.applySection.setParameterNode(parameterNode)
        if self._parameterNode:
            self._guiTag = self._parameterNode.connectGui(self.ui)
            self._modifiedTag = self._parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, self._checkCanApply)
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
        scrolled = self.logic.followView()
        clicked = self.editSection.takeClicks()
        if self.logic.poll() or clicked:
            self._show()
        elif scrolled:
            self._showSettings()
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
        volume = self._parameterNode.inputVolume
        with self._telling():
            self._parameterNode.inputVolume = self.logic.copyWithoutTransform(volume, harden)

    def _show(self):
        self._showSettings()
        self.qualitySection.show()

    def _showSettings(self):
        if self._parameterNode:
            self.editSection.show()
            self.qualitySection.enableButtons()
            self.manualSection.enableButtons()
