"""Guessing baseline, follow-up and labels from the scene; which label of one scan is which of the other."""

import numpy as np
import pytest

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

pytestmark = pytest.mark.usefixtures("scene")


def add_scan(name, lowest=-1000, shape=(8, 10, 10), seed=0):
    import slicer

    array = np.random.default_rng(seed).integers(lowest, 1500, shape).astype(np.int16)
    array[0, 0, 0] = lowest
    return slicer.util.addVolumeFromArray(array, name=name)


def add_labels(values, name="labels"):
    import slicer

    array = np.zeros((8, 10, 10), np.uint8)
    for number, value in enumerate(values):
        array[number % 8, number // 8, :5] = value
    return slicer.util.addVolumeFromArray(array, name=name, nodeClassName="vtkMRMLLabelMapVolumeNode")


def add_segmentation(names, volume=None, name="segmentation"):
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    if volume is not None:
        node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    for number, segment in enumerate(names):
        segment_id = node.GetSegmentation().AddEmptySegment(f"s{number}", segment)
        if volume is not None:
            array = np.zeros((8, 10, 10), np.uint8)
            array[number, 2:6, 2:6] = 1
            slicer.util.updateSegmentBinaryLabelmapFromArray(array, node, segment_id, volume)
    return node


def put_under(volume, patient, date, modality="CT"):
    """Put a volume under a patient and a study, with DICOM tags, as Slicer's DICOM module does."""
    import slicer

    constants = slicer.vtkMRMLSubjectHierarchyConstants
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    patient_item = tree.GetItemByUID("DICOM", patient)
    if not patient_item:
        patient_item = tree.CreateSubjectItem(tree.GetSceneItemID(), patient)
        tree.SetItemUID(patient_item, "DICOM", patient)
        tree.SetItemAttribute(patient_item, constants.GetDICOMPatientIDAttributeName(), patient)
    study = tree.CreateStudyItem(patient_item, date)
    tree.SetItemAttribute(study, constants.GetDICOMStudyDateAttributeName(), date)
    item = tree.GetItemByDataNode(volume) or tree.CreateItem(study, volume)
    tree.SetItemParent(item, study)
    tree.SetItemAttribute(item, constants.GetDICOMSeriesModalityAttributeName(), modality)
    return volume


def names_of(nodes):
    return [node.GetName() if node is not None else None for node in nodes]


def test_dicom_tags_decide_patient_and_order_whatever_the_names_say():
    from LongitudinalRegistrationSlicer.process.guess import followUpsOf, guessPair

    other = put_under(add_scan("baseline of another"), "P2", "20180101")
    late = put_under(add_scan("baseline"), "P1", "20230801")
    middle = put_under(add_scan("b"), "P1", "20210801")
    early = put_under(add_scan("follow-up"), "P1", "20200801")
    assert guessPair() == (early, late)
    assert followUpsOf(early) == [middle, late] and followUpsOf(late) == [] and followUpsOf(other) == []


def test_of_one_study_the_finest_series_is_taken_and_other_modalities_are_not():
    from LongitudinalRegistrationSlicer.process.guess import guessPair

    fine = put_under(add_scan("fine", shape=(20, 10, 10)), "P1", "20200101")
    put_under(add_scan("coarse", shape=(6, 10, 10)), "P1", "20200101")
    put_under(add_scan("PET"), "P1", "20220101", modality="PT")
    later = put_under(add_scan("later"), "P1", "20210101")
    assert guessPair() == (fine, later)


def test_two_patients_are_never_a_pair():
    from LongitudinalRegistrationSlicer.process.guess import guessPair

    put_under(add_scan("baseline"), "P1", "20200101")
    put_under(add_scan("follow-up"), "P2", "20210101")
    assert guessPair() == (None, None)


@pytest.mark.parametrize(
    "names, expected",
    [
        (["Follow-up", "Baseline"], ["Baseline", "Follow-up"]),
        (["hcc007_followup", "hcc007_baseline"], ["hcc007_baseline", "hcc007_followup"]),
        (["CT 2021-03-04", "CT 2019-12-01"], ["CT 2019-12-01", "CT 2021-03-04"]),
        (["scan_20210304", "scan_20191201"], ["scan_20191201", "scan_20210304"]),
        (["pat_t1", "pat_t0"], ["pat_t0", "pat_t1"]),
        (["current CT", "prior CT"], ["prior CT", "current CT"]),
        (["A", "B"], ["A", "B"]),
        (["3: THORAX 5.0", "current"], ["3: THORAX 5.0", "current"]),
        (["only one"], [None, None]),
    ],
)
def test_without_tags_dates_and_words_in_names_decide_else_the_order(names, expected):
    from LongitudinalRegistrationSlicer.process.guess import guessPair

    for name in names:
        add_scan(name)
    assert names_of(guessPair()) == expected


def test_what_is_no_scan_is_not_guessed():
    import slicer
    from LongitudinalRegistrationSlicer.process.guess import followUpsOf, guessPair
    from LongitudinalRegistrationSlicer.results.nodes import REGISTERED_ROLE, RESULT_ATTRIBUTE

    add_scan("MR", lowest=0)
    add_labels([20, 21])
    add_scan("hidden").SetHideFromEditors(True)
    add_scan("flat", shape=(1, 10, 10))
    add_scan("CT without table").SetAttribute("TableRemoval.Parameters", "{}")
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    result = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "result")
    result.SetAttribute(RESULT_ATTRIBUTE, "cost-volume")
    result.SetNodeReferenceID(REGISTERED_ROLE, add_scan("registered").GetID())
    assert guessPair() == (None, None)
    first, second = add_scan("first"), add_scan("second")
    assert guessPair() == (first, second) and followUpsOf(first) == [second]


def test_labels_belong_to_the_scan_they_were_made_on_or_are_named_after():
    from LongitudinalRegistrationSlicer.process.guess import guessLabels

    baseline, follow_up = add_scan("hcc007_baseline"), add_scan("hcc007_followup")
    add_segmentation(["Body"], baseline, "body mask")
    made = add_segmentation(["vertebrae_L1", "liver"], baseline, "totalseg")
    named = add_labels([20, 21], "hcc007_followup_vertebrae-label")
    assert guessLabels(baseline) is made and guessLabels(follow_up) is named
    assert guessLabels(add_scan("something else")) is None


@pytest.mark.parametrize(
    "name, number",
    [("L1", 20), ("l1", 20), ("vertebrae_L1", 20), ("L1 vertebra", 20), ("Vertebra-L01", 20), ("Th12", 19), ("C1", 1)]
    + [("T13", 28), ("L6", 25), ("sacrum", 26), ("vertebrae_S1", 29), ("D3", 10), ("T 4", 11)]
    + [("L7", None), ("liver", None), ("T1 lesion", None), ("hip_left", None), ("", None), ("Segment_20", None)],
)
def test_names_of_vertebrae(name, number):
    from LongitudinalRegistrationSlicer.vertebrae.names import vertebraNumber

    assert vertebraNumber(name) == number


def test_total_segmentators_numbers_go_up_the_spine():
    from LongitudinalRegistrationSlicer.vertebrae.names import SPINE_NAMES, TOTAL_SEGMENTATOR_NUMBERS

    names = {number: SPINE_NAMES[value] for number, value in TOTAL_SEGMENTATOR_NUMBERS.items()}
    assert [names[n] for n in (25, 26, 27, 31, 32, 43, 44, 50)] == ["sacrum", "S1", "L5", "L1", "T12", "T1", "C7", "C1"]
    assert len(set(names.values())) == 26


@pytest.mark.parametrize(
    "values, numbering",
    [
        ([17, 18, 19, 20], "VerSe"),
        (range(1, 29), "VerSe"),
        ([24, 25, 26], "VerSe"),
        ([20, 21, 101], "VerSe"),
        ([27, 28, 29, 30, 31], "TotalSegmentator"),
        ([25, 26, 27, 28], "TotalSegmentator"),
        (range(1, 100), "TotalSegmentator"),
        ([], "VerSe"),
    ],
)
def test_whose_numbers_they_are_is_told_from_what_could_be_there(values, numbering):
    from LongitudinalRegistrationSlicer.vertebrae.label_matching import numberingOf

    assert numberingOf(set(values)) == numbering


def test_a_verse_label_map_is_matched_to_total_segmentators_segments_and_numbers():
    from LongitudinalRegistrationSlicer.vertebrae.label_matching import matchLabels

    verse, named = add_labels([19, 20, 21, 26]), add_segmentation(["vertebrae_L1", "vertebrae_T12", "hip_left"])
    matches = matchLabels(verse, named)
    assert [(m.name, m.value, m.fixedId, m.movingId) for m in matches] == [
        ("T12", 19, 19, "s1"),
        ("L1", 20, 20, "s0"),
        ("L2", 21, 21, None),
        ("sacrum", 26, 26, None),
        ("hip_left", 101, None, "s2"),
    ]
    assert [m.how for m in matches] == ["VerSe, name", "VerSe, name", "VerSe", "VerSe", "name"]
    numbers = add_labels([1, 5, 31, 32, 33], "total")
    assert [(m.name, m.fixedId, m.movingId) for m in matchLabels(verse, numbers)] == [
        ("T11", None, 33),
        ("T12", 19, 32),
        ("L1", 20, 31),
        ("L2", 21, None),
        ("sacrum", 26, None),
    ]


def test_segments_without_a_name_go_by_number_and_the_numbering_can_be_asked_for():
    from LongitudinalRegistrationSlicer.vertebrae.label_matching import TOTAL_SEGMENTATOR, matchLabels

    fixed, moving = add_segmentation(["Segment_20", "Label_24"]), add_segmentation(["L1", "24"])
    assert [(m.name, m.fixedId, m.movingId) for m in matchLabels(fixed, moving)] == [
        ("L1", "s0", "s0"),
        ("L5", "s1", "s1"),
    ]
    ambiguous = add_labels([24, 25, 26, 27])
    assert [m.name for m in matchLabels(ambiguous, None)] == ["L5", "L6", "sacrum", "coccyx"]
    assert [m.name for m in matchLabels(ambiguous, None, TOTAL_SEGMENTATOR)] == ["L5", "S1", "sacrum"]


def test_a_label_maps_colour_table_names_its_values():
    import slicer
    from LongitudinalRegistrationSlicer.vertebrae.label_matching import matchLabels

    labels = add_labels([1, 2])
    colours = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLColorTableNode", "names")
    colours.SetTypeToUser()
    colours.SetNumberOfColors(3)
    for value, name in enumerate(("background", "vertebrae_L4", "vertebrae_L5")):
        colours.SetColor(value, name, 1.0, 0.0, 0.0, 1.0)
    labels.CreateDefaultDisplayNodes()
    labels.GetDisplayNode().SetAndObserveColorNodeID(colours.GetID())
    assert [(m.name, m.fixedId, m.how) for m in matchLabels(labels, None)] == [("L4", 1, "name"), ("L5", 2, "name")]


def test_two_segments_of_one_vertebra_are_both_listed():
    from LongitudinalRegistrationSlicer.vertebrae.label_matching import matchLabels

    matches = matchLabels(add_segmentation(["L1", "vertebrae_L1", "mets", "mets"]), None)
    assert [m.fixedId for m in matches] == ["s0", "s2", "s3", "s1"] and len({m.value for m in matches}) == 4


def test_a_match_changed_by_hand_frees_the_label_and_loses_none():
    from LongitudinalRegistrationSlicer.vertebrae.label_matching import (
        matchesFromText,
        matchesToText,
        matchLabels,
        rematched,
    )

    fixed, moving = add_labels([19, 20, 21]), add_segmentation(["T12", "L1", "L2"])
    matches = matchLabels(fixed, moving)
    shifted = rematched(matches, 1, "s2")
    assert [(m.name, m.value, m.fixedId, m.movingId) for m in shifted] == [
        ("T12", 19, 19, "s0"),
        ("L1", 20, 20, "s2"),
        ("L2", 21, 21, None),
        ("L1 (follow-up)", 101, None, "s1"),
    ]
    swapped = rematched(shifted, 2, "s1")
    assert [(m.fixedId, m.movingId, m.how) for m in swapped] == [
        (19, "s0", "VerSe, name"),
        (20, "s2", "by hand"),
        (21, "s1", "by hand"),
    ]
    alone = rematched(matches, 0, None)
    assert [(m.name, m.value, m.fixedId, m.movingId) for m in alone][0] == ("T12", 19, 19, None)
    assert {m.movingId for m in alone} == {None, "s0", "s1", "s2"} and len({m.value for m in alone}) == 4
    assert rematched(matches, 0, "s0") == matches
    with pytest.raises(ValueError, match="follow-up only"):
        rematched(shifted, 3, "s0")
    assert matchesFromText(matchesToText(swapped), fixed, moving) == swapped
    moving.GetSegmentation().RemoveSegment("s0")
    assert matchesFromText(matchesToText(swapped), fixed, moving) == matchLabels(fixed, moving)
    assert matchesFromText("{broken", fixed, moving) == matchLabels(fixed, moving)


def test_images_for_the_registration_have_one_value_for_one_vertebra():
    import SimpleITK as sitk
    from LongitudinalRegistrationSlicer.vertebrae.common_labels import commonLabelImage, fixedValues, movingValues
    from LongitudinalRegistrationSlicer.vertebrae.label_matching import matchLabels, rematched

    volume = add_scan("CT")
    fixed, moving = add_labels([29, 30, 31]), add_segmentation(["L1", "L2", "L3", "metastasis"], volume)
    matches = matchLabels(fixed, moving)
    own = sitk.GetArrayFromImage(commonLabelImage(fixed, volume, fixedValues(matches)))
    assert [int(own[k, 0, 0]) for k in range(3)] == [22, 21, 20] and set(np.unique(own)) == {0, 20, 21, 22}
    other = sitk.GetArrayFromImage(commonLabelImage(moving, volume, movingValues(matches)))
    assert [int(other[k, 3, 3]) for k in range(4)] == [20, 21, 22, 101]
    edited = rematched(matches, 0, "s1")
    other = sitk.GetArrayFromImage(commonLabelImage(moving, volume, movingValues(edited)))
    assert [int(other[k, 3, 3]) for k in range(4)] == [102, 20, 22, 101]


def test_the_panel_offers_all_methods(host):
    from LongitudinalRegistrationLib.methods.registry import NAMES
    from LongitudinalRegistrationSlicer.process.request import METHODS

    assert tuple(METHODS.values()) == NAMES and all(METHODS)
