"""The whole story in the panel, with real widgets, the real registration process and real rendering."""

import dataclasses
import os
import sys
import time

import numpy as np
import pytest
from processes import children, runs

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

COARSE = (
    "import dataclasses\n"
    "from LongitudinalRegistrationLib.pipeline import worker\n"
    "made = worker._options\n"
    "worker._options = lambda record: dataclasses.replace(made(record), niftyreg_spacing_mm=10.0, threads=1)\n"
    "worker.main()\n"
)
"""The worker with NiftyReg on 10 mm voxels, for seconds instead of minutes."""
WITHOUT_NETWORK = (
    "import pathlib\n"
    "from LongitudinalRegistrationLib.methods.network import model_store\n"
    "model_store.MODELS_FOLDER = pathlib.Path('nowhere')\n" + COARSE
)
"""The same where the network's model is missing."""


@pytest.fixture(scope="module")
def patient():
    """A patient small enough for NiftyReg within a test: coarse, and the middle 290 mm only."""
    from LongitudinalRegistrationLib.phantom import PhantomOptions, make_phantom

    pair = make_phantom(5, PhantomOptions(size=96, slices=40))
    return dataclasses.replace(pair, baseline=_middle(pair.baseline), followup=_middle(pair.followup))


def _middle(scan):
    """A scan of a phantom, and its labels, without the quarter of the slices at either end."""
    depth = scan.image.GetDepth()
    parts = {field.name: getattr(scan, field.name) for field in dataclasses.fields(scan)}
    return type(scan)(**{name: image[:, :, depth // 4 : -depth // 4] for name, image in parts.items()})


def _load(patient):
    """The patient's two scans and labels, as a user loads them."""
    from TableRemovalSlicer.volumes import addVolumeNode

    nodes = []
    for side, name in (("baseline", "CT 2024-03 baseline"), ("followup", "CT 2025-01 follow-up")):
        scan = getattr(patient, side)
        nodes.append(addVolumeNode(scan.image, name))
        nodes.append(addVolumeNode(scan.vertebrae, f"{name} vertebrae", "vtkMRMLLabelMapVolumeNode"))
    return nodes


def _spin(panel, until):
    """Let the panel's timer run until something holds, and its result is shown in all sections."""
    from slicerhost.application import letRun

    letRun(panel, until)
    letRun(panel, lambda: panel.results.isComplete)


def _register(panel):
    panel.ui.registerButton.click()
    _spin(panel, lambda: not panel.logic.needsPolling)


def test_from_two_scans_to_a_report(open_panel, patient, tmp_path):
    """Choose, register, see, jump, save; leave and come back; save and reload the scene; undo."""
    import slicer
    from LongitudinalRegistrationSlicer.results.nodes import reportOf, resultNodes
    from LongitudinalRegistrationSlicer.views import layout

    panel = open_panel()
    assert not panel.ui.registerButton.enabled and "Select" in panel.ui.reasonLabel.text
    _load(patient)
    panel.exit()
    panel.enter()
    assert panel.ui.fixedSelector.currentNode().GetName() == "CT 2024-03 baseline"
    assert panel.ui.movingSelector.currentNode().GetName() == "CT 2025-01 follow-up"
    assert panel.ui.fixedLabelsSelector.currentNode() is not None and panel.ui.registerButton.enabled
    panel.ui.swapButton.click()
    assert panel.ui.fixedSelector.currentNode().GetName() == "CT 2025-01 follow-up"
    panel.ui.swapButton.click()
    _register(panel)
    result = panel.result
    assert panel.logic.state.value == "done" and resultNodes() == [result]
    report = reportOf(result)
    # Slices 12 mm apart: resampled through the true transform, the labels overlap by 0.78.
    assert report["mean_dsc"]["after"] > 0.75 > report["mean_dsc"]["before"] + 0.4
    assert report["verdict"]["level"] in ("good", "check") and panel.results.resultSection.ui.verdictLabel.text

    panel.results.comparisonSection.ui.arrangeButton.click()
    assert layout.isShown() and panel.results.displacementSection._part._overlays
    table = panel.results.vertebraSection.ui.scoresTable
    labels = {int(value) for value in report["vertebrae"]}
    assert table.rowCount == len(labels) + 2
    table.selectRow(1)
    centre = slicer.util.arrayFromVTKMatrix(layout.sliceNode(layout.BASELINE, 1).GetSliceToRAS())[:3, 3]
    kji = np.argwhere(slicer.util.arrayFromVolume(panel.ui.fixedLabelsSelector.currentNode()) > 0)
    low, high = (_ras(panel.ui.fixedLabelsSelector.currentNode(), corner) for corner in (kji.min(0), kji.max(0)))
    assert (centre > np.minimum(low, high) - 5).all() and (centre < np.maximum(low, high) + 5).all()

    panel.results.resultSection.save(str(tmp_path / "saved"))
    written = {path.name for path in (tmp_path / "saved").iterdir()}
    figures = {"report.json", "vertebrae.csv", "report.html"}
    assert written == {"transform.h5", "expected_error.nii.gz", "registered.nii.gz", *figures}
    assert _saved_transform_agrees(tmp_path / "saved" / "transform.h5", result)
    pytest.importorskip("pydicom")
    panel.results.resultSection.exportDicom(str(tmp_path / "dicom"))
    assert len(list((tmp_path / "dicom" / "series").iterdir())) == patient.baseline.image.GetDepth()

    panel.exit()
    panel.enter()
    assert panel.result is result
    slicer.mrmlScene.RemoveNode(result)
    assert panel.result is None and panel.ui.movingSelector.currentNode().GetParentTransformNode() is None


def _ras(volume, kji):
    import slicer
    import vtk

    toRAS = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(toRAS)
    return (slicer.util.arrayFromVTKMatrix(toRAS) @ [*kji[::-1], 1.0])[:3]


def _saved_transform_agrees(path, result):
    import SimpleITK as sitk

    saved = sitk.ReadTransform(str(path))
    for point in ((0.0, 20.0, 60.0), (30.0, -10.0, 80.0), (-40.0, 0.0, 40.0)):
        ras = result.GetTransformFromParent().TransformPoint((-point[0], -point[1], point[2]))
        if not np.allclose((-ras[0], -ras[1], ras[2]), saved.TransformPoint(point), atol=0.01):
            return False
    return True


def test_two_methods_side_by_side_and_a_scene_that_is_saved_and_loaded(open_panel, patient, tmp_path, use_worker):
    """NiftyReg instead: both results stay, the table has both, all of it comes back with the scene."""
    import slicer
    from LongitudinalRegistrationSlicer.results.nodes import (
        fixedOf,
        methodOf,
        movingOf,
        registeredOf,
        reportOf,
        resultNodes,
    )

    use_worker([sys.executable, "-c", COARSE])
    panel = open_panel()
    _load(patient)
    panel.exit()
    panel.enter()
    _register(panel)
    panel.results.resultSection.ui.niftyRegButton.click()
    assert panel.ui.registerButton.text == "Cancel" and not panel.results.resultSection.ui.refineButton.enabled
    _spin(panel, lambda: not panel.logic.needsPolling)
    assert [methodOf(node) for node in resultNodes()] == ["cost-volume", "niftyreg"]
    assert movingOf(panel.result).GetParentTransformNode() is panel.result and methodOf(panel.result) == "niftyreg"
    header = panel.results.vertebraSection.ui.scoresTable
    titles = [header.horizontalHeaderItem(column).text() for column in range(header.columnCount)]
    assert any("cost-volume" in title.lower() for title in titles), titles
    box = panel.results.resultSection.ui.resultComboBox
    assert box.count == 2
    panel.results.resultSection._onActivated(0)
    assert movingOf(panel.result).GetParentTransformNode() is panel.result and methodOf(panel.result) == "cost-volume"

    point = panel.result.GetTransformFromParent().TransformPoint((10.0, 10.0, 50.0))
    report = reportOf(panel.result)
    slicer.mrmlScene.SetURL(str(tmp_path / "scene.mrml"))
    slicer.mrmlScene.SetRootDirectory(str(tmp_path))
    _store_everything(tmp_path)
    assert slicer.mrmlScene.Commit()
    slicer.mrmlScene.Clear(0)
    assert panel.result is None
    assert slicer.mrmlScene.Connect()
    results = resultNodes()
    assert [methodOf(node) for node in results] == ["cost-volume", "niftyreg"]
    assert reportOf(results[0]) == report and registeredOf(results[0]) is not None
    assert None not in (fixedOf(results[0]), movingOf(results[0]))
    panel.exit()
    panel.enter()
    assert np.allclose(results[0].GetTransformFromParent().TransformPoint((10.0, 10.0, 50.0)), point, atol=1e-3)
    assert panel.result is not None and panel.results.resultSection.ui.resultComboBox.count == 2


def _store_everything(folder):
    """Write the data of all nodes that are saved, as Slicer does when a scene is saved."""
    import slicer

    nodes = slicer.mrmlScene.GetNodes()
    for index in range(nodes.GetNumberOfItems()):
        node = nodes.GetItemAsObject(index)
        if not node.IsA("vtkMRMLStorableNode") or not node.GetSaveWithScene():
            continue
        node.AddDefaultStorageNode()
        storage = node.GetStorageNode()
        if storage is None:
            continue
        storage.SetFileName(str(folder / f"{node.GetID()}.{storage.GetDefaultWriteFileExtension()}"))
        assert storage.WriteData(node), node.GetName()


def test_without_a_model_niftyreg_does_it_and_the_panel_says_why(open_panel, patient, use_worker):
    use_worker([sys.executable, "-c", WITHOUT_NETWORK])
    panel = open_panel()
    _load(patient)
    panel.exit()
    panel.enter()
    seen = set()
    panel.ui.registerButton.click()
    _spin(panel, lambda: seen.add(panel.ui.statusLabel.text) or not panel.logic.needsPolling)
    assert panel.logic.report["method"] == "niftyreg" and "There is no model" in panel.ui.statusLabel.text
    assert "There is no model" in panel.results.resultSection.ui.verdictLabel.text
    assert any("niftyreg" in text in text for text in seen), seen


def test_several_follow_ups_in_one_go(open_panel, patient, use_worker):
    from LongitudinalRegistrationSlicer.results.nodes import fixedOf, resultNodes
    from TableRemovalSlicer.volumes import addVolumeNode

    use_worker([sys.executable, "-c", WITHOUT_NETWORK])
    panel = open_panel()
    _load(patient)
    addVolumeNode(patient.followup.image, "CT 2025-06 follow-up")
    panel.exit()
    panel.enter()
    parameters = panel.logic.getParameterNode()
    parameters.method = "Refinement alone"
    items = panel.ui.furtherList
    assert items.count == 1
    import qt

    items.item(0).setCheckState(qt.Qt.Checked)
    _register(panel)
    assert len(resultNodes()) == 2
    assert {fixedOf(node) for node in resultNodes()} == {parameters.fixedVolume}
    assert panel.logic.state.value == "done" and not panel.logic.busy


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="looks at processes in /proc")
@pytest.mark.parametrize("stage", ["affine", "niftyreg"])
def test_cancel_ends_the_children_and_leaves_the_scene(open_panel, patient, stage, use_worker):
    import slicer

    use_worker([sys.executable, "-c", WITHOUT_NETWORK])
    panel = open_panel()
    _load(patient)
    panel.exit()
    panel.enter()
    panel.logic.getParameterNode().method = "NiftyReg"
    _spin(panel, lambda: panel.logic._job.ready)
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    panel.ui.registerButton.click()
    worker = panel.logic._job._process._process.pid
    _spin(panel, lambda: panel.logic.progress.stage == stage and children(worker))
    started = children(worker)
    begun = time.monotonic()
    panel.ui.registerButton.click()
    assert panel.logic.state.value == "cancelled"
    while any(runs(pid) for pid in started) and time.monotonic() - begun < 5:
        panel.onTimer()
    assert time.monotonic() - begun < 1.0 and slicer.mrmlScene.GetNumberOfNodes() == nodes
    assert panel.ui.registerButton.text == "Register" and panel.result is None


def test_the_scene_is_closed_while_it_registers(open_panel, patient):
    import slicer
    from LongitudinalRegistrationSlicer.results.nodes import resultNodes

    panel = open_panel()
    _load(patient)
    panel.exit()
    panel.enter()
    panel.ui.registerButton.click()
    slicer.mrmlScene.Clear(0)
    assert panel.logic.state.value == "cancelled" and not panel.ui.registerButton.enabled
    for _turn in range(100):
        panel.onTimer()
        time.sleep(0.01)
    assert panel.result is None and not resultNodes()
