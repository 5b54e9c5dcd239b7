"""The stand-in's main window, subject hierarchy, error log and scene files do what Slicer's sources say."""

import numpy as np
import pytest

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

from slicerhost import boot  # noqa: E402

pytestmark = pytest.mark.xdist_group("host")
ROW = '<layout type="horizontal">{}</layout>'
VIEW = (
    '<item><view class="vtkMRMLSliceNode" singletontag="Wide{n}"><property name="orientation" action="default">Axial'
    '</property><property name="viewlabel" action="default">{label}</property></view></item>'
)
FOUR, FOUR_ID = ROW.format("".join(VIEW.format(n=n, label="Registered") for n in range(4))), 9001


@pytest.fixture(scope="module")
def window():
    from slicerhost.window import mainWindow

    boot(loadModules=False).core.scene.Clear(0)
    with mainWindow(1500, 900) as window:
        yield window


@pytest.fixture
def four(window):
    """Four slice views in a row, the events not yet processed; the conventional layout again at the end."""
    import slicer

    manager = slicer.app.layoutManager()
    node = manager.layoutLogic().GetLayoutNode()
    if not node.IsLayoutDescription(FOUR_ID):
        node.AddLayoutDescription(FOUR_ID, FOUR)
    manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    slicer.app.processEvents()
    manager.setLayout(FOUR_ID)
    yield [manager.sliceWidget(f"Wide{n}") for n in range(4)]
    manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    window.resize(1500, 900)
    slicer.app.processEvents()


def volume(name="CT"):
    import slicer

    array = np.full((20, 40, 40), -1000, np.int16)
    array[:, 5:-5, 5:-5] = 1000
    node = slicer.util.addVolumeFromArray(array, name=name)
    node.CreateDefaultDisplayNodes()
    return node


def test_the_window_leaves_no_node_and_no_view_behind():
    import slicer
    from slicerhost.window import mainWindow

    boot(loadModules=False).core.scene.Clear(0)
    before = slicer.mrmlScene.GetNumberOfNodes()
    with mainWindow(800, 600):
        assert slicer.mrmlScene.GetNumberOfNodes() > before
    assert slicer.mrmlScene.GetNumberOfNodes() == before


def test_a_view_that_was_there_before_the_window_has_its_own_size_again_after_it():
    """The window's layout, and a scene that is closed while it is open, give it the size of a widget."""
    import slicer
    from slicerhost.views import AXIAL, Frame, makeSliceView, place, renderArray
    from slicerhost.window import mainWindow

    host = boot(loadModules=False)
    host.core.scene.Clear(0)
    view = makeSliceView(host, "Before", AXIAL)
    place(view, Frame((0.0, 0.0, 0.0), 250.0, 200.0, 250, 200))
    with mainWindow(800, 600) as window:
        slicer.mrmlScene.Clear(0)
        window.settle()
        assert view.get_view_node().GetDimensions()[:2] != (250, 200)
    node = view.get_view_node()
    assert node.GetDimensions()[:2] == (250, 200) and np.allclose(node.GetFieldOfView()[:2], (250.0, 200.0))
    assert renderArray(view).shape[:2] == (200, 250)


def test_it_opens_with_slicer_s_conventional_views(window):
    import slicer

    manager = slicer.app.layoutManager()
    assert set(manager.sliceViewNames()) >= {"Red", "Green", "Yellow"} and manager.threeDViewCount >= 1
    assert slicer.util.mainWindow() is window and manager.sliceWidget("Red").visible


def test_views_get_their_size_when_events_are_processed_one_resize_each(four):
    import slicer
    import vtk

    sizes = {widget.name: [] for widget in four}
    tags = []
    for widget in four:

        def resized(node, event, seen=sizes[widget.name]):
            if not seen or seen[-1] != node.GetDimensions()[:2]:
                seen.append(node.GetDimensions()[:2])

        node = widget.mrmlSliceNode()
        tags.append((node, node.AddObserver(vtk.vtkCommand.ModifiedEvent, resized)))
    before = [widget.mrmlSliceNode().GetDimensions()[1] for widget in four]
    slicer.app.processEvents()
    for node, tag in tags:
        node.RemoveObserver(tag)
    assert max(before) < 400 < min(widget.mrmlSliceNode().GetDimensions()[1] for widget in four)
    assert [len(seen) for seen in sizes.values()] == [1] * 4


def test_a_resize_keeps_the_height_in_mm_as_slicer_s_logic_does(window, four):
    import slicer

    slicer.app.processEvents()
    node = four[0].mrmlSliceNode()
    height = node.GetFieldOfView()[1]
    window.resize(1500, 700)
    slicer.app.processEvents()
    assert node.GetFieldOfView()[1] == pytest.approx(height) and node.GetDimensions()[1] < 600


def test_a_controller_has_its_least_width_and_the_window_grows_with_it(window, four):
    import slicer
    from slicerhost.view_widgets import CONTROLLER_PX

    window.resize(1000, 700)
    slicer.app.processEvents()
    assert min(widget.sliceController().width for widget in four) >= CONTROLLER_PX
    assert window.width > 4 * CONTROLLER_PX


def test_a_long_view_label_is_cut_where_the_controller_is_narrow(window, four):
    import slicer

    window.resize(1000, 700)
    slicer.app.processEvents()
    label = four[0].sliceController().viewLabel()
    assert label.text == "Registered"
    assert label.width < label.fontMetrics().horizontalAdvance(label.text) / 2


def test_the_names_of_the_layers_stand_in_the_lower_left_corner(four):
    import slicer
    from slicerhost.views import renderArray

    slicer.app.processEvents()
    composite = four[0].sliceLogic().GetSliceCompositeNode()
    composite.SetBackgroundVolumeID(volume("Baseline of 2024").GetID())
    text = four[0].sliceView().cornerAnnotation().GetText(0)
    corner = renderArray(four[0].view)[-60:, :150]
    assert text == "B: Baseline of 2024\n" and (corner > 200).sum() > 50
    composite.SetBackgroundVolumeID(None)


def test_a_picture_of_the_window_has_the_views(window):
    import slicer

    composite = slicer.app.layoutManager().sliceWidget("Red").sliceLogic().GetSliceCompositeNode()
    composite.SetBackgroundVolumeID(volume().GetID())
    slicer.app.layoutManager().resetSliceViews()
    image = window.picture().toImage()
    size, area = image.size(), slicer.app.layoutManager().sliceWidget("Red").sliceView()
    middle = area.mapTo(window, area.rect.center())
    assert (size.width(), size.height()) == (window.width, window.height)
    assert image.pixelColor(middle).lightness() > 100
    composite.SetBackgroundVolumeID(None)


def test_a_hidden_segmentation_is_complained_of_and_a_shown_one_is_not(window):
    import slicer
    from TableRemovalSlicer.hidden_nodes import addHiddenNode

    log = slicer.app.errorLogModel()
    log.clear()
    shown = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "shown")
    shown.CreateDefaultDisplayNodes()
    shown.GetSegmentation().AddEmptySegment("a")
    assert log.logEntryCount() == 0
    hidden = addHiddenNode("vtkMRMLSegmentationNode", "hidden")
    hidden.GetSegmentation().AddEmptySegment("a")
    hidden.CreateDefaultDisplayNodes()
    hidden.GetDisplayNode().SetVisibility(False)
    texts = log.texts()
    assert any("Failed to access subject hierarchy item" in text for text in texts)
    assert any("Unable to find subject hierarchy item for segmentation node  hidden" in text for text in texts)
    for node in (shown, hidden):
        slicer.mrmlScene.RemoveNode(node)
    log.clear()


def test_vtk_s_errors_come_into_the_log(window):
    import slicer

    log = slicer.app.errorLogModel()
    log.clear()
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLNoSuchNode")
    assert log.logEntryCount() > 0
    log.clear()


def test_nobody_is_told_that_a_scene_is_saved(window, tmp_path):
    import slicer
    from slicerhost.scene_files import loadScene, saveScene

    scene, heard = slicer.mrmlScene, []
    tags = [
        scene.AddObserver(event, lambda caller, event: heard.append(event))
        for event in (scene.StartSaveEvent, scene.EndSaveEvent, scene.StartBatchProcessEvent)
    ]
    volume("to be saved")
    heard.clear()
    assert "to be saved" in saveScene(tmp_path / "scene.mrml") and heard == []
    for tag in tags:
        scene.RemoveObserver(tag)
    loadScene(tmp_path / "scene.mrml")
    assert slicer.util.getNode("to be saved").GetImageData() is not None
    assert set(slicer.app.layoutManager().sliceViewNames()) >= {"Red", "Green", "Yellow"}


def test_loading_a_module_takes_os_out_of_main():
    """As Slicer does; a script run as __main__ must not count on names it shares with the application."""
    import sys

    host = boot()
    main = sys.modules["__main__"]
    main.os = None
    import slicer

    slicer.modules.addScripted(host.modules["TableRemoval"].path)
    assert not hasattr(main, "os")
