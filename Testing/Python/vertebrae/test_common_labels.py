"""Labels of either scan as images in which one value means one vertebra."""

import numpy as np
import pytest
from vertebra_results import add_volume, as_segmentation, label_array, make_result

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

pytestmark = pytest.mark.usefixtures("scene")


def test_labels_are_read_where_they_were_drawn_whatever_their_transforms():
    """As after a first registration, when labels are made on the scan that lies under its result."""
    import SimpleITK as sitk
    from LongitudinalRegistrationSlicer.results.nodes import labelsOf, movingOf
    from LongitudinalRegistrationSlicer.vertebrae.common_labels import commonLabelImage, movingValues
    from LongitudinalRegistrationSlicer.vertebrae.label_matching import matchLabels

    result = make_result(segmentations=True)
    labels, moving = labelsOf(result), movingOf(result)
    values = movingValues(matchLabels(*labels))
    together = sitk.GetArrayFromImage(commonLabelImage(labels[1], moving, values))
    assert np.array_equal(together, label_array([19, 20, 21, 22]))
    labels[1].SetAndObserveTransformNodeID(None)
    assert np.array_equal(sitk.GetArrayFromImage(commonLabelImage(labels[1], moving, values)), together)


def test_a_segmentation_on_another_grid_is_brought_onto_the_scan_s_as_slicer_does_it():
    import SimpleITK as sitk
    import slicer
    from LongitudinalRegistrationSlicer.vertebrae.common_labels import commonLabelImage

    segmentation = as_segmentation(add_volume(label_array([19, 20, 21]), "l", 0.0, "vtkMRMLLabelMapVolumeNode"))
    angle, turned = 0.2, np.eye(4)
    turned[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    turned[:3, :3] = turned[:3, :3] @ np.diag([-2.0, -2.5, 4.0])
    turned[:3, 3] = (4.0, -3.0, -5.0)
    scan = slicer.util.addVolumeFromArray(np.zeros((32, 50, 60), np.int16), ijkToRAS=turned, name="scan")
    segments = segmentation.GetSegmentation()
    values = {segments.GetNthSegmentID(n): n + 5 for n in range(3)}
    expected = np.zeros((32, 50, 60), np.uint16)
    for segmentId, value in values.items():
        expected[slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segmentId, scan) > 0] = value
    assert set(np.unique(expected)) == {0, 5, 6, 7}
    assert np.array_equal(sitk.GetArrayFromImage(commonLabelImage(segmentation, scan, values)), expected)
