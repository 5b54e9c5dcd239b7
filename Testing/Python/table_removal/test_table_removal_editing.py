"""What stands behind the Table Removal panel: overrides, history, preview of a slice, finishing, montage, CSV."""

import numpy as np
import pytest
import SimpleITK as sitk
from TableRemovalLib.body_mask import compute_body_mask
from TableRemovalLib.components import apply_clicks, click_kind, component_at
from TableRemovalLib.edit_state import EditState, with_paper_values
from TableRemovalLib.edited_mask import compute_edited_mask
from TableRemovalLib.errors import InputError
from TableRemovalLib.finish import FinishOptions, finish
from TableRemovalLib.history import History
from TableRemovalLib.montage import montage, write_montage
from TableRemovalLib.options import TableRemovalOptions
from TableRemovalLib.overlay_labels import draw_square, is_kept, label_overlay
from TableRemovalLib.overrides import DROP, KEEP, ScanOverrides, overrides_from_json, pack_mask, unpack_mask
from TableRemovalLib.paper import paper_slice
from TableRemovalLib.preview import SlicePreview, WholeScan, ct_view, same_mask

SIZE = (96, 80, 20)


@pytest.fixture(scope="module")
def image():
    """A body above a flat table, columns x rows x slices = 96 x 80 x 20, int16 HU."""
    k, j, i = np.indices(SIZE[::-1])
    body = ((i - 48) / 34) ** 2 + ((j - 34) / 22) ** 2 < 1
    table = (j >= 66) & (j < 69) & (abs(i - 48) < 40)
    noise = np.random.default_rng(4).normal(0, 8, body.shape)
    image = sitk.GetImageFromArray((np.where(body, 40, np.where(table, -200, -1000)) + noise).astype(np.int16))
    image.SetSpacing((4.0, 4.0, 5.0))
    return image


@pytest.fixture
def state():
    return EditState(TableRemovalOptions(), ScanOverrides(SIZE))


def test_overrides_survive_json_and_know_their_scan():
    drawn = np.zeros((80, 96), np.uint8)
    drawn[3:50, 7:9] = 1
    overrides = (
        ScanOverrides(SIZE)
        .changed([2, 3], seed_ij=(4, 5), threshold=0.2)
        .clicked([3], KEEP, 7, 8)
        .changed([9], mask=pack_mask(drawn))
    )
    again = overrides_from_json(overrides.to_json(), SIZE)
    assert again == overrides and np.array_equal(unpack_mask(again.at(9).mask, (80, 96)), drawn)
    with pytest.raises(InputError, match="96 x 80 x 20 voxels, this one has 96 x 80 x 21"):
        overrides_from_json(overrides.to_json(), (96, 80, 21))
    assert overrides_from_json("", SIZE) == ScanOverrides(SIZE)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"version":2,"size":[96,80,20],"slices":{}}', '{"version":1,"size":[96,80,20],"slices":{"a":1}}'],
)
def test_damaged_overrides_are_refused_in_one_line(text):
    with pytest.raises(InputError, match="clear them") as caught:
        overrides_from_json(text, SIZE)
    assert "\n" not in str(caught.value)


def test_overrides_outside_the_scan_are_dropped_and_empty_ones_vanish():
    overrides = ScanOverrides(SIZE).changed(range(18, 30), threshold=0.1)
    assert sorted(overrides.slices) == [18, 19]
    assert not overrides.changed([18, 19], threshold=None).slices
    assert sorted(overrides.copied(19, 5).slices) == [14, 15, 16, 17, 18, 19]
    assert list(overrides.cleared([18]).slices) == [19] and not overrides.cleared().slices


def test_history_joins_a_drag_and_redo_ends_with_a_new_action():
    history = History(0)
    assert not history.do(0, "a", 1.0)
    history.do(1, "a", 1.0)
    history.do(2, "a", 1.5)
    history.shown(9.0)
    history.do(2.5, "a", 9.5)
    history.do(3, "a", 19.0)
    assert (history.undo(), history.undo(), history.can_undo) == (2.5, 0, False)
    assert history.redo() == 2.5 and history.do(7) and not history.can_redo
    assert history.undo() == 2.5


def test_the_papers_values_leave_overrides(state):
    edited = state.with_threshold(0.3).with_seed((1, 2)).with_threshold(0.2, [4])
    paper = with_paper_values(edited)
    assert paper.options == TableRemovalOptions(method="paper") and paper.overrides == edited.overrides
    assert paper.slice_options(4).threshold == 0.2 and paper.slice_options(5).threshold is None


@pytest.mark.parametrize("method", ["robust", "paper"])
def test_the_preview_of_a_slice_is_the_whole_scans_slice(image, state, method):
    state = state.with_options(method=method)
    whole = sitk.GetArrayFromImage(compute_body_mask(image, state.options).mask)
    preview = SlicePreview(ct_view(sitk.GetArrayViewFromImage(image)), image.GetSpacing())
    assert np.array_equal(preview.slice_mask(7, state).mask, whole[7])
    known = WholeScan(
        lambda k: whole[k], TableRemovalOptions(method=method, threshold=0.5), np.zeros((80, 96), np.uint8)
    )
    assert np.array_equal(preview.slice_mask(7, state, known).mask, whole[7])


def test_preview_and_whole_scan_agree_on_overridden_slices(image, state):
    state = state.with_threshold(0.02, [3]).with_seed((30, 30), [4])
    state = state.with_overrides(state.overrides.clicked([5], KEEP, 48, 67).clicked([6], DROP, 48, 34))
    array = ct_view(sitk.GetArrayViewFromImage(image))
    preview, edited = SlicePreview(array, image.GetSpacing()), compute_edited_mask(image, state)
    mask, plain = sitk.GetArrayFromImage(edited.mask), compute_body_mask(image)
    base = sitk.GetArrayFromImage(plain.mask)
    for k in range(2, 8):
        assert np.array_equal(preview.slice_mask(k, state).mask, mask[k])
    assert np.array_equal(mask[3], paper_slice(array[3], state.slice_options(3))[0])
    assert mask[5, 67, 48] == 1 and mask[6].sum() == 0 and np.array_equal(mask[8:], base[8:])
    assert sorted(edited.base) == [3, 4, 5, 6] and np.array_equal(edited.base[6], base[6])
    assert "no body found" in edited.records[6].flags and edited.records[3].threshold_used == 0.02
    with pytest.raises(InputError, match="belong to a scan of 9 x 9 x 9"):
        compute_edited_mask(image, EditState(state.options, ScanOverrides((9, 9, 9)).changed([1], threshold=0.1)))


def test_slices_that_are_not_axial_cannot_have_overrides(image, state):
    sagittal = sitk.PermuteAxes(image, (1, 2, 0))
    overrides = ScanOverrides(sagittal.GetSize()).changed([1], threshold=0.2)
    with pytest.raises(InputError, match="axial"):
        compute_edited_mask(sagittal, state.with_overrides(overrides))


def test_a_click_finds_its_component(image):
    slice_hu = sitk.GetArrayViewFromImage(image)[0]
    mask = np.zeros((80, 96), np.uint8)
    mask[10:20, 10:20] = mask[30:40, 30:40] = 1
    assert component_at(mask, 12, 15).sum() == 100 and component_at(mask, 0, 0) is None
    assert click_kind(slice_hu, mask, 12, 15) == DROP and click_kind(slice_hu, mask, 48, 67) == KEEP
    for outside in ((2, 2), (200, 3)):
        with pytest.raises(InputError):
            click_kind(slice_hu, mask, *outside)
    assert np.array_equal(apply_clicks(slice_hu, mask, [(KEEP, 500, 1), (DROP, 0, 0)]), mask)


def test_only_what_decides_the_mask_makes_options_differ():
    robust = TableRemovalOptions()
    assert same_mask(robust, TableRemovalOptions(fill_hu=0.0, seed_size=9))
    assert not same_mask(robust, TableRemovalOptions(threshold=0.1))
    assert not same_mask(TableRemovalOptions(method="paper"), TableRemovalOptions(method="paper", seed_size=9))


def test_labels_tell_the_mask_even_under_the_seed():
    mask, hu = np.zeros((40, 50), np.uint8), np.full((40, 50), -1000, np.int16)
    mask[5:30, 5:30], hu[5:36, 5:30] = 1, 30
    labels = np.empty_like(mask)
    label_overlay(hu, mask, -850.0, labels)
    assert (labels[33, 10], labels[15, 15], labels[5, 9], labels[0, 0]) == (2, 1, 3, 0)
    for square in ((20, 40, 20, 50), (0, 3, 0, 3), (5, 5, 9, 9)):
        draw_square(labels, square)
        assert np.array_equal(is_kept(labels), mask)


def test_finish_blends_outside_only_and_crops_to_the_body(image):
    mask = compute_body_mask(image).mask
    inside, before = sitk.GetArrayFromImage(mask) > 0, sitk.GetArrayFromImage(image)
    soft, same = finish(image, mask, FinishOptions(fill_hu=-2000, soft_edge_mm=16))
    array = sitk.GetArrayFromImage(soft)
    assert np.array_equal(array[inside], before[inside]) and same is mask
    row = array[10, 34]
    edge = np.flatnonzero(inside[10, 34])[-1]
    assert -1900 < row[edge + 1] < -900 and row[edge + 1] > row[edge + 2] > row[edge + 3] and row[edge + 6] == -2000
    cropped, small = finish(image, mask, FinishOptions(crop=True, crop_margin_mm=8))
    columns = np.flatnonzero(inside.any(axis=(0, 1)))
    assert cropped.GetSize() == small.GetSize() and cropped.GetSize()[0] == columns[-1] - columns[0] + 1 + 4
    with pytest.raises(InputError, match="crop"):
        finish(image, mask * 0, FinishOptions(crop=True))


def test_montage_shows_every_slice_and_marks_the_flagged(image, tmp_path):
    array = sitk.GetArrayViewFromImage(image)
    masks = sitk.GetArrayFromImage(compute_body_mask(image).mask)
    picture = montage(array, lambda k: masks[k], {3})
    assert picture.dtype == np.uint8 and (picture == (255, 190, 40)).all(axis=2).sum() > 2 * (80 + 96)
    assert (picture == (90, 255, 120)).all(axis=2).sum() > 20 * 100
    write_montage(tmp_path / "m.png", picture)
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "m.png"))), picture)
    with pytest.raises(OSError):
        write_montage(tmp_path / "no" / "m.png", picture)
    assert [path.name for path in tmp_path.iterdir()] == ["m.png"]
