"""The displays of the displacement: known fields give known millimetres, colours, arrows and words, in real views."""

import numpy as np
import pytest
import SimpleITK as sitk
from places import RESOURCES

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

pytestmark = pytest.mark.usefixtures("scene")
HALF_MM, BODY_MM = 100.0, 60.0
VIEW_PX = 400
SHIFT = (3.0, 4.0, 0.0)
AFFINE = np.array([[1.02, 0.05, 0.0, 6.0], [-0.04, 0.99, 0.02, -8.0], [0.01, 0.0, 1.01, 5.0], [0, 0, 0, 1]])


def constant(points):
    return np.broadcast_to(SHIFT, points.shape)


def make_transform(field, affine=AFFINE):
    """The sitk transform of a field u(points) of RAS points [..., 3] followed by an affine (RAS)."""
    flip = np.diag([-1.0, -1.0, 1.0])
    spacing, count = 5.0, 65
    along = (np.arange(count) - count // 2) * spacing
    lps = np.stack(np.meshgrid(along, along, along, indexing="ij")[::-1], axis=-1)
    image = sitk.GetImageFromArray(np.float64(field(lps @ flip) @ flip), isVector=True)
    image.SetSpacing((spacing,) * 3)
    image.SetOrigin((along[0],) * 3)
    linear = sitk.AffineTransform(3)
    linear.SetMatrix((flip @ affine[:3, :3] @ flip).ravel().tolist())
    linear.SetTranslation((flip @ affine[:3, 3]).tolist())
    return sitk.CompositeTransform([linear, sitk.DisplacementFieldTransform(image)])


def make_result(field=constant, affine=AFFINE):
    """A result on a scan of 200 mm with a cube of tissue of 120 mm in its middle."""
    from LongitudinalRegistrationSlicer.results.nodes import RESULT_ATTRIBUTE
    from LongitudinalRegistrationSlicer.results.transforms import addTransformNode
    from TableRemovalSlicer.volumes import addVolumeNode

    along = np.arange(-HALF_MM, HALF_MM + 1, 2.0)
    inside = np.abs(along) <= BODY_MM
    voxels = np.where(inside[:, None, None] & inside[:, None] & inside, 0, -1000).astype(np.int16)
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((2.0,) * 3)
    image.SetOrigin((-HALF_MM,) * 3)
    fixed = addVolumeNode(image, "Baseline")
    fixed.CreateDefaultDisplayNodes()
    fixed.GetDisplayNode().SetAutoWindowLevel(False)
    fixed.GetDisplayNode().SetWindowLevel(2000, 0)
    result = addTransformNode(make_transform(field, affine), "Result")
    result.SetAttribute(RESULT_ATTRIBUTE, "cost-volume")
    result.SetNodeReferenceID(result.GetFixedNodeReferenceRole(), fixed.GetID())
    return result


def expansion(points):
    return 0.2 * points


def folding(points):
    return points * (-1.5, 0.0, 0.0)


def sampler_of(result):
    from LongitudinalRegistrationSlicer.displacement.sampler import DisplacementSampler

    return DisplacementSampler(result)


def make_frame(mm=0.5, centre=(0.0, 0.0, 0.0), size=VIEW_PX):
    """An axial frame as Slicer's: x to the patient's left, y forward."""
    from LongitudinalRegistrationSlicer.views.slice_overlay import Frame, Layer

    matrix = np.diag([-mm, mm, 1.0, 1.0])
    matrix[:3, 3] = np.array(centre) + (mm * size / 2, -mm * size / 2, 0)
    layer = Layer(np.zeros((size, size), np.int16), np.ones((size, size), bool), 2000, 0)
    return Frame("Test", size, size, matrix, layer, None)


def grey_picture(value=100, size=VIEW_PX):
    return np.full((size, size, 3), value, np.uint8)


# --- what is sampled --------------------------------------------------------------------------------------------


def test_a_constant_shift_beside_an_affine_is_5_mm_with_jacobian_1():
    sampler = sampler_of(make_result())
    points = np.random.default_rng(0).uniform(-90, 90, (200, 3))
    assert np.allclose(sampler.displacement(points), SHIFT, atol=1e-3)
    assert np.allclose(np.linalg.norm(sampler.displacement(points), axis=-1), 5.0, atol=1e-3)
    assert np.allclose(sampler.jacobian(points), 1.0, atol=1e-4)
    assert np.allclose(sampler.jacobian(points, withAffine=True), np.linalg.det(AFFINE), atol=1e-4)


def wavy(points):
    return 8 * np.sin(points[..., [1, 2, 0]] / 30)


def test_with_the_affine_the_displacement_is_that_of_the_transform_node():
    result = make_result(wavy)
    points = np.random.default_rng(1).uniform(-190, 190, (300, 3))
    through = result.GetTransformFromParent()
    expected = np.array([through.TransformPoint(point) for point in points]) - points
    assert np.abs(expected).max() > 10
    assert np.abs(sampler_of(result).displacement(points, withAffine=True) - expected).max() < 0.05


def test_a_field_of_expansion_has_the_known_jacobian():
    sampler = sampler_of(make_result(expansion))
    points = np.random.default_rng(2).uniform(-90, 90, (50, 3))
    assert np.allclose(sampler.jacobian(points), 1.2**3, atol=1e-3)
    assert np.allclose(sampler_of(make_result(folding)).jacobian(points), -0.5, atol=1e-3)


def test_the_body_is_the_tissue():
    body = sampler_of(make_result()).body
    assert body(np.array([[0.0, 0, 0], [55, -55, 55]])).tolist() == [1, 1]
    assert body(np.array([[70.0, 0, 0], [0, 0, -80], [500, 0, 0]])).tolist() == [0, 0, 0]


def test_a_transform_that_is_changed_in_place_is_noticed():
    result = make_result()
    sampler = sampler_of(result)
    assert np.allclose(sampler.displacementAt((0, 0, 0)), SHIFT, atol=1e-3)
    from LongitudinalRegistrationSlicer.results.transforms import vtkTransformFromITK

    doubled = make_transform(lambda points: 2 * constant(points))
    result.GetTransformFromParent().DeepCopy(vtkTransformFromITK(doubled))
    assert np.allclose(sampler.displacementAt((0, 0, 0)), 2 * np.array(SHIFT), atol=1e-3)
    assert sampler.percentile(99) == pytest.approx(10.0, abs=1e-3)


def test_an_inverted_transform_says_why_it_is_not_shown():
    result = make_result()
    assert sampler_of(result).problem() == ""
    result.Inverse()
    assert "inverse" in sampler_of(result).problem()


# --- colours ----------------------------------------------------------------------------------------------------


def painted(result, **settings):
    from LongitudinalRegistrationSlicer.displacement.colours import DisplacementPainter

    painter = DisplacementPainter(sampler_of(result), **settings)
    return painter(make_frame(), grey_picture()), painter


def test_the_magnitude_has_its_colour_in_the_body_and_none_outside():
    picture, painter = painted(make_result(), opacity=1.0, largestMm=10.0)
    middle, outside = picture[200, 200], picture[350, 20]
    assert np.abs(middle.astype(int) - (33, 144, 141)).max() <= 1
    assert outside.tolist() == [100, 100, 100]
    half, _ = painted(make_result(), opacity=0.5, largestMm=10.0)
    assert np.abs(half[200, 200].astype(int) - (66, 122, 120)).max() <= 1
    everywhere, _ = painted(make_result(), opacity=1.0, largestMm=10.0, onlyBody=False)
    assert np.abs(everywhere[350, 20].astype(int) - (33, 144, 141)).max() <= 1


def test_the_scale_ends_at_a_nice_number():
    from LongitudinalRegistrationSlicer.displacement.colours import niceAbove

    assert [niceAbove(value) for value in (0.0, 0.7, 4.2, 5.0, 10.2, 61)] == [1, 0.8, 5, 5, 15, 80]
    assert painted(make_result())[1].largest() == 5
    assert painted(make_result(), mode="Jacobian")[1].largest() == 1.1
    assert painted(make_result(expansion), mode="Jacobian")[1].largest() == 2


def test_the_papers_rgb_is_x_y_z_as_red_green_blue():
    picture, painter = painted(make_result(), mode="RGB (paper)", opacity=1.0, largestMm=8.0)
    assert np.abs(picture[200, 200].astype(int) - (255 * 3 / 8, 255 * 4 / 8, 0)).max() <= 1.5
    bars = painter.legend().bars
    assert [(name, colours[-1]) for name, colours in bars] == [
        ("L/R", (255, 0, 0)),
        ("A/P", (0, 255, 0)),
        ("S/I", (0, 0, 255)),
    ]
    assert [text for _place, text in painter.legend().ticks] == ["0", "2", "4", "6", "8"]


def test_the_jacobian_tells_expansion_shrinkage_and_folding():
    expands, _ = painted(make_result(expansion), mode="Jacobian", opacity=1.0)
    shrinks, _ = painted(make_result(lambda points: -0.2 * points), mode="Jacobian", opacity=1.0)
    folds, _ = painted(make_result(folding), mode="Jacobian", opacity=1.0)
    same, _ = painted(make_result(), mode="Jacobian", opacity=1.0)
    red, green, blue = expands[200, 200].astype(int)
    assert red > green > blue
    red, green, blue = shrinks[200, 200].astype(int)
    assert red < green < blue
    assert np.abs(folds[200, 200].astype(int) - (255, 255, 0)).max() <= 1
    assert np.abs(same[200, 200].astype(int) - 100).max() <= 1


def test_the_legend_is_in_the_corner_and_its_bar_has_the_colours():
    from LongitudinalRegistrationSlicer.views.legend import placedLegends

    legend = painted(make_result())[1].legend()
    placed = placedLegends([legend], VIEW_PX, VIEW_PX)[0]
    tall, wide = placed.pixels.shape[:2]
    assert (placed.left + wide, placed.bottom) == (VIEW_PX - 6, 6) and tall > 110
    colours = {tuple(colour) for colour in placed.pixels[..., :3].reshape(-1, 3).tolist()}
    bar = set(legend.bars[0][1])
    assert len(bar & colours) > 0.9 * len(bar)
    assert (255, 255, 255) in colours and placed.pixels[..., 3].min() > 150
    assert placedLegends([legend], 80, 80) == []


def test_in_a_narrow_view_a_legend_leaves_its_titles_out():
    from LongitudinalRegistrationSlicer.views.legend import Legend, placedLegends

    legend = Legend(("Change of density", "40 HU, 3.5 SD or more"), patches=(((1, 2, 3), "lighter"),), top=True)
    narrow, wide = (placedLegends([legend], width, 300)[0].pixels for width in (350, 600))
    assert narrow.shape[1] < 90 < 140 < wide.shape[1] and narrow.shape[0] < wide.shape[0] - 30
    assert ((narrow[..., :3] == (1, 2, 3)).all(axis=-1)).sum() == ((wide[..., :3] == (1, 2, 3)).all(axis=-1)).sum() > 0


def test_legends_of_a_corner_lie_one_beside_the_other():
    from LongitudinalRegistrationSlicer.views.legend import Legend, placedLegends

    patches = (((1, 2, 3), "patch"),)
    legends = [Legend(("one",), patches=patches, top=True), Legend(("two",), top=True), Legend(("three",))]
    places = [(each.bottom, each.bottom + each.pixels.shape[0]) for each in placedLegends(legends, 300, 300)]
    assert places[0][1] == 294 and places[1][1] == places[0][0] - 6 and places[2][0] == 6
    assert len(placedLegends(legends * 9, 300, 300)) < 27


# --- lines ------------------------------------------------------------------------------------------------------


def drawn(result, frame, **settings):
    from LongitudinalRegistrationSlicer.displacement.lines import DisplacementDrawer

    return DisplacementDrawer(sampler_of(result), **settings)(frame)


def test_arrows_have_the_known_length_and_direction_in_pixels():
    halo, ink = drawn(make_result(), make_frame(mm=0.5), scale=2.0)
    shafts = ink.points[: len(ink.points) // 3]
    assert len(shafts) > 30
    assert np.allclose(shafts[:, 1] - shafts[:, 0], (-12, 16), atol=0.02)
    assert (halo.points == ink.points).all() and halo.widthPx > ink.widthPx
    tips, ends = ink.points[len(shafts) :, 0], ink.points[len(shafts) :, 1]
    assert np.allclose(tips, np.tile(shafts[:, 1], (2, 1)))
    assert ((ends - tips) @ np.array((-12, 16)) < 0).all()


def test_arrows_stay_at_their_places_of_the_patient():
    from LongitudinalRegistrationSlicer.views.upsampling import pointsOf

    places = []
    for centre in ((0.0, 0.0, 0.0), (3.3, -4.7, 11.0)):
        frame = make_frame(centre=centre)
        points = drawn(make_result(), frame)[1].points
        start = points[: len(points) // 3, 0]
        ras = pointsOf(frame, start[:, 0], start[:, 1])
        places.append({tuple(place) for place in np.round(ras[:, :2], 3) + 0.0})
    assert places[0] == places[1]


def test_the_grid_is_bent_by_the_displacement():
    frame = make_frame()
    still, moved = (drawn(make_result(), frame, mode="Grid", scale=scale)[1].points for scale in (0.0, 1.0))
    assert np.allclose(moved - still, (-6, 8), atol=0.02)
    assert (np.abs(still[:, 0] - still[:, 1]).min(axis=1) < 1e-6).all()


def test_contours_are_where_the_magnitude_is():
    from LongitudinalRegistrationSlicer.displacement.lines import DisplacementDrawer

    frame = make_frame(mm=0.5)
    drawer = DisplacementDrawer(sampler_of(make_result(lambda points: points * (0.25, 0, 0))), "Iso-contours")
    levels = drawer.levels()
    assert levels == [3, 6, 9, 12, 15]
    lines = drawer(frame)[1::2]
    for level, found in zip(levels[:-1], lines[:-1], strict=True):
        mm = np.abs(found.points[..., 0] * -0.5 + 100)
        assert len(mm) and np.allclose(mm, level / 0.25, atol=0.3)


# --- words, 3-D -------------------------------------------------------------------------------------------------


def test_a_displacement_in_words():
    from LongitudinalRegistrationSlicer.displacement.description import describeDisplacement

    words = "7.1 mm: 5.1 mm to the patient's left, 4.8 mm towards the head, 1.2 mm forward"
    assert describeDisplacement((-5.1, 1.2, 4.8)) == words
    assert describeDisplacement((2.0, -3.0, -6.0)) == (
        "7.0 mm: 6.0 mm towards the feet, 3.0 mm backward, 2.0 mm to the patient's right"
    )
    assert describeDisplacement((0, 0, 0)) == "0.0 mm"


def arrows_of(node):
    """Return start, way and colour of a model's arrows; the source's points are those of vtkArrowSource, along x."""
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    source = vtk.vtkArrowSource()
    source.Update()
    shape = vtk_to_numpy(source.GetOutput().GetPoints().GetData())
    points = vtk_to_numpy(node.GetPolyData().GetPoints().GetData()).reshape(-1, len(shape), 3)
    colours = vtk_to_numpy(node.GetPolyData().GetPointData().GetArray("Displacement colours")).reshape(
        -1, len(shape), 3
    )
    tip, base = shape[:, 0].argmax(), np.abs(shape[:, 0]) < 1e-6
    starts = points[:, base].mean(axis=1)
    return starts, points[:, tip] - starts, colours[:, 0]


def test_arrows_in_3d_go_from_each_place_to_where_it_comes(scene):
    from LongitudinalRegistrationSlicer.displacement.arrows_3d import Displacement3D

    sampler, count = sampler_of(make_result(expansion)), scene.GetNumberOfNodes()
    shown = Displacement3D(sampler)
    shown.show(20.0)
    starts, ways, colours = arrows_of(shown.node)
    assert np.allclose(ways, 0.2 * starts, atol=0.05) and np.abs(starts).max() < BODY_MM + 1
    assert len(starts) == 7**3 - 1
    half = np.abs(np.linalg.norm(ways, axis=-1) - 10.0).argmin()
    assert np.linalg.norm(ways[half]) == pytest.approx(10.0, abs=0.5)
    assert np.abs(np.subtract(colours[half], (33, 144, 141))).max() < 16
    shown.show(20.0, scale=3.0, withAffine=True, onlyBody=False)
    starts, ways, _colours = arrows_of(shown.node)
    assert np.abs(starts).max() > BODY_MM + 1
    assert np.allclose(ways, 3 * ((1.2 * starts) @ AFFINE[:3, :3].T + AFFINE[:3, 3] - starts), atol=0.2)
    kept = shown.node.GetPolyData()
    shown.show(20.0, scale=3.0, withAffine=True, onlyBody=False)
    assert shown.node.GetPolyData() is kept
    shown.remove()
    assert shown.node is None and scene.GetNumberOfNodes() == count


# --- the section, in a view -------------------------------------------------------------------------------------


class Shown:
    """The section over one real view of the baseline."""

    def __init__(self, host, result):
        from LongitudinalRegistrationSlicer.results.nodes import fixedOf
        from LongitudinalRegistrationSlicer.views.slice_overlay import SliceOverlay
        from LongitudinalRegistrationWidgets.displacement_section import DisplacementSection
        from slicerhost import views

        self.view = views.makeSliceView(host, "Red", views.AXIAL)
        self.view.get_view_node().SetOrientation(views.AXIAL)
        views.place(self.view, views.Frame((0.0, 0.0, 0.0), 200.0, 200.0, VIEW_PX, VIEW_PX))
        self.view._logic.GetSliceCompositeNode().SetBackgroundVolumeID(fixedOf(result).GetID())
        self.overlay, self.idle = SliceOverlay("Red"), []
        self.host, self.in3D = host, []
        self.section = DisplacementSection(lambda name: str(RESOURCES / name), lambda: self.onIdle(), self.in3D.append)
        self.section.setOverlays([self.overlay])
        self.section.setResult(result)

    def onIdle(self):
        self.idle.append(True)
        self.overlay.setEnabled(False)

    def picture(self):
        from slicerhost import views

        return views.renderArray(self.view)

    def choose(self, colours=0, lines=0):
        self.section.ui.linesComboBox.setCurrentIndex(lines)
        self.section.ui.coloursComboBox.setCurrentIndex(colours)


@pytest.fixture
def shown(host):
    shown = Shown(host, make_result())
    yield shown
    shown.section.cleanup()
    shown.overlay.remove()


def test_the_section_paints_the_view_and_leaves_it_as_it_was(shown):
    before = shown.picture()
    ui = shown.section.ui
    ui.opacitySlider.value = 1.0
    ui.automaticCheckBox.checked = False
    ui.largestSlider.value = 10.0
    shown.choose(colours=1)
    assert np.abs(shown.picture()[200, 200].astype(int) - (33, 144, 141)).max() <= 1
    ui.largestSlider.value = 5.0
    assert np.abs(shown.picture()[200, 200].astype(int) - (253, 231, 37)).max() <= 1
    shown.choose(colours=2)
    assert np.abs(shown.picture()[200, 200].astype(int) - (153, 204, 0)).max() <= 1
    shown.choose(lines=1)
    drawn = shown.picture()
    assert not shown.idle and (drawn != before).any()
    assert ((drawn == 255).all(axis=-1)[100:300, 100:300]).sum() > 100
    shown.choose()
    assert shown.idle and not shown.overlay.painters and not shown.overlay.drawers
    assert (shown.picture() == before).all()


def test_other_painters_of_the_overlay_stay(shown):
    other = [].append
    shown.overlay.painters.append(other)
    shown.section.setOverlays([shown.overlay])
    shown.section.ui.coloursComboBox.setCurrentIndex(3)
    assert len(shown.overlay.painters) == 2
    shown.section.exit()
    assert shown.overlay.painters == [other]
    shown.section.enter()
    assert len(shown.overlay.painters) == 2
    shown.section.setOverlays([])
    assert shown.overlay.painters == [other]
    shown.section.setOverlays([shown.overlay])
    shown.section.setResult(None)
    assert shown.overlay.painters == [other]
    shown.overlay.painters.clear()


def test_a_transform_changed_in_place_is_painted_anew(shown):
    from LongitudinalRegistrationSlicer.results.transforms import vtkTransformFromITK

    shown.section.ui.opacitySlider.value = 1.0
    shown.section.ui.automaticCheckBox.checked = False
    shown.section.ui.largestSlider.value = 10.0
    shown.choose(colours=1)
    before = shown.picture()
    result = shown.section._result
    doubled = make_transform(lambda points: 2 * constant(points))
    result.GetTransformFromParent().DeepCopy(vtkTransformFromITK(doubled))
    result.TransformModified()
    after = shown.picture()
    assert (after[200, 200] != before[200, 200]).any()
    assert np.abs(after[200, 200].astype(int) - (253, 231, 37)).max() <= 1


def test_the_place_under_the_cursor_is_told_in_words(shown, scene):
    crosshair = scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    assert crosshair is not None
    label = shown.section.ui.descriptionLabel
    crosshair.SetCursorPositionRAS([10.0, 0.0, 0.0])
    assert label.text == "5.0 mm: 4.0 mm forward, 3.0 mm to the patient's right"
    shown.section.ui.affineCheckBox.checked = True
    crosshair.SetCursorPositionRAS([0.0, 0.0, 0.0])
    moved = AFFINE[:3, :3] @ SHIFT + AFFINE[:3, 3]
    assert label.text.startswith(f"{np.linalg.norm(moved):.1f} mm: ")
    crosshair.SetCursorPositionInvalid()
    assert label.text.startswith("Point at")


def test_in_3d_by_the_check_box_with_a_view_of_its_own(shown, scene):
    import slicer
    from LongitudinalRegistrationSlicer.views import layout as compare_layout
    from slicerhost import views

    def models():
        return [node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLModelNode") if node.GetHideFromEditors()]

    compare_layout.showLayout()
    shown.section.ui.view3dCheckBox.checked = True
    assert shown.in3D == [True] and "Displacement arrows" in models()
    compare_layout.showLayout(compare_layout.Arrangement(with3D=True))
    compare_layout.lookFromTheFront()
    assert compare_layout.isShown()
    (view,) = (view for view in shown.host.core.view_manager.get_threed_views() if view.name == "Longct3D")
    view.set_box_visible(False)
    drawn = views.renderArray(view)

    coloured = np.ptp(drawn.astype(int), axis=-1) > 60
    rows, columns = np.nonzero(coloured)
    assert coloured.mean() > 0.01 and min(np.ptp(rows), np.ptp(columns)) > drawn.shape[0] / 4
    shown.section.exit()
    assert "Displacement arrows" not in models()
    shown.section.enter()
    assert "Displacement arrows" in models()
    shown.section.ui.view3dCheckBox.checked = False
    assert shown.in3D == [True, False] and "Displacement arrows" not in models()
    compare_layout.showLayout()
    assert compare_layout.isShown()


def test_the_scene_is_closed_while_the_colours_are_on(shown, scene):
    shown.section.ui.view3dCheckBox.checked = True
    shown.choose(colours=1, lines=3)
    assert (shown.picture()[200, 200] != 0).any()
    scene.Clear(0)
    assert not shown.overlay.painters and not shown.section.widget.visible
    shown.picture()
    shown.choose(colours=2, lines=1)
    shown.picture()
