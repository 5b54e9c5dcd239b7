"""Findings in the scene: as table and label map, decided on by a reader, saved and loaded again."""

import dataclasses

import numpy as np
import pytest
from changed_scans import add_result, compare, lesion_ras

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

pytestmark = pytest.mark.usefixtures("scene")


@pytest.fixture
def result(scene):
    """A result whose scans were compared."""
    from LongitudinalRegistrationSlicer.changes.requests import importFindings

    result = add_result()
    changes = compare(result)
    importFindings(result, changes.content(), changes.findings.labels)
    return result


@pytest.fixture
def logic(scene):
    from LongitudinalRegistrationSlicer.module.logic import LongitudinalRegistrationLogic

    made = LongitudinalRegistrationLogic()
    yield made
    made.shutDown()


def test_the_lesion_is_the_surest_where_it_is_in_both_scans(result, logic):
    import slicer
    from LongitudinalRegistrationSlicer.changes.findings import labelsNodeOf

    first = logic.findings(result)[0]
    assert np.linalg.norm(np.subtract(first.position, lesion_ras())) < 3.0
    assert np.allclose(np.subtract(first.followUpPosition, first.position), (-6.0, 0.0, 0.0), atol=0.1)
    assert first.kind == "denser" and first.meanHu > 100 and first.status == "open"
    labels = slicer.util.arrayFromVolume(labelsNodeOf(result))
    voxel_ml = np.prod(labelsNodeOf(result).GetSpacing()) / 1000
    assert (labels == first.number).sum() * voxel_ml == pytest.approx(first.volumeMl, rel=0.01)


def test_a_reader_accepts_rejects_names_and_takes_it_back(result, logic):
    number = logic.findings(result)[0].number
    logic.acceptFinding(result, number)
    logic.nameFinding(result, number, "  Deposit ")
    logic.rejectFinding(result, number)
    first = logic.findings(result)[0]
    assert (first.status, first.name, first.title) == ("rejected", "Deposit", "Deposit")
    seen = []
    while logic.canUndoFinding:
        logic.undoFinding()
        seen.append((logic.findings(result)[0].status, logic.findings(result)[0].name))
    assert seen == [("accepted", "Deposit"), ("accepted", ""), ("open", "")]
    logic.acceptFinding(result, number)
    logic.acceptFinding(result, number)
    assert logic.findings(result)[0].status == "open"


@pytest.mark.parametrize("name", ["12", 'the "old" one, 2" \\ 50 %'])
def test_a_saved_scene_brings_findings_labels_and_decisions_back(result, logic, tmp_path, name):
    import slicer
    from LongitudinalRegistrationSlicer.changes.findings import labelsNodeOf
    from LongitudinalRegistrationSlicer.results.nodes import changesOf, lastResult
    from slicerhost.scene_files import loadScene, saveScene

    logic.nameFinding(result, 1, name)
    logic.acceptFinding(result, 1)
    before, voxels = logic.findings(result), slicer.util.arrayFromVolume(labelsNodeOf(result)).copy()
    content = changesOf(result)
    saveScene(tmp_path / "scene.mrml")
    loadScene(tmp_path / "scene.mrml")
    loaded = lastResult()
    after = logic.findings(loaded)
    assert len(after) == len(before) and (after[0].name, after[0].status) == (name, "accepted")
    for one, other in zip(before, after, strict=True):
        for field in dataclasses.fields(one):
            kept, read = getattr(one, field.name), getattr(other, field.name)
            assert read == kept or np.allclose(read, kept, rtol=1e-5), field.name
    assert (slicer.util.arrayFromVolume(labelsNodeOf(loaded)) == voxels).all()
    assert changesOf(loaded) == content and "warnings" in content


def finding(number, **values):
    from LongitudinalRegistrationSlicer.changes.findings import SceneFinding

    plain = {field.name: 0.0 for field in dataclasses.fields(SceneFinding)}
    texts = {"status": "open", "name": "", "kind": "denser", "place": "L1", "caution": "", "position": (0, 0, 0)}
    return SceneFinding(**{**plain, **texts, "number": number, "followUpPosition": (0, 0, 0), **values})


def test_what_was_decided_goes_on_to_the_finding_that_is_there_now_or_stays():
    from LongitudinalRegistrationSlicer.changes.decisions import carriedOver

    earlier_labels, labels = np.zeros((2, 4, 6), np.uint16), np.zeros((2, 4, 6), np.uint16)
    earlier_labels[0, 0, :3], earlier_labels[1, 3, 3:] = 1, 2
    earlier_labels[0, 2, 2] = 3
    labels[0, 0, 1:4] = 7
    earlier = [finding(1, status="accepted"), finding(2, name="kept"), finding(3)]
    found, merged = carriedOver(earlier, earlier_labels, [finding(7)], labels)
    assert [(each.number, each.status, each.name) for each in found] == [(7, "accepted", ""), (8, "open", "kept")]
    assert (merged[1, 3, 3:] == 8).all() and merged[0, 2, 2] == 0 and (merged[0, 0, 1:4] == 7).all()
    assert labels.max() == 7


def test_on_another_grid_nothing_is_carried_over():
    from LongitudinalRegistrationSlicer.changes.decisions import carriedOver

    labels = np.ones((2, 2, 2), np.uint16)
    found, merged = carriedOver([finding(1, status="accepted")], np.ones((3, 2, 2)), [finding(1)], labels)
    assert [each.status for each in found] == ["open"] and merged is labels
