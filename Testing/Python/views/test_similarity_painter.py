"""The maps of local similarity over a view: clear where the scans agree, covered where they do not."""

import numpy as np
import pytest

pytest.importorskip("trame_slicer")

PX, MM = 240, 1.5


@pytest.fixture(scope="module")
def scans(phantom_pair):
    """A baseline, and a registered scan that differs from it by noise in the left half only."""
    import SimpleITK as sitk

    fixed = phantom_pair.baseline.image
    values = sitk.GetArrayFromImage(fixed).copy()
    half = values[:, :, values.shape[2] // 2 :]
    half[:] = half + np.random.default_rng(0).normal(0, 1500, half.shape).astype(half.dtype)
    registered = sitk.GetImageFromArray(values)
    registered.CopyInformation(fixed)
    return fixed, registered


@pytest.fixture
def result(scans, scene):
    import slicer
    from LongitudinalRegistrationSlicer.results.nodes import REGISTERED_ROLE, RESULT_ATTRIBUTE
    from TableRemovalSlicer.volumes import addVolumeNode

    fixed, registered = (addVolumeNode(image, name) for image, name in zip(scans, ("f", "r"), strict=True))
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "result")
    node.SetAttribute(RESULT_ATTRIBUTE, "refinement")
    node.SetNodeReferenceID(node.GetFixedNodeReferenceRole(), fixed.GetID())
    node.SetNodeReferenceID(REGISTERED_ROLE, registered.GetID())
    yield node
    slicer.mrmlScene.Clear(0)


def _frame(image):
    """An axial view through the middle of a scan, x to the patient's left."""
    from LongitudinalRegistrationSlicer.views.slice_overlay import Frame, Layer

    middle = np.array(image.TransformContinuousIndexToPhysicalPoint([n / 2 for n in image.GetSize()]))
    toRAS = np.diag([-MM, MM, 1.0, 1.0])
    toRAS[:3, 3] = middle * (-1, -1, 1) + (MM * PX / 2, -MM * PX / 2, 0)
    layer = Layer(np.zeros((PX, PX), np.int16), np.ones((PX, PX), bool), 1800, 400)
    return Frame("view", PX, PX, toRAS, layer, None)


@pytest.mark.parametrize("mode", ["Local SSIM", "Local NCC"])
def test_what_differs_is_covered_and_what_agrees_is_clear(result, scans, mode):
    from LongitudinalRegistrationSlicer.views.similarity_painter import SimilarityPainter

    painter = SimilarityPainter(result)
    painter.prepare()
    painter.mode = mode
    picture = painter(_frame(scans[0]), np.zeros((PX, PX, 3), np.uint8)).astype(int)
    row = picture[PX // 2]
    agrees, differs = row[PX // 2 - 50 : PX // 2 - 15], row[PX // 2 + 15 : PX // 2 + 50]
    assert agrees.max() < 20 and np.median(differs[:, 0]) > 60
    assert np.median(differs[:, 0] - differs[:, 2]) > 50
    assert picture[PX - 2, 2].max() == 0


def test_another_mode_leaves_the_picture_alone(result, scans):
    from LongitudinalRegistrationSlicer.views.similarity_painter import SimilarityPainter

    picture = np.full((PX, PX, 3), 7, np.uint8)
    assert SimilarityPainter(result)(_frame(scans[0]), picture) is picture


def test_a_map_of_an_earlier_registered_volume_is_not_shown(result, scans):
    import slicer
    from LongitudinalRegistrationSlicer.results.nodes import REGISTERED_ROLE, registeredOf
    from LongitudinalRegistrationSlicer.views.similarity_painter import NCC, SimilarityPainter

    def painted():
        return painter(_frame(scans[0]), np.full((PX, PX, 3), 7, np.uint8))

    painter, first = SimilarityPainter(result), registeredOf(result)
    painter.mode = NCC
    painter.prepare()
    shown = painted()
    assert (shown[PX // 2 :, : PX // 2] != 7).any()
    result.SetNodeReferenceID(REGISTERED_ROLE, None)
    painter.prepare()
    waiting = painted()
    assert (waiting == 7).all() and painter.legend().titles == (NCC, "no registered volume")
    result.SetNodeReferenceID(REGISTERED_ROLE, first.GetID())
    assert np.array_equal(painted(), shown)
    slicer.util.updateVolumeFromArray(first, slicer.util.arrayFromVolume(first).copy())
    assert np.array_equal(painted(), waiting) and painter.legend().titles == (NCC, "not computed yet")
    painter.prepare()
    assert np.array_equal(painted(), shown)
