"""What is written as DICOM, judged by others: dicom3tools' verifiers, and GDCM, which shares no code with pydicom."""

import shutil
import subprocess

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.dicom.headers import read_series_header
from LongitudinalRegistrationLib.dicom.registration_export import export_registration
from LongitudinalRegistrationLib.field.transforms import compose
from LongitudinalRegistrationLib.scan.geometry import bounds_of
from LongitudinalRegistrationLib.scan.read import read_image
from scipy.ndimage import map_coordinates
from test_dicom_export import scan, smooth_field, write_series

SHIFT_MM = (0.0, 0.0, 90.0)


def registration():
    affine = sitk.AffineTransform((1.01, 0.02, 0, -0.02, 0.99, 0, 0, 0, 1.0), SHIFT_MM)
    return compose(affine, smooth_field((0.2, -0.3, 0.1)))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A synthetic pair's study: the follow-up's series, and what is exported beside it."""
    folder = tmp_path_factory.mktemp("study")
    fixed, moving = (
        read_series_header(write_series(folder / name, z0)) for name, z0 in (("baseline", 0), ("followup", 90))
    )
    export_registration(folder / "out", scan(), registration(), moving, fixed)
    return folder


@pytest.fixture(scope="module")
def real(tmp_path_factory, real_data):
    """The same of a real series, registered to itself."""
    folder, series = tmp_path_factory.mktemp("real"), real_data / "crlm1004_dicom"
    header = read_series_header(series)
    image = read_image(series)
    centre = image.TransformContinuousIndexToPhysicalPoint([n / 2 for n in image.GetSize()])
    field = smooth_field((0, 0, 0))
    field.SetOrigin(np.add(centre, field.GetOrigin()).tolist())
    export_registration(folder / "out", image, compose(sitk.AffineTransform(3), field), header, header)
    return folder


def told(program, *paths):
    """The lines of a verifier, but for its notes of what it looks at."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not here (Debian: dicom3tools)")
    done = subprocess.run([program, *map(str, paths)], capture_output=True, text=True, errors="replace")
    return (done.stdout + done.stderr).splitlines()


@pytest.mark.parametrize("study", ["written", "real"])
def test_dciodvfy_finds_no_error(study, request):
    out = request.getfixturevalue(study) / "out"
    images = sorted((out / "series").iterdir())
    for path in (out / "registration.dcm", images[0], images[-1]):
        lines = told("dciodvfy", path)
        assert not [line for line in lines if line.startswith("Error")], path.name
        assert any(line.strip() in ("DeformableSpatialRegistration", "CTImage") for line in lines), lines


@pytest.mark.parametrize("study", ["written", "real"])
def test_dcentvfy_finds_one_patient_and_one_study(study, request, real_data):
    folder = request.getfixturevalue(study)
    own = folder / "followup" if study == "written" else real_data / "crlm1004_dicom"
    files = [path for part in (own, folder / "out") for path in part.rglob("*.dcm")]
    assert len(files) > 10
    assert not [line for line in told("dcentvfy", *files) if line.startswith("Error")]


def test_gdcm_takes_points_where_the_transform_takes_them(written):
    """The equation of C.20.3.1.1 on what GDCM reads; linear between the grid's vectors."""
    gdcm = pytest.importorskip("gdcm")
    reader = gdcm.Reader()
    reader.SetFileName(str(written / "out" / "registration.dcm"))
    assert reader.Read()

    def items(dataset, group, element):
        sequence = dataset.GetDataElement(gdcm.Tag(group, element)).GetValueAsSQ()
        return sequence.GetItem(1).GetNestedDataSet()

    def value(dataset, group, element, kind):
        data = (
            dataset.GetDataElement(gdcm.Tag(group, element))
            .GetByteValue()
            .GetBuffer()
            .encode("utf-8", "surrogateescape")
        )
        return np.frombuffer(data, kind) if kind else np.array(data.decode().strip("\0 ").split("\\"), float)

    item = items(reader.GetFile().GetDataSet(), 0x0064, 0x0002)
    grid = items(item, 0x0064, 0x0005)
    before, after = (value(items(item, 0x0064, e), 0x3006, 0x00C6, None).reshape(4, 4) for e in (0x000F, 0x0010))
    size, steps = value(grid, 0x0064, 0x0007, "<u4"), value(grid, 0x0064, 0x0008, "<f8")
    vectors = value(grid, 0x0064, 0x0009, "<f4").reshape(*size[::-1], 3)
    row, column = value(grid, 0x0020, 0x0037, None).reshape(2, 3)
    axes = np.stack([row, column, np.cross(row, column)], axis=1) * steps
    low, high = bounds_of(scan())
    points = np.random.default_rng(5).uniform(low, high, (400, 3))
    expected = np.array([registration().TransformPoint(point) for point in points.tolist()])
    low, high = read_series_header(written / "followup").bounds
    seen = np.all((expected > low) & (expected < high), axis=1)
    points, expected = points[seen], expected[seen]
    places = points @ before[:3, :3].T + before[:3, 3]
    index = np.linalg.solve(axes, (places - value(grid, 0x0020, 0x0032, None)).T)[::-1]
    moved = places + np.stack([map_coordinates(vectors[..., n], index, order=1) for n in range(3)], axis=1)
    found = moved @ after[:3, :3].T + after[:3, 3]
    assert len(points) > 100 and np.linalg.norm(expected - points - SHIFT_MM, axis=1).max() > 1
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert np.isnan(vectors).any() and np.isnan(vectors).all(axis=-1).sum() == np.isnan(vectors).any(axis=-1).sum()
