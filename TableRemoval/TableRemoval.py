"""Takes the scanner table, mattress and clothes out of a CT scan."""

import dataclasses
from typing import Annotated

import numpy as np
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
from TableRemovalSlicer.checks import transformProblem
from TableRemovalSlicer.packages import installPackages, missingPackages

PACKAGES = {"numba": "numba>=0.59"}
METHODS = {"Robust": "robust", "Paper": "paper"}
SLICES_NAMED = 8


class TableRemoval(ScriptedLoadableModule):
    """What Slicer shows of the module."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Table Removal")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Registration")]
        self.parent.dependencies = []
        self.parent.contributors = ["LongitudinalRegistration contributors"]
        self.parent.helpText = _(
            "Finds the patient in a CT scan and sets all else (table, mattress, blanket, cables) to the "
            "intensity of air. The result is a new volume and the body mask as a segmentation; "
            "the scan itself is not changed."
        )
        self.parent.acknowledgementText = _(
            "Method 'Paper': van Eijnatten et al. 2021, 3D deformable registration of longitudinal "
            "abdominopelvic CT images using unsupervised deep learning."
        )


@parameterNodeWrapper
class TableRemovalParameterNode:
    """What the panel shows; `seedColumn` and `seedRow` are pixels, `threshold` is T_G in [0, 1]."""

    inputVolume: vtkMRMLScalarVolumeNode
    method: Annotated[str, Choice(list(METHODS))] = "Robust"
    automaticThreshold: bool = True
    threshold: Annotated[float, WithinRange(0.01, 1.0), Default(0.2)]
    automaticSeed: bool = True
    seedColumn: Annotated[int, WithinRange(0, 100000), Default(256)]
    seedRow: Annotated[int, WithinRange(0, 100000), Default(256)]
    seedSize: Annotated[int, WithinRange(1, 1000), Default(50)]
    fillHu: Annotated[float, WithinRange(-32768, 32767), Default(-1024.0)]


class TableRemovalWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._guiTag = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/TableRemoval.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = TableRemovalLogic()
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.ui.applyButton.connect("clicked(bool)", self.onApplyButton)
        self.ui.installButton.connect("clicked(bool)", self.onInstallButton)
        self.initializeParameterNode()

    def cleanup(self):
        self.removeObservers()

    def enter(self):
        self.initializeParameterNode()

    def exit(self):
        self.setParameterNode(None)

    def onSceneStartClose(self, caller, event):
        self.setParameterNode(None)

    def onSceneEndClose(self, caller, event):
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self):
        """Show the scene's parameters; preselect the first volume."""
        self.setParameterNode(self.logic.getParameterNode())
        if not self._parameterNode.inputVolume:
            firstVolume = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
            if firstVolume:
                self._parameterNode.inputVolume = firstVolume

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
        missing = missingPackages(PACKAGES)
        self.ui.packagesCollapsibleButton.visible = bool(missing)
        self.ui.packagesLabel.text = _("Missing: {names}. They are installed once.").format(names=", ".join(missing))
        parameters = self._parameterNode
        reason = self.logic.whyNot(parameters.inputVolume, self.logic.optionsFrom(parameters))
        self.ui.applyButton.enabled = not reason
        self.ui.applyButton.toolTip = reason or _("Make a volume without the table, and the body mask.")
        self.ui.thresholdSlider.enabled = not parameters.automaticThreshold
        self.ui.seedColumnSpinBox.enabled = not parameters.automaticSeed
        self.ui.seedRowSpinBox.enabled = not parameters.automaticSeed

    def onInstallButton(self):
        with slicer.util.tryWithErrorDisplay(_("The packages could not be installed."), waitCursor=True):
            installPackages(PACKAGES.values(), "Table Removal")
        self._checkCanApply()

    def onApplyButton(self):
        self.ui.applyButton.enabled = False
        self.ui.progressBar.visible = True
        try:
            with slicer.util.tryWithErrorDisplay(_("The table could not be removed."), waitCursor=True):
                outcome = self.logic.process(
                    self._parameterNode.inputVolume,
                    self.logic.optionsFrom(self._parameterNode),
                    self._showProgress,
                )
                self.ui.statusLabel.text = outcome.report
                slicer.util.setSliceViewerLayers(background=outcome.volume)
        except InputError as error:
            self.ui.statusLabel.text = str(error)
        finally:
            self.ui.progressBar.visible = False
            self._checkCanApply()

    def _showProgress(self, fraction):
        self.ui.progressBar.value = round(100 * fraction)
        slicer.app.processEvents()


@dataclasses.dataclass(frozen=True)
class TableRemovalOutcome:
    """The new volume without table, the body mask as a segmentation, and a sentence for the status line."""

    volume: object
    segmentation: object
    report: str


class TableRemovalLogic(ScriptedLoadableModuleLogic):
    """Volume node in; volume node and segmentation node out."""

    def getParameterNode(self):
        return TableRemovalParameterNode(super().getParameterNode())

    def optionsFrom(self, parameters):
        """Return the TableRemovalOptions that a parameter node stands for."""
        from TableRemovalLib.options import TableRemovalOptions

        return TableRemovalOptions(
            method=METHODS[parameters.method],
            threshold=None if parameters.automaticThreshold else parameters.threshold,
            seed_ij=None if parameters.automaticSeed else (parameters.seedColumn, parameters.seedRow),
            seed_size=parameters.seedSize,
            fill_hu=parameters.fillHu,
        )

    def whyNot(self, volumeNode, options):
        """Return why `process` would refuse, as a sentence that says what to do, or an empty string."""
        if missingPackages(PACKAGES):
            return _("Install the missing Python packages first (button above).")
        if volumeNode is None or volumeNode.GetImageData() is None:
            return _("Select a CT volume.")
        return options.isValid()[1] or transformProblem(volumeNode)

    def process(self, volumeNode, options, progress=None):
        """Add a volume without table and the body mask to the scene; return the TableRemovalOutcome.

        `progress` is called with the fraction done, 0..1. Raises InputError with what the user can do.
        """
        reason = self.whyNot(volumeNode, options)
        if reason:
            raise InputError(reason)
        from TableRemovalLib.body_mask import apply_body_mask, compute_body_mask
        from TableRemovalSlicer.volumes import addVolumeNode, imageFromVolumeNode

        image = imageFromVolumeNode(volumeNode)
        result = compute_body_mask(image, options, progress)
        name = volumeNode.GetName()
        cleaned = addVolumeNode(apply_body_mask(image, result.mask, options.fill_hu), f"{name} without table")
        cleaned.GetDisplayNode().CopyContent(volumeNode.GetDisplayNode())
        segmentation = self._addBodySegmentation(cleaned, result.mask, name)
        return TableRemovalOutcome(cleaned, segmentation, self._report(result))

    def _addBodySegmentation(self, volumeNode, mask, name):
        import SimpleITK as sitk

        segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{name} body mask")
        segmentation.CreateDefaultDisplayNodes()
        segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
        segmentId = segmentation.GetSegmentation().AddEmptySegment("Body", "Body")
        array = sitk.GetArrayFromImage(mask)
        slicer.util.updateSegmentBinaryLabelmapFromArray(array, segmentation, segmentId, volumeNode)
        segmentation.GetDisplayNode().SetVisibility2DFill(False)
        return segmentation

    def _report(self, result):
        flagged = [record for record in result.slices if record.flags]
        text = _("Body found in {count} slices, {seconds:.1f} s.").format(
            count=sum(record.area_mm2 > 0 for record in result.slices), seconds=result.seconds
        )
        if not flagged:
            return text
        named = [f"{record.index} ({', '.join(record.flags)})" for record in flagged[:SLICES_NAMED]]
        more = _(" and {count} more").format(count=len(flagged) - len(named)) if len(flagged) > len(named) else ""
        return text + _(" Look at slices {names}{more}.").format(names=", ".join(named), more=more)


class TableRemovalTest(ScriptedLoadableModuleTest):
    """Runs in Slicer and in the stand-in alike."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        for test in (self.test_tableIsRemoved, self.test_refusalSaysWhatToDo):
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
