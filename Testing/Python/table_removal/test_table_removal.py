"""Body masks by the robust method: phantoms with exact truth, small scenes, real scans, bad input."""

import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.phantom import PhantomOptions, make_phantom
from places import DATA
from scipy import ndimage
from TableRemovalLib.body_mask import apply_body_mask, compute_body_mask
from TableRemovalLib.errors import InputError
from TableRemovalLib.options import TableRemovalOptions
from TableRemovalLib.quality import AREA_JUMP, NO_BODY, SEED_IN_AIR, area_jumps
from TableRemovalLib.validate import validate_ct

SCENARIOS = {
    "plain": {},
    "off centre": {"off_centre_mm": (60.0, 30.0)},
    "arms down": {"arms": "down"},
    "legs apart": {"legs_apart": True},
    "prone": {"position": "prone"},
    "truncated": {"truncated_fov": True, "padding_hu": -3024},
    "thin chest wall": {"thin_chest_wall": True, "coverage": "chest", "padding_hu": -2048},
    "prosthesis": {"prosthesis_on_skin": True, "coverage": "chest"},
    "table contact": {"table_contact": True},
}

MOST_OFF_MM2 = 250.0


def array_of(image):
    return sitk.GetArrayFromImage(image)


def dice(first, second):
    return 2.0 * np.count_nonzero(first & second) / (np.count_nonzero(first) + np.count_nonzero(second))


@pytest.fixture(scope="module", params=SCENARIOS)
def phantom(request):
    """Name, scan, true body within the field of view [k, j, i], result."""
    number = list(SCENARIOS).index(request.param)
    options = PhantomOptions(size=192, slices=32, **SCENARIOS[request.param])
    scan = make_phantom(60 + number, options).baseline
    body = (array_of(scan.body) > 0) & (array_of(scan.image) > -1024)
    return request.param, scan.image, body, compute_body_mask(scan.image)


def test_phantom_mask_is_right_on_every_range_of_slices(phantom):
    name, _, body, result = phantom
    mask = array_of(result.mask) > 0
    least = 0.985 if name == "prosthesis" else 0.995
    for part in np.array_split(np.arange(len(mask)), 3):
        assert dice(mask[part], body[part]) > least
    assert dice(mask, body) >= 0.995


def test_no_patient_voxel_deeper_than_3_mm_is_lost(phantom):
    _, image, body, result = phantom
    lost = body & (array_of(result.mask) == 0)
    for k in np.flatnonzero(lost.any(axis=(1, 2))):
        depth = ndimage.distance_transform_edt(np.pad(body[k], 1), sampling=image.GetSpacing()[1::-1])
        assert depth[1:-1, 1:-1][lost[k]].max() <= 3.0, k


def test_flags_of_the_phantoms(phantom):
    """Of slices whose mask is right, 5 % at most; where the table lies close to the skin, some keep 3 cm2 beside it."""
    name, image, body, result = phantom
    assert any(record.at_edge for record in result.slices) == (name == "truncated")
    pixel_mm2 = np.prod(image.GetSpacing()[:2])
    off_mm2 = ((array_of(result.mask) > 0) != body).sum(axis=(1, 2)) * pixel_mm2
    right = [record for record in result.slices if off_mm2[record.index] < MOST_OFF_MM2]
    assert len(right) > 0.7 * len(result.slices)
    flags = [record.flags for record in right if record.flags]
    assert len(flags) <= max(2, 0.05 * len(right)), flags
    if name == "arms down":
        assert {record.components for record in result.slices} >= {3}


def scene(shape=(24, 256, 256), spacing=1.5):
    """A body with lungs, its flat back resting over 20 cm on a hollow table with a shell of 6 mm; HU [k, j, i]."""
    k, j, i = np.ogrid[: shape[0], : shape[1], : shape[2]]
    y, x = (j - shape[1] * 5 // 12) * spacing, (i - shape[2] // 2) * spacing + 0.8 * k
    hu = np.full(shape, -1000.0)
    radius = (x / 150) ** 2 + (y / 110) ** 2
    body = (radius < 1) & (y <= 80)
    hu[np.broadcast_to(body, shape)] = -100
    hu[np.broadcast_to(((x / 142) ** 2 + (y / 102) ** 2 < 1) & (y <= 72), shape)] = 40
    hu[np.broadcast_to(((np.abs(x) - 70) / 45) ** 2 + (y / 60) ** 2 < 1, shape)] = -860
    across = np.abs(x - 0.8 * k)
    table = (across < 180) & (y > 80) & (y <= 120)
    inside = (across < 174) & (y > 86) & (y <= 114)
    hu[np.broadcast_to(table, shape)] = 150
    hu[np.broadcast_to(inside, shape)] = -940
    hu += np.random.default_rng(0).normal(0, 15, shape)
    image = sitk.GetImageFromArray(np.round(hu).astype(np.int16))
    image.SetSpacing((spacing, spacing, 5.0))
    return image, np.broadcast_to(body, shape)


def test_hollow_table_that_touches_the_back_goes():
    image, body = scene()
    result = compute_body_mask(image)
    mask = array_of(result.mask) > 0
    assert dice(mask, body) > 0.999
    assert not mask[:, 161:].any(), "nothing of the table's upper side or below"
    assert mask[:, 106, 80].all() and mask[:, 106, 176].all(), "lungs are filled"


def test_sagittal_storage_gives_the_same_mask():
    image, _ = scene()
    permuted = sitk.PermuteAxes(image, (2, 1, 0))
    back = sitk.PermuteAxes(compute_body_mask(permuted).mask, (2, 1, 0))
    assert np.array_equal(array_of(back), array_of(compute_body_mask(image).mask))


@pytest.mark.parametrize("kind", [sitk.sitkInt32, sitk.sitkFloat32, sitk.sitkFloat64])
def test_pixel_type_does_not_matter(kind):
    image, _ = scene()
    expected = array_of(compute_body_mask(image).mask)
    assert np.array_equal(array_of(compute_body_mask(sitk.Cast(image, kind)).mask), expected)


def test_threshold_moves_the_border():
    image, _ = scene()
    blurred = sitk.SmoothingRecursiveGaussian(image, 3.0)
    areas = []
    for threshold in (0.06, 0.13, 0.2):
        records = compute_body_mask(blurred, TableRemovalOptions(threshold=threshold)).slices
        assert {record.threshold_used for record in records} == {threshold}
        areas.append(sum(record.area_mm2 for record in records))
    assert areas[0] < areas[1] <= areas[2]


def two_bodies():
    """Two separate bodies of fat, muscle and bone; the left one in the picture is larger."""
    j, i = np.mgrid[:96, :128]
    hu = np.full((20, 96, 128), -1000, np.int16)
    for column, size in ((36, 30), (98, 14)):
        radius = np.hypot(j - 48, i - column)
        hu[:, radius < size], hu[:, radius < 0.8 * size], hu[:, radius < 0.3 * size] = -100, 50, 600
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing((3.0, 3.0, 5.0))
    return image


def test_seed_chooses_the_trunk_and_is_flagged_in_air():
    image = two_bodies()
    assert {record.components for record in compute_body_mask(image).slices} == {2}
    hu = array_of(image)
    hu[:, :, 70:][hu[:, :, 70:] > -500] = 50
    bottle = sitk.GetImageFromArray(hu)
    bottle.CopyInformation(image)
    assert not array_of(compute_body_mask(bottle).mask)[:, :, 70:].any()
    seeded = compute_body_mask(bottle, TableRemovalOptions(seed_ij=(98, 48), seed_size=10))
    assert array_of(seeded.mask)[:, 48, 98].all()
    assert not any(SEED_IN_AIR in record.flags for record in seeded.slices)
    air = compute_body_mask(image, TableRemovalOptions(seed_ij=(67, 4), seed_size=4))
    assert all(SEED_IN_AIR in record.flags for record in air.slices)


def test_nothing_but_air_gives_an_empty_mask():
    hu = np.random.default_rng(0).normal(-980, 20, (10, 40, 40)).astype(np.int16)
    hu[5, 20, 20] = 300
    result = compute_body_mask(sitk.GetImageFromArray(hu))
    assert not array_of(result.mask).any() and not any(record.flags for record in result.slices)


def test_a_slice_with_something_and_no_body_is_flagged():
    hu = array_of(two_bodies())
    hu[12, hu[12] > -500] = -300
    result = compute_body_mask(sitk.GetImageFromArray(np.repeat(np.repeat(hu, 3, axis=1), 3, axis=2)))
    assert [record.index for record in result.slices if NO_BODY in record.flags] == [12]


def test_area_jumps():
    areas = np.linspace(50000, 60000, 30)
    assert not area_jumps(areas).any()
    areas[12] *= 1.3
    assert list(np.flatnonzero(area_jumps(areas))) == [12]
    assert AREA_JUMP == "area jumps against the neighbours"


def test_progress_and_cancel():
    image, _ = scene()
    seen = []
    compute_body_mask(image, progress=seen.append)
    assert seen == sorted(seen) and seen[-1] == 1.0 and len(seen) > 2

    def cancel(fraction):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compute_body_mask(image, progress=cancel)


def test_apply_keeps_type_and_geometry():
    image, _ = scene()
    image.SetOrigin((5.0, -7.0, 30.0))
    mask = compute_body_mask(image).mask
    result = apply_body_mask(image, mask, -1000)
    inside = array_of(mask) > 0
    assert result.GetPixelID() == image.GetPixelID() and result.GetOrigin() == image.GetOrigin()
    assert np.array_equal(array_of(result)[inside], array_of(image)[inside])
    assert (array_of(result)[~inside] == -1000).all()
    with pytest.raises(InputError, match="another grid"):
        apply_body_mask(image, sitk.Image(mask.GetSize(), sitk.sitkUInt8))
    with pytest.raises(InputError, match="cannot hold"):
        apply_body_mask(sitk.Cast(image, sitk.sitkUInt16), mask, -1000)


def changed(function):
    hu = array_of(scene((10, 32, 32), 12.0)[0]).astype(np.float32)
    return sitk.GetImageFromArray(function(hu))


def with_nan(hu):
    hu[3, 3, 3] = np.nan
    return hu


BAD = {
    "2-D": (lambda: changed(lambda hu: hu[4]), "2-D"),
    "4-D": (lambda: sitk.JoinSeries([changed(lambda hu: hu)] * 2), "4-D"),
    "colour": (lambda: sitk.Compose([changed(lambda hu: hu)] * 3), "3 values per voxel"),
    "constant": (lambda: changed(lambda hu: 0 * hu - 1000), "constant"),
    "NaN": (lambda: changed(with_nan), "NaN"),
    "one slice": (lambda: changed(lambda hu: hu[:1]), "too few along k"),
    "thin": (lambda: changed(lambda hu: hu[:, :, :1]), "too few along i"),
    "MR 0-1": (lambda: changed(lambda hu: (hu + 1100) / 2000), "do not look like HU"),
    "no intercept": (lambda: changed(lambda hu: np.maximum(hu + 1200, 0)), "rescale intercept"),
    "labelmap": (lambda: changed(lambda hu: (hu > 0).astype(np.uint8) * 22), "labelmap"),
    "air only": (lambda: changed(lambda hu: np.minimum(hu, -300)), "soft tissue"),
    "none": (lambda: None, "no image"),
    "complex": (lambda: sitk.Image((9, 9, 9), sitk.sitkComplexFloat32), "not CT"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_images_are_refused_in_one_line(case):
    make, words = BAD[case]
    image = make()
    with pytest.raises(InputError, match=words) as refusal:
        validate_ct(image, "baseline.nii.gz")
    assert str(refusal.value).startswith("baseline.nii.gz: ") and "\n" not in str(refusal.value)
    with pytest.raises(InputError):
        compute_body_mask(image)


@pytest.mark.parametrize(
    "options",
    [
        {"method": "magic"},
        {"threshold": 0.0},
        {"threshold": 1.5},
        {"threshold": float("nan")},
        {"seed_size": 0},
        {"seed_ij": (-1, 4)},
        {"seed_ij": (1.5, 4)},
        {"seed_ij": 7},
        {"seed_ij": (500, 4)},
        {"fill_hu": float("inf")},
        {"min_area_pixels": 0},
    ],
)
def test_bad_options_are_refused(options):
    with pytest.raises(InputError):
        compute_body_mask(scene()[0], TableRemovalOptions(**options))


def test_options_and_checks_work_without_numba():
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "import TableRemovalLib.options, TableRemovalLib.errors, TableRemovalLib.validate\n"
        "assert TableRemovalLib.options.TableRemovalOptions().isValid() == (True, '')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


REAL = {
    # name: (slices used, first row that only the table has, area in cm2 from, to)
    "hcc007_baseline": (slice(0, None, 3), 448, 650, 730),
    "hcc006": (slice(0, None, 4), 481, 770, 860),
    "hcc011": (slice(0, None, 3), 482, 770, 850),
    "acrin001": (slice(0, None, 4), 440, 620, 790),
    "ccth_a01": (slice(0, None, 7), 430, 440, 710),
}


@pytest.mark.parametrize("name", REAL)
def test_real_scans_have_a_plausible_body_and_no_table(name):
    path = DATA / f"{name}.nii.gz"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    step, table_row, least, most = REAL[name]
    scan = sitk.ReadImage(str(path))[:, :, step]
    result = compute_body_mask(scan)
    mask = array_of(result.mask)
    assert not mask[:, table_row:].any()
    assert all(least < record.area_mm2 / 100 < most for record in result.slices)
    middle = mask[:, mask.shape[1] // 2 - 40 : mask.shape[1] // 2 + 20, 150:220]
    assert middle.all(), "the inside of the patient is solid"


def test_dicom_with_padding_below_air():
    folder = DATA / "crlm1004_dicom"
    if not folder.exists():
        pytest.skip(f"{folder.name} is not here")
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    scan = reader.Execute()
    assert array_of(scan).min() < -2000
    result = compute_body_mask(scan)
    assert all(460 < record.area_mm2 / 100 < 570 and record.components == 1 for record in result.slices)
    assert not array_of(result.mask)[:, 412:].any()
