"""The stand-in for Slicer (Testing/Host): its manners, its views, transforms by points, the picture."""

import json
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from places import HOST

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

from slicerhost import boot  # noqa: E402


@pytest.fixture(scope="module")
def host():
    return boot()


@pytest.fixture
def scene(host):
    host.core.scene.Clear(0)
    return host.core.scene


def _load_ui(tmp_path, body, connections=""):
    import slicer

    path = tmp_path / "panel.ui"
    path.write_text(
        f'<ui version="4.0"><class>P</class><widget class="qMRMLWidget" name="P"><layout class="QVBoxLayout" name="l">'
        f"<item>{body}</item></layout></widget><connections>{connections}</connections></ui>"
    )
    return slicer.util.loadUI(str(path))


def test_qt_properties_are_attributes_and_connect_takes_signatures(host):
    import qt

    button, heard = qt.QPushButton("x"), []
    button.connect("clicked(bool)", lambda checked=False: heard.append(checked))
    button.checkable, button.toolTip, button.text = True, "why", "Go"
    button.click()
    assert (button.text, button.toolTip, button.checked, heard) == ("Go", "why", True, [True])
    assert qt.Qt.Checked and qt.QTimer().interval == 0


@pytest.mark.parametrize(
    "ask, name",
    [
        (lambda: __import__("qt").QNoSuchWidget, "qt.QNoSuchWidget"),
        (lambda: __import__("ctk").ctkNoSuchWidget, "ctk.ctkNoSuchWidget"),
        (lambda: __import__("slicer").app.noSuchThing, "slicer.app.noSuchThing"),
        (lambda: __import__("slicer").modules.nosuchmodule, "slicer.modules.nosuchmodule"),
    ],
)
def test_unknown_names_raise_and_say_where_to_look(host, ask, name):
    with pytest.raises(AttributeError, match=rf"{name} is not in the stand-in.*README"):
        ask()


def test_unknown_signal_widget_and_property_raise(host, tmp_path):
    import qt

    with pytest.raises(RuntimeError, match="no signal 'clikked"):
        qt.QPushButton().connect("clikked()", print)
    with pytest.raises(RuntimeError, match="ctkUnheardOf is not in the stand-in"):
        _load_ui(tmp_path, '<widget class="ctkUnheardOf" name="w"/>')
    wrong = '<property name="nodeTipes"><string>x</string></property>'
    with pytest.raises(RuntimeError, match="no property 'nodeTipes'"):
        _load_ui(tmp_path, f'<widget class="qMRMLNodeComboBox" name="w">{wrong}</widget>')


def test_node_selector_follows_the_scene_only_where_the_ui_connects_it(scene, tmp_path):
    import slicer

    kinds = '<property name="nodeTypes"><stringlist><string>vtkMRMLScalarVolumeNode</string></stringlist></property>'
    kinds += '<property name="showChildNodeTypes"><bool>false</bool></property>'
    body = f'<widget class="qMRMLNodeComboBox" name="s">{kinds}</widget>'
    wire = (
        "<connection><sender>P</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>"
        "<receiver>s</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection>"
    )
    connected, loose = _load_ui(tmp_path, body, wire), _load_ui(tmp_path, body)
    for panel in (connected, loose):
        panel.setMRMLScene(scene)
    scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    selectors = [slicer.util.childWidgetVariables(panel).s for panel in (connected, loose)]
    assert selectors[0].currentNode() is volume and selectors[1].currentNode() is None
    scene.RemoveNode(volume)
    assert "CT" not in [node.GetName() for node in selectors[0]._nodes if node]


def test_a_typed_parameter_keeps_its_type_range_and_choice(scene):
    from typing import Annotated

    import slicer
    from slicer.parameterNodeWrapper import Choice, Default, WithinRange, parameterNodeWrapper

    @parameterNodeWrapper
    class Parameters:
        volume: slicer.vtkMRMLScalarVolumeNode
        on: bool = True
        share: Annotated[float, WithinRange(0, 1), Default(0.25)]
        way: Annotated[str, Choice(["a", "b"])] = "b"

    node = scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    parameters = Parameters(node)
    assert (parameters.on, parameters.share, parameters.way, parameters.volume) == (True, 0.25, "b", None)
    parameters.on = False
    assert Parameters(node).on is False
    with pytest.raises(ValueError, match="within range"):
        parameters.share = 2.0
    with pytest.raises(ValueError, match="one of the following"):
        parameters.way = "c"


def _composite(seed=0):
    """An affine after a displacement field on an oblique grid, far from the origin, as a sitk.CompositeTransform."""
    rng = np.random.default_rng(seed)
    field = sitk.GetImageFromArray(rng.normal(0, 4, (14, 12, 10, 3)), isVector=True)
    turn = sitk.Euler3DTransform()
    turn.SetRotation(0.2, -0.3, 0.1)
    field.SetDirection(turn.GetMatrix())
    field.SetSpacing((4, 5, 6))
    field.SetOrigin((-40, 30, -700))
    affine = sitk.AffineTransform(3)
    affine.SetMatrix((np.eye(3) + rng.normal(0, 0.05, (3, 3))).ravel().tolist())
    affine.SetTranslation((12, -20, 31))
    affine.SetCenter((5, 6, -650))
    inside = [field.TransformContinuousIndexToPhysicalPoint(p) for p in rng.uniform(0, [9, 11, 13], (200, 3)).tolist()]
    beyond = ([-2.0, 5, 5], [30.0, 5, 5], [-100.0, -100, -100], [5, 5, 15.0], [5, 5, 200.0])
    outside = [field.TransformContinuousIndexToPhysicalPoint(p) for p in beyond]
    return sitk.CompositeTransform([affine, sitk.DisplacementFieldTransform(field)]), inside + outside


def _move_through_node(node, point_lps):
    ras = node.GetTransformFromParent().TransformPoint((-point_lps[0], -point_lps[1], point_lps[2]))
    return np.array((-ras[0], -ras[1], ras[2]))


def test_points_move_alike_through_the_file_and_through_the_node(scene, tmp_path):
    from LongitudinalRegistrationSlicer.results.transforms import addTransformNode, itkTransformFromNode

    transform, points = _composite()
    sitk.WriteTransform(transform, str(tmp_path / "transform.h5"))
    read = sitk.ReadTransform(str(tmp_path / "transform.h5"))
    node = addTransformNode(read, "t")
    errors = [np.linalg.norm(_move_through_node(node, p) - read.TransformPoint(p)) for p in points]
    assert max(errors) < 0.01
    assert max(np.linalg.norm(np.subtract(read.TransformPoint(p), p)) for p in points) > 5
    back = itkTransformFromNode(node)
    assert max(np.linalg.norm(np.subtract(back.TransformPoint(p), read.TransformPoint(p))) for p in points) < 0.01


def test_a_volume_under_the_node_appears_where_the_resampled_one_is(scene):
    import slicer
    import vtk
    from LongitudinalRegistrationSlicer.results.transforms import addTransformNode
    from TableRemovalSlicer.volumes import addVolumeNode

    moving = sitk.GaussianSource(sitk.sitkFloat32, (30, 30, 30), (4, 4, 4), (24, 20, 13), 1000)
    shift = sitk.TranslationTransform(3, (7.0, 0.0, 0.0))
    volume = addVolumeNode(moving, "moving")
    volume.SetAndObserveTransformNodeID(addTransformNode(shift, "t").GetID())
    resampled = sitk.Resample(moving, shift)
    k, j, i = np.unravel_index(sitk.GetArrayFromImage(resampled).argmax(), (30, 30, 30))
    expected = np.array(resampled.TransformIndexToPhysicalPoint((int(i), int(j), int(k)))) * (-1, -1, 1)
    world = [0.0] * 3
    toWorld = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(volume.GetParentTransformNode(), None, toWorld)
    toWorld.TransformPoint((-24.0, -20.0, 13.0), world)
    assert np.allclose(world, expected, atol=0.5)


def test_unknown_transforms_are_refused_and_leave_no_node(scene):
    from LongitudinalRegistrationSlicer.results.transforms import addTransformNode
    from TableRemovalLib.errors import InputError

    before = scene.GetNumberOfNodes()
    spline = sitk.BSplineTransformInitializer(sitk.Image([8, 8, 8], sitk.sitkFloat32), [2, 2, 2])
    with pytest.raises(InputError, match="BSplineTransform"):
        addTransformNode(spline, "t")
    assert scene.GetNumberOfNodes() == before


def test_volumes_keep_voxels_and_oblique_geometry_both_ways(scene):
    from TableRemovalSlicer.volumes import addVolumeNode, imageFromVolumeNode

    image = sitk.GetImageFromArray(np.arange(60, dtype=np.int16).reshape(3, 4, 5))
    turn = sitk.Euler3DTransform()
    turn.SetRotation(0.3, 0.1, -0.2)
    image.SetDirection(turn.GetMatrix())
    image.SetSpacing((0.7, 0.8, 2.5))
    image.SetOrigin((10, -20, 30))
    node = addVolumeNode(image, "CT")
    back = imageFromVolumeNode(node)
    assert np.array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(image))
    corner = (4, 3, 2)
    assert np.allclose(back.TransformIndexToPhysicalPoint(corner), image.TransformIndexToPhysicalPoint(corner))
    assert back.GetPixelID() == image.GetPixelID()


def _make_result(folder):
    """A cylinder body with two vertebrae, moved by 20 mm; returns the arguments of the picture."""
    folder.mkdir()
    k, j, i = np.indices((40, 80, 80))
    body = ((i - 40) / 34) ** 2 + ((j - 40) / 26) ** 2 < 1
    labels = np.zeros(body.shape, np.uint8)
    for value, low in ((20, 6), (21, 22)):
        labels[low : low + 12, 46:58, 34:46] = value
    hu = np.where(labels > 0, 600, np.where(body, 40, -1000)).astype(np.int16)
    images = {"fixed": hu, "fixed_labels": labels}
    images.update(moving=np.roll(hu, 5, axis=2), moving_labels=np.roll(labels, 5, axis=2))
    images.update({"registered.nii.gz": hu, "registered_labels.nii.gz": labels})
    paths = {}
    for name, array in images.items():
        image = sitk.GetImageFromArray(array)
        image.SetSpacing((4.0, 4.0, 5.0))
        paths[name] = folder / (name if "." in name else f"{name}.nii.gz")
        sitk.WriteImage(image, str(paths[name]))
    wave = np.zeros((10, 10, 10, 3))
    wave[..., 1] = 8 * np.sin(np.linspace(0, np.pi, 10))[:, None, None]
    field = sitk.GetImageFromArray(wave, isVector=True)
    field.SetSpacing((35.0, 35.0, 22.0))
    shift = sitk.AffineTransform(3)
    shift.SetTranslation((20.0, 0.0, 0.0))
    composite = sitk.CompositeTransform([shift, sitk.DisplacementFieldTransform(field)])
    sitk.WriteTransform(composite, str(folder / "transform.h5"))
    scores = {"20": {"before": 0.1, "after": 0.9}, "21": {"before": None, "after": None}}
    (folder / "report.json").write_text(json.dumps({"method": "niftyreg", "dsc": scores}))
    return paths


def _count(pixels, colour, tolerance=40):
    return int((np.abs(pixels.astype(int) - np.array(colour)).max(axis=-1) < tolerance).sum())


def test_picture_has_outlines_in_all_columns_and_arrows_in_the_last(host, tmp_path):
    from PIL import Image
    from slicerhost.comparison import PALETTE
    from slicerhost.picture import render_registration_picture

    paths = _make_result(tmp_path / "result")
    png = tmp_path / "picture.png"
    render_registration_picture(
        paths["fixed"], paths["moving"], tmp_path / "result", png, paths["fixed_labels"], paths["moving_labels"]
    )
    pixels = np.asarray(Image.open(png))[40:-100]
    columns = np.array_split(pixels, 3, axis=1)
    for column in columns:
        for colour in PALETTE[:2]:
            assert _count(column, np.array(colour) * 255) > 50
        assert column.std() > 15
    green_or_yellow = [int(((c[..., 1] > 150) & (c[..., 2] < 60) & (c[..., 0] < 250)).sum()) for c in columns]
    assert green_or_yellow[2] > 100 > max(green_or_yellow[:2])
    assert not list(tmp_path.glob("tmp*"))


def test_picture_works_without_labels(host, tmp_path):
    from PIL import Image
    from slicerhost.picture import render_registration_picture

    paths = _make_result(tmp_path / "result")
    (tmp_path / "result" / "registered_labels.nii.gz").unlink()
    png = render_registration_picture(paths["fixed"], paths["moving"], tmp_path / "result", tmp_path / "p.png")
    assert np.asarray(Image.open(png)).std() > 15


def test_window_shows_the_panel_and_six_views_and_the_wheel_scrolls(host, tmp_path):
    import show
    import slicer
    from PySide6.QtCore import QPoint, QPointF, Qt
    from PySide6.QtGui import QWheelEvent

    paths = _make_result(tmp_path / "result")
    window = show.makeWindow(paths["fixed"], paths["moving"], tmp_path / "result", paths["fixed_labels"])
    window.show()
    slicer.app.processEvents()
    assert window.panel.ui.registerButton.enabled and len(window.tiles) == 6
    tile = window.tiles[0]
    before = (tile.logic.GetSliceOffset(), bytes(tile.pixmap.toImage().constBits()))
    wheel = QWheelEvent(
        QPointF(9, 9), QPointF(9, 9), QPoint(), QPoint(0, 120), Qt.NoButton, Qt.NoModifier, Qt.NoScrollPhase, False
    )
    tile.wheelEvent(wheel)
    assert tile.logic.GetSliceOffset() == before[0] + show.STEP_MM
    for _step in range(20):
        tile.wheelEvent(wheel)
    assert bytes(tile.pixmap.toImage().constBits()) != before[1]
    window.panel.cleanup()
    window.close()


QUIET = """
import sys
sys.path.insert(0, sys.argv[1])
import slicerhost
assert "slicer" not in sys.modules and "qt" not in sys.modules
host = slicerhost.boot()
heavy = [name for name in ("numba", "onnxruntime", "tensorflow", "keras", "SimpleITK") if name in sys.modules]
assert not heavy, heavy
import slicer
from slicerhost.application import makePanel
from slicerhost.views import makeSliceView, renderArray
for record in host.modules.values():
    makePanel(record).parent.show()
slicer.app.processEvents()
renderArray(makeSliceView(host, "Axial", "Axial"))
heavy = [name for name in ("numba", "onnxruntime", "tensorflow", "keras", "SimpleITK") if name in sys.modules]
assert not heavy, heavy
"""


def test_importing_does_nothing_and_booting_says_nothing():
    run = subprocess.run([sys.executable, "-c", QUIET, str(HOST)], capture_output=True, text=True, timeout=300)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
