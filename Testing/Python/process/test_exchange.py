"""What goes to the registration process and what comes back into the scene."""

import numpy as np
import pytest
from jobs import STAND_IN, make_request, wait

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")


def test_a_second_registration_updates_the_transform_in_place(make_logic):
    import slicer

    logic, request = make_logic(STAND_IN), make_request()
    transforms = []
    for _run in range(2):
        logic.startRegistration(request)
        wait(logic, lambda: not logic.needsPolling)
        assert logic.state.value == "done", logic.statusText()
        transforms.append(logic.results.transform)
    assert transforms[0] is transforms[1] is request.moving.GetParentTransformNode()
    assert len(slicer.util.getNodes("Follow-up registered*", useLists=True)["Follow-up registered"]) == 1


def test_a_transform_that_was_removed_gets_no_registered_volume(make_logic):
    import slicer

    logic, request = make_logic(STAND_IN), make_request()
    logic.startRegistration(request)
    wait(logic, lambda: logic.state.value == "done")
    pending = logic.needsPolling
    slicer.mrmlScene.RemoveNode(logic.results.transform)
    wait(logic, lambda: not logic.needsPolling)
    assert not pending or slicer.mrmlScene.GetFirstNodeByName("Follow-up registered") is None


def test_labels_go_out_as_verse_numbers_from_segment_names(scene, tmp_path):
    import SimpleITK as sitk
    import slicer
    from LongitudinalRegistrationLib.system.shared_arrays import take_image
    from LongitudinalRegistrationSlicer.process.exchange import registerMessage
    from TableRemovalSlicer.volumes import geometryOfVolumeNode

    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "s")
    request = make_request(fixedLabels=segmentation)
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(request.fixed)
    array = np.zeros((10, 30, 30), np.uint8)
    for number, name in enumerate(("vertebrae_L1", "T12", "metastasis")):
        segmentId = segmentation.GetSegmentation().AddEmptySegment(name, name)
        array[:] = 0
        array[2 + 2 * number, 5:20, 6:21] = 1
        slicer.util.updateSegmentBinaryLabelmapFromArray(array, segmentation, segmentId, request.fixed)
    message = registerMessage(request, tmp_path)
    labels = take_image(tmp_path, message["labels"]["fixed"])
    written = sitk.GetArrayFromImage(labels)
    assert [int(written[k, 10, 10]) for k in (2, 4, 6)] == [20, 19, 101]
    spacing, origin, _direction = geometryOfVolumeNode(request.fixed)
    assert labels.GetSize() == (30, 30, 10) and np.allclose(labels.GetOrigin(), origin)
    assert np.allclose(labels.GetSpacing(), spacing) and list(message["labels"]) == ["fixed"]
