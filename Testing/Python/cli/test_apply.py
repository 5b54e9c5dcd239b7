"""`longct apply`: a volume, labels and points, from the follow-up to the baseline and back."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from command import longct
from LongitudinalRegistrationLib.field.transforms import compose
from LongitudinalRegistrationLib.scan.write import write_transform

SHIFT = np.array([6.0, 0.0, -3.0])
"""Where the transform takes a fixed point (LPS, mm)."""


@pytest.fixture
def files(tmp_path):
    """A scan of 20 x 20 x 20 voxels of 3 mm with a bright voxel at (8, 9, 10), labels of it, a point there, a shift."""
    voxels = np.full((20, 20, 20), -1000, np.int16)
    voxels[10, 9, 8] = 400
    for name, array in (("scan", voxels), ("labels", (voxels > 0).astype(np.uint8) * 5)):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing((3.0, 3.0, 3.0))
        sitk.WriteImage(image, str(tmp_path / f"{name}.nii.gz"))
    position = (np.array([8, 9, 10]) * 3.0 * (-1, -1, 1)).tolist()
    point = {"id": "1", "label": "L3", "position": position}
    markup = {"type": "Fiducial", "coordinateSystem": "RAS", "controlPoints": [point], "measurements": [{"name": "a"}]}
    (tmp_path / "points.mrk.json").write_text(json.dumps({"markups": [markup]}), encoding="utf-8")
    shift = sitk.AffineTransform(3)
    shift.SetTranslation(SHIFT.tolist())
    sitk.WriteTransform(sitk.CompositeTransform([shift]), str(tmp_path / "transform.h5"))
    return tmp_path


def apply(capsys, files, name, *more):
    """Run it on a file; return the file that was written."""
    suffix = ".mrk.json" if name == "points" else ".nii.gz"
    out = files / f"out{suffix}"
    given = [files / f"{name}{suffix}", out, "--transform", files / "transform.h5", *more]
    code, _, err = longct(capsys, "apply", *given)
    assert (code, err) == (0, "")
    return out


@pytest.mark.parametrize("options, sign", [((), -1), (("--inverse",), 1)])
def test_scan_labels_and_points_come_to_the_same_place(capsys, files, options, sign):
    """The transform leads from baseline to follow-up: what is brought to the baseline goes the other way."""
    expected = np.array([8, 9, 10]) * 3.0 + sign * SHIFT
    reference = ("--reference", files / "scan.nii.gz")
    scan = sitk.ReadImage(str(apply(capsys, files, "scan", *reference, *options)))
    assert scan.GetPixel(np.round(expected / 3).astype(int).tolist()) == 400 and scan.GetPixelID() == sitk.sitkInt16
    labels = sitk.ReadImage(str(apply(capsys, files, "labels", "--labels", *reference, *options)))
    assert np.argwhere(sitk.GetArrayFromImage(labels) == 5).tolist() == [(expected / 3)[::-1].tolist()]
    markup = json.loads(apply(capsys, files, "points", *options).read_text(encoding="utf-8"))["markups"][0]
    assert np.allclose(markup["controlPoints"][0]["position"], expected * (-1, -1, 1), atol=1e-3)
    assert markup["controlPoints"][0]["label"] == "L3" and "measurements" not in markup


def test_what_has_no_data_is_air(capsys, files):
    scan = sitk.ReadImage(str(apply(capsys, files, "scan", "--reference", files / "scan.nii.gz")))
    assert scan.GetPixel((19, 0, 19)) == -1024


@pytest.mark.parametrize(
    "given, said",
    [
        (("scan.nii.gz", "out.nii.gz"), "--reference"),
        (("points.mrk.json", "out.nii.gz"), "same kind"),
        (("scan.nii.gz", "scan.nii.gz", "--reference", "scan.nii.gz"), "never changed"),
        (("scan.nii.gz", "out.nii.gz", "--labels", "--reference", "scan.nii.gz"), "negative values"),
        (("nothing.mrk.json", "out.mrk.json"), "no file"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_code_2(capsys, files, given, said):
    words = [word if word.startswith("--") else files / word for word in given]
    code, _, err = longct(capsys, "apply", *words, "--transform", files / "transform.h5")
    assert code == 2 and said in err and len(err.splitlines()) == 1


def test_a_transform_is_written_the_other_way_round(capsys, tmp_path):
    values = np.zeros((12, 12, 12, 3))
    values[3:9, 3:9, 3:9] = (2.0, -1.0, 0.5)
    field = sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(values, isVector=True), 2.0)
    field.SetSpacing((8.0,) * 3)
    affine = sitk.AffineTransform((1.02, 0.03, 0, -0.03, 0.99, 0, 0, 0, 1.01), (4.0, -7.0, 30.0))
    transform = compose(affine, sitk.Cast(field, sitk.sitkVectorFloat64))
    write_transform(transform, tmp_path / "transform.h5")
    words = tmp_path / "transform.h5", tmp_path / "inverse.h5"
    assert longct(capsys, "invert", *words)[0] == 0
    inverse = sitk.ReadTransform(str(tmp_path / "inverse.h5"))
    points = np.random.default_rng(4).uniform(10, 80, (50, 3))
    moved = [transform.TransformPoint(point) for point in points.tolist()]
    assert np.linalg.norm(np.array(moved) - points, axis=1).min() > 10
    assert np.linalg.norm([inverse.TransformPoint(p) for p in moved] - points, axis=1).max() < 0.05
    assert longct(capsys, "invert", tmp_path / "transform.h5", tmp_path / "transform.h5")[0] == 2
    assert longct(capsys, "invert", tmp_path / "transform.h5", tmp_path / "inverse.nii.gz")[0] == 2
