"""What radiotherapy lies on goes, at every voxel size and field of view; cone-beam CT keeps the front of the body."""

import numpy as np
import pytest
import SimpleITK as sitk
from Benchmarks.couch_scenes import CouchScene, make_scene
from places import DATA
from scipy import ndimage
from TableRemovalLib.body_mask import compute_body_mask

FARTHEST_MM = 3.0
WHOLE, RAILS_CUT, GRID_CUT = (700.0, 550.0), (500.0, 550.0), (700.0, 440.0)
LEAST_DICE = 0.994
SCENES = [
    ("couch", 1.07, WHOLE),
    ("couch", 3.0, RAILS_CUT),
    ("wing board", 0.8, WHOLE),
    ("wing board", 1.5, GRID_CUT),
    ("wing board", 3.0, WHOLE),
    ("vacuum cushion", 1.5, RAILS_CUT),
    ("vacuum cushion", 3.0, GRID_CUT),
    ("mattress", 1.07, RAILS_CUT),
    ("mattress", 3.0, WHOLE),
]


def farthest_mm(kept, body, spacing):
    """How far what is kept reaches from the body at most, mm; both bool [k, j, i]."""
    worst = 0.0
    for here, there in zip(kept & ~body, body, strict=True):
        if here.any():
            worst = max(worst, ndimage.distance_transform_edt(~there, sampling=spacing[1::-1])[here].max())
    return worst


@pytest.mark.parametrize(("laying", "voxel_mm", "view"), SCENES)
def test_couch_goes_at_any_voxel_size_and_field_of_view(laying, voxel_mm, view):
    scene = CouchScene(
        voxel_mm=voxel_mm, slice_mm=5.0, length_mm=120.0, laying=laying, view_mm=view[0], grid_mm=view[1]
    )
    image, body = make_scene(scene, np.random.default_rng(4))
    mask = sitk.GetArrayFromImage(compute_body_mask(image).mask) > 0
    assert farthest_mm(mask, body, image.GetSpacing()) <= FARTHEST_MM + 0.1
    assert 2 * np.count_nonzero(mask & body) / (mask.sum() + body.sum()) > LEAST_DICE


@pytest.fixture(scope="module")
def couch_scan():
    path = DATA / "pancreas001_1.5mm.nii.gz"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    return sitk.ReadImage(str(path))


def whole(scan):
    return scan


def on_3_mm(scan):
    size = [n // 2 for n in scan.GetSize()[:2]]
    smooth = sitk.DiscreteGaussian(scan, [1.0, 1.0, 0.0])
    grid = sitk.Image([*size, scan.GetSize()[2]], sitk.sitkInt16)
    grid.SetOrigin(scan.GetOrigin())
    grid.SetSpacing((3.0, 3.0, scan.GetSpacing()[2]))
    return sitk.Resample(smooth, grid, sitk.Transform(), sitk.sitkLinear, -1000)


def without_sides(scan):
    return scan[18:348, :310, :]


def upper_half(scan):
    return scan[:, :, 40:]


@pytest.mark.parametrize("part", [whole, on_3_mm, without_sides, upper_half])
def test_real_couch_goes_whatever_part_of_it_is_seen(couch_scan, part):
    """The back lies above row 277 of the whole scan; board, couch, rails and trough lie below."""
    scan = part(couch_scan)
    result = compute_body_mask(scan)
    spacing = scan.GetSpacing()
    lowest = int(np.ceil(281 * 1.5 / spacing[1]))
    assert not sitk.GetArrayFromImage(result.mask)[:, lowest:].any()
    assert all(record.components == 1 for record in result.slices)
    assert all(record.area_mm2 > 48000 for record in result.slices)


def test_cone_beam_keeps_its_front_and_is_told():
    path = DATA / "pancreas001_conebeam.nii.gz"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    result = compute_body_mask(sitk.ReadImage(str(path)))
    mask = sitk.GetArrayFromImage(result.mask) > 0
    seen = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[60] > -700
    assert np.count_nonzero(mask[60] & seen) > 0.995 * np.count_nonzero(seen)
    assert "cone-beam" in result.remark and "\n" not in result.remark
    assert not mask[:38].any() and not mask[98:].any()


def test_intensities_with_cupping_are_told_and_ct_is_not():
    image, body = make_scene(CouchScene(voxel_mm=3.0, slice_mm=8.0, length_mm=96.0), np.random.default_rng(1))
    assert compute_body_mask(image).remark == ""
    hu = sitk.GetArrayFromImage(image).astype(np.float32)
    depth = np.linspace(1.0, 0.0, hu.shape[1])[None, :, None] ** 0.5
    cupped = sitk.GetImageFromArray(np.round(np.where(body, hu - 520 * depth, -1000)).astype(np.int16))
    cupped.CopyInformation(image)
    result = compute_body_mask(cupped)
    mask = sitk.GetArrayFromImage(result.mask) > 0
    assert result.remark
    assert 2 * np.count_nonzero(mask & body) / (mask.sum() + body.sum()) > 0.96
