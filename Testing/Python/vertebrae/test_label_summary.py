"""What is in a label map: found in one pass, the same as by counting everything, and once for the same voxels."""

import numpy as np
import pytest

pytest.importorskip("trame_slicer")


def labels():
    array = np.zeros((12, 20, 30), np.uint8)
    array[3:6, 4:8, 10:16] = 20
    array[6:9, 5:9, 11:17] = 21
    array[7, 6, 12] = 255
    return array


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16])
def test_counts_centres_and_box_are_those_of_the_whole(dtype):
    from LongitudinalRegistrationSlicer.vertebrae.label_summary import summarised

    array = labels().astype(dtype)
    found = summarised(array)
    assert found.counts == {value: int((array == value).sum()) for value in (20, 21, 255)}
    for value, centre in found.centres.items():
        assert np.allclose(centre, np.argwhere(array == value).mean(axis=0)[::-1])
    assert np.array_equal(array[found.box] > 0, array[3:9, 4:9, 10:17] > 0)
    assert found.box == (slice(3, 9), slice(4, 9), slice(10, 17))


def test_nothing_is_in_an_empty_label_map():
    from LongitudinalRegistrationSlicer.vertebrae.label_summary import summarised

    found = summarised(np.zeros((3, 4, 5), np.uint8))
    assert found.counts == {} and np.zeros((3, 4, 5))[found.box].shape == (1, 1, 1)


def test_it_is_found_once_until_the_voxels_change(host, monkeypatch):
    import slicer
    from LongitudinalRegistrationSlicer.vertebrae import label_summary

    node, counted = slicer.util.addVolumeFromArray(labels(), nodeClassName="vtkMRMLLabelMapVolumeNode"), []
    count = label_summary.summarised
    monkeypatch.setattr(label_summary, "summarised", lambda array: counted.append(1) or count(array))
    assert set(label_summary.summaryOf(node).counts) == set(label_summary.summaryOf(node).counts) == {20, 21, 255}
    assert len(counted) == 1
    slicer.util.arrayFromVolume(node)[0, 0, 0] = 5
    slicer.util.arrayFromVolumeModified(node)
    assert set(label_summary.summaryOf(node).counts) == {5, 20, 21, 255}
    slicer.mrmlScene.RemoveNode(node)
