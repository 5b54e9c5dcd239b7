"""Scans on grids of any kind lie, once read, where their anatomy is: checked by points, or refused in one sentence."""

import tracemalloc

import numpy as np
import pytest
import SimpleITK as sitk
from input_scans import (
    MARK_MM,
    anatomy,
    axis_orders,
    grid_matrix,
    image_with,
    mark_of,
    marked_scan,
    values_on,
    write_enhanced,
    write_series,
    write_with_sform,
)
from LongitudinalRegistrationLib.scan.dicom_frames import read_frames
from LongitudinalRegistrationLib.scan.geometry import voxel_matrix
from LongitudinalRegistrationLib.scan.read import read_image
from LongitudinalRegistrationLib.scan.straighten import shear_of
from pydicom.uid import JPEGLSLossless, RLELossless, generate_uid
from TableRemovalLib.body_mask import compute_body_mask
from TableRemovalLib.errors import InputError

SIZE, SPACING = (44, 32, 26), (6.0, 7.0, 8.0)
FAR = (810.0, -1250.0, 3400.0)


def sheared(degrees, axis=1, spacing=SPACING, centre=(0, 0, 0)):
    """A matrix whose slices are shifted along an axis of theirs, as a gantry tilted by an angle shifts them."""
    tilt = np.deg2rad(degrees)
    matrix = np.diag([*spacing, 1.0])
    matrix[axis, 2] = spacing[2] * np.tan(tilt)
    matrix[:3, 3] = np.asarray(centre) - matrix[:3, :3] @ (np.array(SIZE) - 1) / 2
    return matrix


def gantry(degrees, centre=(0, 0, 0)):
    """A matrix as a tilted gantry makes it: slices are turned about x, and the table moves them along z."""
    tilt = np.deg2rad(degrees)
    matrix = np.eye(4)
    matrix[:3, 0] = (SPACING[0], 0, 0)
    matrix[:3, 1] = np.array([0, np.cos(tilt), np.sin(tilt)]) * SPACING[1]
    matrix[:3, 2] = (0, 0, SPACING[2])
    matrix[:3, 3] = np.asarray(centre) - matrix[:3, :3] @ (np.array(SIZE) - 1) / 2
    return matrix


def assert_in_place(image, centre=(0, 0, 0), within_mm=1.0):
    """The ball is where it should be, axes are at right angles, and the soft part has the values of its points."""
    np.testing.assert_allclose(mark_of(image), np.asarray(centre) + MARK_MM, atol=within_mm)
    assert shear_of(voxel_matrix(image)) < 1e-3
    values, rng = sitk.GetArrayViewFromImage(image), np.random.default_rng(1)
    inner = np.asarray(centre) + rng.uniform((-75, -55, -60), (-35, -45, 60), (40, 3))
    for point in inner:
        i, j, k = image.TransformPhysicalPointToIndex(point.tolist())
        place = np.array(image.TransformIndexToPhysicalPoint((i, j, k))) - centre
        assert abs(float(values[k, j, i]) - anatomy(place)) < 4


@pytest.mark.parametrize("number", range(48))
def test_all_48_axis_orders_and_flips_are_read_and_cleaned_in_place(tmp_path, number):
    direction = axis_orders()[number]
    scan = marked_scan(direction, centre=FAR)
    sitk.WriteImage(scan, tmp_path / "scan.nii")
    image = read_image(tmp_path / "scan.nii")
    assert_in_place(image, FAR)
    if number % 6 == 0:
        mask = compute_body_mask(image).mask
        litres = sitk.GetArrayViewFromImage(mask).sum() * np.prod(mask.GetSpacing()) / 1e6
        assert litres == pytest.approx(np.pi * 0.125 * 0.095 * 200, rel=0.06)


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd", "mha"])
@pytest.mark.parametrize("angles", [(5, -12, 30), (20, 20, 0), (-80, 3, 170)])
def test_oblique_scans_are_read_in_place(tmp_path, suffix, angles):
    turn = sitk.Euler3DTransform()
    turn.SetRotation(*np.deg2rad(angles).tolist())
    matrix = grid_matrix(SIZE, SPACING, np.reshape(turn.GetMatrix(), (3, 3)), FAR)
    sitk.WriteImage(image_with(values_on(SIZE, matrix, FAR), matrix), tmp_path / f"scan.{suffix}")
    assert_in_place(read_image(tmp_path / f"scan.{suffix}"), FAR)


@pytest.mark.parametrize("spacing", [(0.3, 0.3, 0.5), (0.7, 0.7, 10.0), (10.0, 10.0, 0.5), (3.5, 3.5, 3.5)])
def test_voxels_of_0_3_to_10_mm(tmp_path, spacing):
    """A box around the ball: at 0.3 mm no more fits into a small file."""
    centre = -MARK_MM
    size = np.rint(np.array([36.0, 36.0, 40.0]) / spacing).astype(int)
    matrix = grid_matrix(size, spacing)
    sitk.WriteImage(image_with(values_on(size, matrix, centre), matrix), tmp_path / "scan.nii.gz")
    image = read_image(tmp_path / "scan.nii.gz")
    np.testing.assert_allclose(image.GetSpacing(), spacing, rtol=1e-5)
    np.testing.assert_allclose(mark_of(image), 0, atol=0.5)


@pytest.mark.parametrize("has_qform", [True, False])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("degrees", [np.rad2deg(1e-4), 0.5, 18.0, -18.0])
def test_a_sheared_header_is_straightened(tmp_path, degrees, axis, has_qform):
    """A qform cannot be sheared: whoever takes it instead puts the outer slices 34 mm off at 18 degrees."""
    matrix = sheared(degrees, axis, centre=(30, -20, 400))
    qform = grid_matrix(SIZE, SPACING, centre=(30, -20, 400)) if has_qform else None
    path = write_with_sform(tmp_path / "scan.nii", values_on(SIZE, matrix, (30, -20, 400)), matrix, qform)
    image = read_image(path)
    assert_in_place(image, (30, -20, 400), 1.5)
    assert image.GetPixelID() == sitk.sitkInt16 and image.GetSize()[2] == SIZE[2]


def test_labels_of_a_sheared_scan_keep_their_values_and_its_grid(tmp_path):
    matrix = sheared(15.0)
    values = values_on(SIZE, matrix)
    labels = np.where(values > 700, 20, np.where(values > 200, 21, 0)).astype(np.uint8)
    scan = read_image(write_with_sform(tmp_path / "scan.nii", values, matrix))
    read = read_image(write_with_sform(tmp_path / "labels.nii", labels, matrix))
    assert read.GetSize() == scan.GetSize() and read.GetOrigin() == scan.GetOrigin()
    assert set(np.unique(sitk.GetArrayViewFromImage(read))) == {0, 20, 21}
    ball = sitk.GetArrayFromImage(read) == 20
    assert (sitk.GetArrayFromImage(scan)[ball] > 600).mean() > 0.9


@pytest.mark.parametrize("compress", [None, RLELossless, JPEGLSLossless])
@pytest.mark.parametrize("degrees", [0, 12, -24])
def test_a_tilted_gantry_is_straightened(tmp_path, degrees, compress):
    matrix = gantry(degrees, FAR)
    write_series(
        tmp_path / "series", values_on(SIZE, matrix, FAR), matrix, compress=compress, GantryDetectorTilt=degrees
    )
    image = read_image(tmp_path / "series")
    assert_in_place(image, FAR, 1.5)
    assert image.GetPixelID() in (sitk.sitkInt16, sitk.sitkInt32)
    down = np.reshape(image.GetDirection(), (3, 3))[:, 1]
    np.testing.assert_allclose(down, matrix[:3, 1] / SPACING[1], atol=1e-6)


def test_positions_count_and_not_the_distance_that_a_header_names(tmp_path):
    """SpacingBetweenSlices is negative where slices run downwards, and wrong elsewhere; zero is refused."""
    matrix = grid_matrix(SIZE, SPACING)
    for number, apart in enumerate((-8.0, 3.0)):
        tags = {"SpacingBetweenSlices": apart, "SliceThickness": 5.0}
        write_series(tmp_path / str(number), values_on(SIZE, matrix), matrix, **tags)
        image = read_image(tmp_path / str(number))
        assert_in_place(image)
        assert image.GetSpacing() == pytest.approx(SPACING)
    write_series(tmp_path / "zero", values_on(SIZE, matrix), matrix, SpacingBetweenSlices=0.0)
    with pytest.raises(InputError, match="distance of zero"):
        read_image(tmp_path / "zero")


@pytest.mark.parametrize("own_rescale", [False, True])
def test_an_enhanced_multi_frame_ct_is_read_in_the_order_of_its_positions(tmp_path, own_rescale):
    matrix = grid_matrix(SIZE, SPACING, centre=FAR)
    order = np.random.default_rng(0).permutation(SIZE[2])
    values = values_on(SIZE, matrix, FAR)
    write_enhanced(tmp_path / "series" / "one.dcm", values, matrix, order, own_rescale)
    image = read_image(tmp_path / "series")
    assert_in_place(image, FAR)
    assert np.array_equal(sitk.GetArrayFromImage(image), values)


def test_an_enhanced_multi_frame_ct_with_an_unknown_kind_of_value_is_refused(tmp_path):
    matrix = grid_matrix(SIZE, SPACING)
    path = write_enhanced(tmp_path / "series" / "one.dcm", values_on(SIZE, matrix), matrix)
    known, unknown = (bytes.fromhex("28001091") + kind for kind in (b"SQ", b"SU"))
    assert known in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(known, unknown, 1))
    with pytest.raises(InputError, match="damaged or incomplete CT image"):
        read_image(path.parent)


def test_no_room_is_made_for_more_than_a_multi_frame_file_holds(tmp_path):
    matrix = grid_matrix(SIZE, SPACING)
    path = write_enhanced(tmp_path / "one.dcm", values_on(SIZE, matrix), matrix)
    frames, damaged = read_frames(path), bytearray(path.read_bytes())
    at = damaged.index(bytes.fromhex("00523092") + b"SQ")
    damaged[at + 4 : at + 12] = b"OB\0\0" + (1 << 30).to_bytes(4, "little")
    path.write_bytes(damaged)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="damaged or incomplete multi-frame CT"):
            read_frames(path)
        assert len(frames) == SIZE[2] and tracemalloc.get_traced_memory()[1] < 1 << 26
    finally:
        tracemalloc.stop()


def test_an_enhanced_multi_frame_ct_of_a_tilted_gantry_and_one_with_a_gap(tmp_path):
    matrix = gantry(15)
    values = values_on(SIZE, matrix)
    write_enhanced(tmp_path / "tilted" / "one.dcm", values, matrix)
    assert_in_place(read_image(tmp_path / "tilted"), within_mm=1.5)
    write_enhanced(tmp_path / "gap" / "one.dcm", values, matrix, [k for k in range(SIZE[2]) if k != 9])
    with pytest.raises(InputError, match="not evenly spaced"):
        read_image(tmp_path / "gap")


def test_a_step_and_shoot_series_with_an_acquisition_for_every_slice_is_one_stack(tmp_path):
    matrix = grid_matrix(SIZE, SPACING)
    values = values_on(SIZE, matrix)
    write_series(tmp_path / "whole", values, matrix, of_slice=lambda k: {"AcquisitionNumber": k + 1})
    assert_in_place(read_image(tmp_path / "whole"))

    def without_one(k):
        return None if k == 9 else {"AcquisitionNumber": k + 1}

    write_series(tmp_path / "gap", values, matrix, of_slice=without_one)
    with pytest.raises(InputError, match=r"not evenly spaced, 16\.00 mm between") as error:
        read_image(tmp_path / "gap")
    assert "acquisitions" not in str(error.value)


@pytest.mark.parametrize("kept", [140, 400, 900, -50])
@pytest.mark.parametrize("place", [0, 12, SIZE[2] - 1])
def test_a_slice_that_is_cut_off_is_told_and_not_left_out(tmp_path, kept, place):
    matrix = grid_matrix(SIZE, SPACING)
    write_series(tmp_path, values_on(SIZE, matrix), matrix)
    (path,) = tmp_path.glob(f"*-{place:03d}.dcm")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=f"{path.name} is a damaged or incomplete CT image: export the series again"):
        read_image(tmp_path)


def test_other_dicom_objects_beside_a_series_are_passed_over(tmp_path):
    matrix = grid_matrix(SIZE, SPACING)
    write_series(tmp_path, values_on(SIZE, matrix), matrix)
    content = bytearray(next(tmp_path.glob("*-000.dcm")).read_bytes()[:900])
    report = b"1.2.840.10008.5.1.4.1.1.88.11"
    meta = b"\x02\x00\x02\x00UI" + len(report + b"\0").to_bytes(2, "little") + report + b"\0"
    (tmp_path / "report.dcm").write_bytes(bytes(content[:132]) + meta)
    (tmp_path / "notes.txt").write_text("notes")
    assert_in_place(read_image(tmp_path))


def test_two_series_in_one_folder_are_listed_and_slices_of_two_sizes_refused(tmp_path):
    matrix, one, other = grid_matrix(SIZE, SPACING), generate_uid(), generate_uid()
    values = values_on(SIZE, matrix)
    write_series(tmp_path / "both" / "a", values, matrix, one)
    write_series(tmp_path / "both" / "b", values - 7, matrix, other)
    with pytest.raises(InputError, match="holds 2 series; choose one with --series UID"):
        read_image(tmp_path / "both")
    assert_in_place(read_image(tmp_path / "both", series=one))
    write_series(tmp_path / "mixed", values, matrix, of_slice=lambda k: {"PixelSpacing": ["7", "6" if k else "5"]})
    with pytest.raises(InputError, match="differ in size or pixel spacing"):
        read_image(tmp_path / "mixed")


@pytest.mark.parametrize("change", [{"PixelSpacing": ["0", "0"]}, {"PixelSpacing": ["-1", "1"]}])
def test_a_pixel_spacing_of_zero_or_less_is_refused(tmp_path, change):
    matrix = grid_matrix(SIZE, SPACING)
    write_series(tmp_path / "series", values_on(SIZE, matrix), matrix, of_slice=lambda k: change)
    with pytest.raises(InputError, match="pixel spacing of zero or less"):
        read_image(tmp_path / "series")


def test_slices_that_do_not_lie_in_one_stack_are_refused(tmp_path):
    matrix = grid_matrix(SIZE, SPACING)
    start = matrix[:3, 3]

    def aside(k):
        x, y, z = start + k * matrix[:3, 2]
        return {"ImagePositionPatient": [x + (25 if k > 12 else 0), y, z]}

    write_series(tmp_path / "series", values_on(SIZE, matrix), matrix, of_slice=aside)
    with pytest.raises(InputError, match="do not lie in one stack"):
        read_image(tmp_path / "series")
