"""What labels are called: vertebrae where they lie as vertebrae do, else by their own names or numbers."""

import numpy as np
import SimpleITK as sitk
from LongitudinalRegistrationLib.evaluation.scores import score_labels
from LongitudinalRegistrationLib.scan.labels import look_like_vertebrae, names_of_labels, segment_names
from LongitudinalRegistrationLib.scan.read import read_image

SPINE = {value: (0.0, 30.0, -34.0 * n) for n, value in enumerate((17, 18, 19, 28, 20, 21, 22, 23, 24, 26))}


def balls(*centres, values=None):
    """A label volume with a ball of 6 mm radius at each centre, mm; numbered from 1 on."""
    k, j, i = np.indices((50, 40, 40)) * 3.0
    labels = np.zeros((50, 40, 40), np.uint8)
    for number, (x, y, z) in enumerate(centres, start=1):
        labels[(i - x) ** 2 + (j - y) ** 2 + (k - z) ** 2 <= 36] = values[number - 1] if values else number
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing((3.0, 3.0, 3.0))
    return image


def names(fixed, moving):
    return [score.name for score in score_labels(fixed, moving, {"before": None})]


def test_a_spine_has_its_names_though_a_level_is_missing_or_numbered_wrongly():
    assert look_like_vertebrae(SPINE) and names_of_labels(SPINE)[28] == "T13"
    gap = {value: centre for value, centre in SPINE.items() if value not in (18, 22)}
    swapped = {**SPINE, 20: SPINE[21], 21: SPINE[20]}
    assert look_like_vertebrae(gap) and look_like_vertebrae(swapped)
    upside_down = {value: (x, y, -z) for value, (x, y, z) in SPINE.items()}
    assert look_like_vertebrae(upside_down)


def test_the_only_label_of_a_lesion_file_is_no_atlas():
    lesion = balls((60, 60, 60))
    assert names(lesion, lesion) == ["label 1"]
    assert names(balls((60, 60, 60), values=[20]), lesion) == ["label 1", "label 20"]
    assert names(balls((60, 60, 60), values=[20]), balls((60, 60, 60), values=[20])) == ["L1"]


def test_lesions_here_and_there_are_no_cervical_spine():
    lesions = balls((30, 40, 100), (60, 80, 120), (90, 30, 45))
    assert names(lesions, lesions) == ["label 1", "label 2", "label 3"]


def test_a_cervical_spine_is_one():
    spine = balls((60, 60, 110), (60, 58, 94), (60, 55, 76), (60, 54, 58))
    assert names(spine, spine) == ["C1", "C2", "C3", "C4"]


def test_segments_of_a_file_have_their_own_names(tmp_path):
    lesions = balls((30, 40, 100), (60, 80, 120))
    for number, name in enumerate(("liver, segment 8", "L3 body")):
        lesions.SetMetaData(f"Segment{number}_LabelValue", str(number + 1))
        lesions.SetMetaData(f"Segment{number}_Name", name)
    sitk.WriteImage(lesions, str(tmp_path / "lesions.seg.nrrd"))
    read = read_image(tmp_path / "lesions.seg.nrrd")
    assert segment_names(read) == {1: "liver, segment 8", 2: "L3 body"}
    assert names(read, balls((30, 40, 100), (60, 80, 120))) == ["liver, segment 8", "L3 body"]


def test_names_that_are_given_come_first():
    lesion = balls((60, 60, 60), values=[101])
    (score,) = score_labels(lesion, lesion, {"before": None}, {101: "Deposit"})
    assert score.name == "Deposit"
