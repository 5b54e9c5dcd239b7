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
    assert message["label_names"] == {101: "metastasis"}
    spacing, origin, _direction = geometryOfVolumeNode(request.fixed)
    assert labels.GetSize() == (30, 30, 10) and np.allclose(labels.GetOrigin(), origin)
    assert np.allclose(labels.GetSpacing(), spacing) and list(message["labels"]) == ["fixed"]


@pytest.mark.parametrize(
    "labels, under, scanUnder, words",
    [
        ("movingLabels", None, None, ""),
        ("movingLabels", "result", "result", ""),
        ("movingLabels", None, "result", ""),
        ("movingLabels", "result", None, "is under 'first' and its scan is not: place both"),
        ("movingLabels", "result", "other", "is under 'first' and its scan is not: place both"),
        ("movingLabels", "plain", None, "harden"),
        ("fixedLabels", "result", None, "switch"),
        ("fixedLabels", "plain", None, "harden"),
    ],
)
def test_labels_under_a_transform_are_used_where_they_are_or_refused(scene, labels, under, scanUnder, words):
    """They are read where they were drawn; under a transform that their scan is not under they are seen elsewhere."""
    import slicer
    from LongitudinalRegistrationSlicer.results.nodes import RESULT_ATTRIBUTE

    def transform(kind):
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "first" if kind == "result" else kind)
        if kind != "plain":
            node.SetAttribute(RESULT_ATTRIBUTE, "niftyreg")
        return node

    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "s")
    request = make_request(**{labels: segmentation})
    made = {kind: transform(kind) for kind in {under, scanUnder} - {None}}
    if under:
        segmentation.SetAndObserveTransformNodeID(made[under].GetID())
    if scanUnder:
        request.moving.SetAndObserveTransformNodeID(made[scanUnder].GetID())
    ok, reason = request.isValid()
    assert ok == (not words) and words in reason


def test_what_the_network_expects_to_be_off_is_kept_with_the_scene_and_goes_out_with_a_comparison(scene, tmp_path):
    import SimpleITK as sitk
    from LongitudinalRegistrationLib.system.shared_arrays import save_image, take_image
    from LongitudinalRegistrationSlicer.process.exchange import changesMessage, importTransform
    from LongitudinalRegistrationSlicer.results.nodes import expectedErrorOf, lastResult
    from slicerhost.scene_files import loadScene, saveScene

    error = sitk.GetImageFromArray(np.linspace(0.25, 2.0, 24, dtype=np.float32).reshape(2, 3, 4))
    error.SetSpacing((8.0, 8.0, 8.0))
    error.SetOrigin((5.0, -7.0, 9.0))
    field = sitk.Image([4, 4, 4], sitk.sitkVectorFloat32, 3)
    request = make_request()

    def answer(**more):
        record = save_image(field, tmp_path, "field.npy")
        return {"affine": np.eye(4).ravel().tolist(), "field": record, "report": {"method": "cost-volume"}, **more}

    result = importTransform(request, tmp_path, answer(expected_error=save_image(error, tmp_path, "e.npy"))).transform
    sent = take_image(tmp_path, changesMessage(request, result, "bone", tmp_path, 1)["expected_error"])
    assert sent.GetOrigin() == error.GetOrigin() and sent.GetSpacing() == error.GetSpacing()
    np.testing.assert_allclose(sitk.GetArrayFromImage(sent), sitk.GetArrayFromImage(error), atol=1 / 32)
    assert importTransform(request, tmp_path, answer()).transform is result
    assert changesMessage(request, result, "bone", tmp_path, 2)["expected_error"] is None
    importTransform(request, tmp_path, answer(expected_error=save_image(error, tmp_path, "e.npy")))
    saveScene(tmp_path / "scene.mrml")
    loadScene(tmp_path / "scene.mrml")
    np.testing.assert_allclose(
        sitk.GetArrayFromImage(expectedErrorOf(lastResult())), sitk.GetArrayFromImage(error), atol=1 / 32
    )


@pytest.mark.parametrize(("value", "name"), [(1, "label 1"), (20, "L1")])
def test_a_label_map_of_a_lesion_numbered_1_is_no_atlas(scene, value, name):
    import slicer
    from LongitudinalRegistrationSlicer.vertebrae.label_matching import VERSE, labelsIn, matchLabels

    array = np.zeros((6, 8, 8), np.uint8)
    array[2:4, 2:6, 2:6] = value
    nodes = [
        slicer.util.addVolumeFromArray(array, name=side, nodeClassName="vtkMRMLLabelMapVolumeNode") for side in "ab"
    ]
    (match,) = matchLabels(*nodes)
    assert match.name == name and match.fixed is not None and match.moving is not None
    assert [label.number for label in labelsIn(nodes[0], VERSE)] == [value]
