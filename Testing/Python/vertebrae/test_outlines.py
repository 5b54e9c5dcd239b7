"""Outlines and names of the vertebrae in the slice views; with real rendering."""

import re
import subprocess
import sys

import numpy as np
import pytest
from colour_vision import colour_blind_distance
from places import HOST
from vertebra_results import SHIFT_MM, make_result

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

pytestmark = pytest.mark.usefixtures("scene")


def near(picture, colour, tolerance=26):
    """How many pixels have a colour (0..1)."""
    return int((np.abs(picture.astype(int) - np.round(255 * np.array(colour))).max(axis=-1) <= tolerance).sum())


def render(view):
    from slicerhost import views

    return views.renderArray(view)


def test_outlines_lie_on_each_other_and_the_untransformed_view_has_its_own(result, views):
    from LongitudinalRegistrationSlicer.vertebrae.colours import baselineColour, followUpColour
    from LongitudinalRegistrationSlicer.vertebrae.outlines import VertebraOutlines

    before = {name: render(view) for name, view in views.items()}
    outlines = VertebraOutlines(result)
    outlines.show()
    shown = {name: render(view) for name, view in views.items()}
    assert near(before["Yellow"], baselineColour(20)) == 0 < near(shown["Yellow"], baselineColour(20))
    assert near(shown["LongctFollowUp1"], baselineColour(20)) == 0 < near(shown["LongctFollowUp1"], followUpColour(20))
    rows = {}
    for name, colour in (("Yellow", baselineColour(21)), ("LongctFollowUp1", followUpColour(21))):
        found = np.argwhere(np.abs(shown[name] - np.round(255 * np.array(colour))).max(axis=-1) < 26)
        rows[name] = found[:, 0].mean() * 130.0 / 260
    assert rows["Yellow"] - rows["LongctFollowUp1"] == pytest.approx(SHIFT_MM, abs=0.6)
    outlines.highlight(20)
    bright = render(views["Yellow"])
    assert near(bright, baselineColour(20)) > near(shown["Yellow"], baselineColour(20)) / 2
    assert near(bright, baselineColour(19)) < near(shown["Yellow"], baselineColour(19)) / 2
    outlines.remove()
    for name, view in views.items():
        assert np.array_equal(render(view), before[name])


def test_a_view_that_comes_later_shows_the_outlines_and_a_closed_scene_is_no_trouble(host, section):
    import slicer
    from slicerhost.views import CORONAL, makeSliceView

    view = makeSliceView(host, "ComesLater", CORONAL).get_view_node()
    displays = {side: node.GetDisplayNode() for side, node in section._outlines._nodes.items()}
    assert displays["baseline"].IsViewNodeIDPresent(view.GetID()) and displays["warped"].IsViewNodeIDPresent(
        view.GetID()
    )
    assert not displays["as scanned"].IsViewNodeIDPresent(view.GetID())
    slicer.mrmlScene.Clear(0)
    makeSliceView(host, "ComesAfterTheEnd", CORONAL)
    section.setResult(None)


def test_outlines_leave_the_scene_as_it_was(host, views, tmp_path):
    import slicer

    result = make_result(segmentations=True)
    from LongitudinalRegistrationSlicer.results.nodes import labelsOf
    from LongitudinalRegistrationSlicer.vertebrae.outlines import VertebraOutlines

    labels = labelsOf(result)
    labels[0].GetDisplayNode().SetVisibility2D(True)
    labels[1].GetDisplayNode().SetVisibility2D(False)
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    outlines = VertebraOutlines(result)
    outlines.show()
    assert not labels[0].GetDisplayNode().GetVisibility2D()
    added = [node for node in slicer.util.getNodesByClass("vtkMRMLNode") if node.GetName().startswith("Vertebra")]
    assert all(
        node.GetHideFromEditors() and not node.GetSaveWithScene() for node in added if "scores" not in node.GetName()
    )
    assert outlines._segmentIds["baseline"].keys() == {18, 19, 20, 21}
    slicer.mrmlScene.SetURL(str(tmp_path / "scene.mrml"))
    slicer.mrmlScene.Commit(slicer.mrmlScene.GetURL())
    written = (tmp_path / "scene.mrml").read_text()
    assert not re.findall(r'<(?!SubjectHierarchyItem)[^<>]* name="Vertebra(?:e baseline| names)"', written)
    outlines.remove()
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes
    assert labels[0].GetDisplayNode().GetVisibility2D() and not labels[1].GetDisplayNode().GetVisibility2D()
    assert labels[0].GetSegmentation().GetNthSegment(0).GetColor() == (0.0, 1.0, 0.0)
    assert labels[0].GetSegmentation().GetNumberOfSegments() == 4


def test_the_follow_up_s_outlines_go_where_the_follow_up_goes(result, views):
    from LongitudinalRegistrationSlicer.results.nodes import setTransformOn
    from LongitudinalRegistrationSlicer.vertebrae.outlines import VertebraOutlines

    outlines = VertebraOutlines(result)
    outlines.show()
    pictures = []
    for on in (True, False, True):
        setTransformOn(result, on)
        assert outlines._nodes["warped"].GetParentTransformNode() is (result if on else None)
        pictures.append(render(views["Yellow"]))
    outlines.remove()
    assert np.array_equal(pictures[0], pictures[2])
    assert (np.abs(pictures[0].astype(int) - pictures[1]).max(axis=-1) > 60).sum() > 100


def test_names_that_would_lie_over_each_other_go_a_line_apart():
    from LongitudinalRegistrationSlicer.vertebrae.outline_names import placesApart

    assert placesApart([(0.0, 0.0), (2.0, 1.0), (1.0, -3.0)], 10.0) == [(0.0, 0.0), (2.0, -10.0), (1.0, -20.0)]
    assert placesApart([(0.0, 0.0), (0.0, 40.0), (60.0, 0.0)], 10.0) == [(0.0, 0.0), (0.0, 40.0), (60.0, 0.0)]


def test_a_scene_saved_while_outlines_are_shown_comes_back_with_the_user_s_own_display(tmp_path):
    import slicer
    from LongitudinalRegistrationSlicer.results.nodes import labelsOf
    from LongitudinalRegistrationSlicer.vertebrae.outlines import HIDDEN_ATTRIBUTE, VertebraOutlines
    from slicerhost import boot
    from slicerhost.scene_files import loadScene, saveScene

    result = make_result(segmentations=True)
    display = labelsOf(result)[0].GetDisplayNode()
    outlines = VertebraOutlines(result)
    outlines.show()
    boot()
    assert not display.GetVisibility2D()
    saveScene(tmp_path / "scene.mrml")
    outlines.remove()
    assert display.GetVisibility2D()
    loadScene(tmp_path / "scene.mrml")
    displays = slicer.util.getNodesByClass("vtkMRMLSegmentationDisplayNode")
    assert [(node.GetVisibility2D(), node.GetAttribute(HIDDEN_ATTRIBUTE)) for node in displays] == [(True, None)] * 2
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    assert not hierarchy.GetItemByName("Vertebrae baseline") and hierarchy.GetItemByName(displays[0].GetName()) == 0


LATE = """
import pathlib, sys
sys.path.insert(0, sys.argv[1])
from slicerhost import boot
from slicerhost.boot import MODULE_FILES
boot(loadModules=False)
import slicer
from slicerhost.application import closePanel, makePanel
from slicerhost.scene_files import loadScene

def shown():
    displays = slicer.util.getNodesByClass("vtkMRMLSegmentationDisplayNode")
    return [bool(display.GetVisibility2D()) for display in displays]

def load():
    loadScene(pathlib.Path(sys.argv[2]))
    return shown()

slicer.app.completeStartup()
without = load()
records = [slicer.modules.addScripted(path) for path in MODULE_FILES.values()]
closePanel(makePanel(records[-1]))
print([without, shown(), load()])
"""
"""Prints whether the user's segmentations are shown: without the module, once its panel was open, loaded again."""


def test_a_module_that_is_loaded_after_the_start_mends_saved_scenes_too(tmp_path):
    """It hears no startupCompleted. What was loaded before it came is mended when its panel is opened."""
    from LongitudinalRegistrationSlicer.vertebrae.outlines import VertebraOutlines
    from slicerhost.scene_files import saveScene

    outlines = VertebraOutlines(make_result(segmentations=True))
    outlines.show()
    saveScene(tmp_path / "scene.mrml")
    outlines.remove()
    words = [sys.executable, "-c", LATE, str(HOST), str(tmp_path / "scene.mrml")]
    run = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert run.stdout.splitlines()[-1:] == [str([[False] * 2, [True] * 2, [True] * 2])], run.stderr


def test_no_node_is_removed_while_a_scene_is_added_to_the_one_that_is_shown(host, tmp_path):
    """The views are taking in what comes: Slicer crashes where the names of what was shown before are removed then."""
    import slicer
    import vtk
    from slicerhost import boot
    from slicerhost.application import closePanel, makePanel
    from slicerhost.scene_files import addScene, saveScene

    module = boot().modules["LongitudinalRegistration"]
    result = make_result(segmentations=True)
    saveScene(tmp_path / "scene.mrml")
    panel, scene, removed = makePanel(module), slicer.mrmlScene, []
    slicer.app.processEvents()
    assert panel.result is result and scene.GetFirstNodeByName("Vertebra names") is not None
    isComing = [False]

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onRemoved(caller, event, node):
        if node.GetName().startswith("Vertebra"):
            removed.append(isComing[-1])

    tags = [
        scene.AddObserver(scene.StartImportEvent, lambda caller, event: isComing.append(True)),
        scene.AddObserver(scene.EndImportEvent, lambda caller, event: isComing.append(False), -10.0),
        scene.AddObserver(scene.NodeAboutToBeRemovedEvent, onRemoved),
    ]
    addScene(tmp_path / "scene.mrml")
    during = any(removed)
    slicer.app.processEvents()
    added = panel.result
    for tag in tags:
        scene.RemoveObserver(tag)
    closePanel(panel)
    assert not during and removed and added is not result


def test_a_scene_is_watched_once_however_often_its_watch_is_asked_for(scene):
    from LongitudinalRegistrationSlicer.results.imported_scenes import watchImportedScenes

    calls = []

    def onImported():
        calls.append(1)

    for _time in range(2):
        watchImportedScenes(onImported)
    scene.InvokeEvent(scene.EndImportEvent)
    assert len(calls) == 1


def test_names_are_shown_in_the_views_while_the_outlines_are(section):
    import slicer

    node = slicer.mrmlScene.GetFirstNodeByName("Vertebra names")
    assert [node.GetNthControlPointLabel(n) for n in range(5)] == ["T11", "T12", "L1", "L2", "L3"]
    section.ui.outlinesCheckBox.checked = False
    assert slicer.mrmlScene.GetFirstNodeByName("Vertebra names") is None
    section.ui.outlinesCheckBox.checked = True
    section.exit()
    assert slicer.mrmlScene.GetFirstNodeByName("Vertebra names") is None
    section.enter()
    assert slicer.mrmlScene.GetFirstNodeByName("Vertebra names") is not None
    slicer.mrmlScene.Clear(0)
    section.setResult(None)
    assert section.ui.scoresTable.isHidden() and "Register" in section.ui.summaryLabel.text


@pytest.mark.parametrize("segmentations", [False, True])
def test_an_axial_view_names_every_vertebra_it_cuts_and_no_other(host, segmentations):
    """L1 (20) reaches from 48 to 57 mm, L2 (21) from 30 to 39 mm."""
    import slicer
    from LongitudinalRegistrationSlicer.vertebrae.outlines import VertebraOutlines
    from slicerhost import views

    view = views.makeSliceView(host, "Red", views.AXIAL)
    views.place(view, views.Frame((-60.0, -60.0, 0.0), 130.0, 130.0, 260, 260))
    result = make_result(segmentations=segmentations)
    node = view.get_view_node()
    node.SetOrientation("Axial")
    outlines = VertebraOutlines(result)
    outlines.show()
    names = slicer.mrmlScene.GetFirstNodeByName("Vertebra names in Red")
    for height, expected in ((57.0, {"L1"}), (52.0, {"L1"}), (48.5, {"L1"}), (43.0, set()), (31.0, {"L2"})):
        node.SetSliceOffset(height)
        node.UpdateMatrices()
        points = {names.GetNthControlPointLabel(n): names.GetNthControlPointPosition(n)[2] for n in range(5)}
        assert {name for name, place in points.items() if abs(place - height) < 1e-6} == expected
        named = render(view)
        names.GetDisplayNode().SetVisibility(False)
        assert (np.abs(render(view).astype(int) - named).max(axis=-1) > 60).any() == bool(expected)
        names.GetDisplayNode().SetVisibility(True)
    outlines.remove()


def test_neighbours_differ_for_colour_blind_readers_too():
    from LongitudinalRegistrationSlicer.vertebrae.colours import baselineColour, followUpColour
    from LongitudinalRegistrationSlicer.vertebrae.names import SPINE_NAMES, spineOrder

    down = sorted(SPINE_NAMES, key=spineOrder)
    for upper, lower in zip(down, down[1:], strict=False):
        assert colour_blind_distance(baselineColour(upper), baselineColour(lower)) > 0.25, (upper, lower)
    for value in down:
        assert sum(followUpColour(value)) > sum(baselineColour(value)) + 0.3
