"""DICOM export: the registered series and the registration object, read back by readers that are not ours."""

import json
import shutil
import sys

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.cli.main import main
from LongitudinalRegistrationLib.dicom.export import export_series, new_folder, right_handed
from LongitudinalRegistrationLib.dicom.headers import read_series_header
from LongitudinalRegistrationLib.dicom.spatial_registration import read_spatial_registration, write_spatial_registration
from LongitudinalRegistrationLib.field.transforms import compose
from LongitudinalRegistrationLib.report.content import scan_content
from LongitudinalRegistrationLib.scan.geometry import bounds_of
from LongitudinalRegistrationLib.scan.read import read_image
from LongitudinalRegistrationLib.scan.write import write_image, write_transform
from LongitudinalRegistrationLib.system.files import write_json
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from TableRemovalLib.errors import InputError

SIZE, SPACING = (24, 20, 8), (1.5, 1.25, 3.0)


def write_series(folder, z0=0.0, patient="P1", name="Müller^Änne", charset="ISO_IR 100", frame=True, slices=8, step=10):
    """A CT series of 20 x 24 pixels, 1.25 x 1.5 mm, 3 mm apart."""
    folder.mkdir()
    series, study, frame_uid = generate_uid(), generate_uid(), generate_uid()
    for k in range(slices):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        data.SpecificCharacterSet = charset
        data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        data.Modality, data.PatientID, data.PatientName = "CT", patient, name
        data.PatientBirthDate, data.PatientSex = "19500101", "F"
        data.StudyInstanceUID, data.SeriesInstanceUID, data.SeriesNumber = study, series, 4
        data.StudyDate, data.AccessionNumber, data.SeriesDescription = "20210304", "A17", "Thorax 3.0"
        data.AcquisitionDate, data.KVP, data.PatientPosition = "20210304", 120, "HFS"
        if frame:
            data.FrameOfReferenceUID = frame_uid
        data.ImagePositionPatient = [-12.0, -10.0, z0 + 3.0 * k]
        data.ImageOrientationPatient, data.PixelSpacing, data.SliceThickness = [1, 0, 0, 0, 1, 0], [1.25, 1.5], 3.0
        data.Rows, data.Columns = 20, 24
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 1
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.RescaleSlope, data.RescaleIntercept = 1, 0
        data.PixelData = np.full((20, 24), step * k, np.int16).tobytes()
        pydicom.dcmwrite(folder / f"{(k * 5) % slices:03d}.dcm", data, enforce_file_format=True)
    return folder


def scan(angles=(0.0, 0.0, 0.0), seed=0):
    """A float scan with values out of the range of int16, on a grid that is turned by Euler angles (radians)."""
    values = np.random.default_rng(seed).uniform(-1100, 3000, SIZE[::-1]).astype(np.float32)
    values[0, 0, :2] = 40000, -40000
    image = sitk.GetImageFromArray(values)
    image.SetOrigin((-12.0, -10.0, 0.0))
    image.SetSpacing(SPACING)
    image.SetDirection(sitk.Euler3DTransform((0, 0, 0), *angles).GetMatrix())
    return image


def smooth_field(angles):
    """A smooth field of some mm on a turned 4 mm grid."""
    noise = np.random.default_rng(1).normal(0, 60, (12, 14, 16, 3))
    field = sitk.GetImageFromArray(noise, isVector=True)
    field.SetSpacing((4.0, 4.0, 4.0))
    field.SetOrigin((-30.0, -25.0, -11.3))
    field.SetDirection(sitk.Euler3DTransform((0, 0, 0), *angles).GetMatrix())
    return sitk.Cast(sitk.SmoothingRecursiveGaussian(field, 8.0), sitk.sitkVectorFloat64)


def registration(angles=(0.2, -0.3, 0.1), linear=True):
    """A transform like that of a registration: an affine after a field."""
    affine = sitk.AffineTransform(3)
    if linear:
        affine.SetMatrix((np.eye(3) + np.random.default_rng(2).normal(0, 0.05, (3, 3))).ravel().tolist())
        affine.SetCenter((10.0, -5.0, 3.0))
        affine.SetTranslation((12.345678, -210.987654, 33.1))
    return compose(affine, smooth_field(angles))


def points(count=300):
    return np.random.default_rng(3).uniform(-60, 80, (count, 3))


def farthest(one, other, where=None):
    """Largest distance of where two transforms take the same points, mm."""
    where = points() if where is None else where
    taken = [np.array([transform.TransformPoint(p) for p in where.tolist()]) for transform in (one, other)]
    return np.linalg.norm(taken[0] - taken[1], axis=1).max()


def gdcm(folder):
    """The only series of a folder, as SimpleITK's own series reader orders and reads it."""
    (uid,) = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    return sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid))


def datasets(folder):
    return [pydicom.dcmread(path) for path in sorted(folder.iterdir())]


@pytest.mark.parametrize("angles", [(0, 0, 0), (0.2, -0.35, 0.6)])
@pytest.mark.parametrize("read", [read_image, gdcm])
def test_voxels_and_geometry_read_back(tmp_path, angles, read):
    image = scan(angles)
    export_series(image, tmp_path / "out")
    back = read(tmp_path / "out")
    expected = np.clip(np.rint(sitk.GetArrayFromImage(image)), -32768, 32767)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(back), expected)
    assert expected.min() == -32768 and expected.max() == 32767
    np.testing.assert_allclose(back.GetSpacing(), SPACING, atol=1e-6)
    np.testing.assert_allclose(back.GetOrigin(), image.GetOrigin(), atol=1e-6)
    np.testing.assert_allclose(back.GetDirection(), image.GetDirection(), atol=1e-6)


def test_a_left_handed_grid_keeps_every_voxel_in_its_place(tmp_path):
    image = scan()
    image.SetDirection((1, 0, 0, 0, -1, 0, 0, 0, 1))
    turned = right_handed(image)
    assert turned.TransformPhysicalPointToIndex(image.TransformIndexToPhysicalPoint((3, 4, 2))) == (3, 4, 5)
    export_series(image, tmp_path / "out")
    back = read_image(tmp_path / "out")
    for index in [(0, 0, 1), (3, 4, 2), (23, 19, 7)]:
        assert back[back.TransformPhysicalPointToIndex(image.TransformIndexToPhysicalPoint(index))] == round(
            image[index]
        )


def test_patient_study_frame_and_references(tmp_path):
    source = read_series_header(write_series(tmp_path / "followup", z0=100))
    reference = read_series_header(write_series(tmp_path / "baseline"))
    exported = export_series(scan(), tmp_path / "out", source, reference)
    files = datasets(tmp_path / "out")
    first = files[0]
    assert len(files) == 8 and len({one.SOPInstanceUID for one in files}) == 8
    assert str(first.PatientName) == "Müller^Änne" and first.PatientID == "P1" and first.AccessionNumber == "A17"
    assert first.StudyInstanceUID == source.study_uid != reference.study_uid
    assert first.FrameOfReferenceUID == reference.frame_uid != source.frame_uid
    assert first.SeriesInstanceUID == exported.series_uid not in (source.series_uid, reference.series_uid)
    assert list(first.ImageType) == ["DERIVED", "SECONDARY", "AXIAL"]
    assert (first.SeriesNumber, first.SeriesDescription) == (1004, "Thorax 3.0 registered to baseline")
    assert first.AcquisitionDate == "20210304" and first.KVP is None and first.DerivationDescription
    assert (first.RescaleSlope, first.RescaleIntercept, first.RescaleType) == (1, 0, "HU")
    named = {item.ReferencedSOPInstanceUID for item in first.SourceImageSequence}
    assert named == {one.SOPInstanceUID for one in datasets(tmp_path / "followup")}
    assert first.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian


def test_a_name_in_japanese_stays_as_it_was(tmp_path):
    name = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    folder = write_series(tmp_path / "followup", name=name, charset=["", "ISO 2022 IR 87"])
    export_series(scan(), tmp_path / "out", read_series_header(folder), description="d" * 70)
    first = datasets(tmp_path / "out")[0]
    assert str(first.PatientName) == name and first.SeriesDescription == "d" * 64


@pytest.mark.filterwarnings("ignore:The value length")
def test_values_that_break_the_rules_are_carried_over_as_they_are(tmp_path):
    folder = write_series(tmp_path / "followup")
    for path in folder.iterdir():
        data = pydicom.dcmread(path)
        with pytest.warns(UserWarning):
            data.AccessionNumber, data.StudyDate, data.PatientAge = "A" * 20, "2021.3.4", "38"
        data.save_as(path)
    export_series(scan(), tmp_path / "out", read_series_header(folder))
    assert datasets(tmp_path / "out")[0].AccessionNumber == "A" * 20


def test_a_header_without_what_is_needed_is_named(tmp_path):
    folder = write_series(tmp_path / "followup")
    data = pydicom.dcmread(folder / "000.dcm")
    del data.StudyInstanceUID
    data.save_as(folder / "000.dcm")
    with pytest.raises(InputError, match="000.dcm has no StudyInstanceUID"):
        read_series_header(folder)


def test_each_slice_names_the_source_slices_it_came_from(tmp_path):
    folder = write_series(tmp_path / "followup", z0=100, slices=8)
    heights = {one.SOPInstanceUID: float(one.ImagePositionPatient[2]) for one in datasets(folder)}
    shift = sitk.TranslationTransform(3, (0.0, 0.0, 106.0))
    export_series(scan(), tmp_path / "out", read_series_header(folder), transform=shift)
    for k, one in enumerate(datasets(tmp_path / "out")):
        named = [heights[item.ReferencedSOPInstanceUID] for item in one.get("SourceImageSequence", [])]
        assert named == [z for z in sorted(heights.values()) if abs(z - (106.0 + 3.0 * k)) < 3.0]


def test_series_of_two_patients_are_refused(tmp_path):
    source = read_series_header(write_series(tmp_path / "followup"))
    reference = read_series_header(write_series(tmp_path / "baseline", patient="P2"))
    with pytest.raises(InputError, match="different patients") as refused:
        export_series(scan(), tmp_path / "out", source, reference)
    assert "P1" not in str(refused.value) and "P2" not in str(refused.value)
    with pytest.raises(InputError, match="different patients"):
        write_spatial_registration(tmp_path / "r.dcm", registration(), reference, source)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["baseline", "followup"]


def test_a_folder_with_content_is_left_alone_and_a_failure_leaves_nothing(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note.txt").write_text("mine")
    with pytest.raises(InputError, match="choose another name"):
        export_series(scan(), tmp_path / "full")
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "failed") as staged:
        (staged / "half.dcm").write_text("half")
        raise ZeroDivisionError
    bad = scan()
    bad[1, 1, 1] = float("nan")
    with pytest.raises(InputError, match="NaN"):
        export_series(bad, tmp_path / "nan")
    assert [path.name for path in tmp_path.iterdir()] == ["full"]
    assert (tmp_path / "full" / "note.txt").read_text() == "mine"


def test_without_pydicom_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(InputError, match=r'pip install "pydicom>=3\.0"'):
        export_series(scan(), tmp_path / "out")


@pytest.fixture
def pair(tmp_path):
    """Headers of a baseline and a follow-up."""
    return [read_series_header(write_series(tmp_path / name, z0)) for name, z0 in (("baseline", 0), ("followup", 90))]


def rotation_before():
    """The registration with a rotation before it."""
    parts = registration()
    rotation = sitk.Euler3DTransform((3.0, 2.0, 1.0), 0.1, 0.2, -0.1, (4.0, 5.0, 6.0))
    return sitk.CompositeTransform([parts.GetNthTransform(0), parts.GetNthTransform(1), rotation])


def field_alone():
    """A registration whose affine is the identity, on an upright grid."""
    return registration((0, 0, 0), linear=False)


def left_handed():
    """A field whose grid runs downwards."""
    field = smooth_field((0, 0, 0))
    field.SetOrigin((-30.0, -25.0, 32.7))
    field.SetDirection((1, 0, 0, 0, 1, 0, 0, 0, -1))
    return sitk.DisplacementFieldTransform(field)


@pytest.mark.parametrize("make", [registration, field_alone, rotation_before, left_handed])
def test_points_land_where_they_did(tmp_path, pair, make):
    transform = make()
    path = write_spatial_registration(tmp_path / "registration.dcm", transform, *pair)
    back = read_spatial_registration(path)
    assert farthest(sitk.Transform(3, sitk.sitkIdentity), transform) > 5
    assert farthest(back, transform) < 1e-4


def test_the_object_read_as_the_standard_says(tmp_path, pair):
    """The equation of C.20.3.1.1 at grid points, from the plain attributes; so the direction is the standard's."""
    fixed, moving = pair
    transform = rotation_before()
    data = pydicom.dcmread(write_spatial_registration(tmp_path / "r.dcm", transform, fixed, moving))
    assert data.SOPClassUID == "1.2.840.10008.5.1.4.1.1.66.3" and data.Modality == "REG"
    assert data.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert data.FrameOfReferenceUID == fixed.frame_uid and data.StudyInstanceUID == moving.study_uid
    (item,) = data.DeformableRegistrationSequence
    assert item.SourceFrameOfReferenceUID == moving.frame_uid and len(item.ReferencedImageSequence) == 8
    matrices = [
        np.array(sequence[0].FrameOfReferenceTransformationMatrix, float).reshape(4, 4)
        for sequence in (item.PreDeformationMatrixRegistrationSequence, item.PostDeformationMatrixRegistrationSequence)
    ]
    kinds = item.PreDeformationMatrixRegistrationSequence, item.PostDeformationMatrixRegistrationSequence
    assert [kind[0].FrameOfReferenceTransformationMatrixType for kind in kinds] == ["RIGID", "AFFINE"]
    grid = item.DeformableRegistrationGridSequence[0]
    nx, ny, nz = grid.GridDimensions
    vectors = np.frombuffer(grid.VectorGridData, "<f4").reshape(-1, 3)
    row, column = np.array(grid.ImageOrientationPatient, float).reshape(2, 3)
    axes = np.stack([row, column, np.cross(row, column)]) * np.array(grid.GridResolution)[:, None]
    for i, j, k in [(25, 26, 24), (30, 28, 30), (1, 2, 3)]:
        place = np.array(grid.ImagePositionPatient, float) + np.array([i, j, k]) @ axes
        moved = matrices[1] @ [*(place + vectors[i + nx * (j + ny * k)]), 1]
        start = np.linalg.solve(matrices[0], [*place, 1])[:3]
        np.testing.assert_allclose(moved[:3], transform.TransformPoint(start.tolist()), atol=1e-3)
    assert len(vectors) == nx * ny * nz
    own = [series.SeriesInstanceUID for series in data.ReferencedSeriesSequence]
    (other,) = data.StudiesContainingOtherReferencedInstancesSequence
    assert own == [moving.series_uid] and other.StudyInstanceUID == fixed.study_uid


def test_transforms_and_files_of_another_kind_are_refused(tmp_path, pair):
    for transform in (sitk.AffineTransform(3), sitk.CompositeTransform([left_handed(), left_handed()])):
        with pytest.raises(InputError, match="one displacement field"):
            write_spatial_registration(tmp_path / "r.dcm", transform, *pair)
    assert not (tmp_path / "r.dcm").exists()
    with pytest.raises(InputError, match="cannot be read"):
        read_spatial_registration(tmp_path / "none.dcm")
    with pytest.raises(InputError, match="no Deformable"):
        read_spatial_registration(next((tmp_path / "baseline").iterdir()))
    frameless = read_series_header(write_series(tmp_path / "frameless", frame=False))
    with pytest.raises(InputError, match="frame of reference"):
        write_spatial_registration(tmp_path / "r.dcm", registration(), frameless, pair[1])


@pytest.fixture
def result(tmp_path):
    """A folder with what `longct register` writes."""
    folder = tmp_path / "result"
    folder.mkdir()
    write_image(scan(), folder / "registered.nii.gz")
    shift = sitk.AffineTransform(3)
    shift.SetTranslation((0.0, 0.0, 80.0))
    write_transform(compose(shift, smooth_field((0.2, -0.3, 0.1))), folder / "transform.h5")
    followup = read_image(write_series(tmp_path / "registered", z0=80))
    write_json({"inputs": {"moving": scan_content(followup)}}, folder / "report.json")
    return folder


def seen_points(transform, count=400):
    """Points of the result's baseline that its transform takes into its follow-up."""
    low, high = bounds_of(scan())
    tried = np.random.default_rng(5).uniform(low, high, (count, 3))
    moved = np.array([transform.TransformPoint(point) for point in tried.tolist()]) - (0.0, 0.0, 80.0)
    return tried[np.all((moved > low) & (moved < high), axis=1)]


def command(tmp_path, *more):
    return ["export-dicom", str(tmp_path / "result"), "--out", str(tmp_path / "dicom"), *map(str, more)]


def test_the_command_writes_series_and_registration(tmp_path, result, capsys):
    folders = write_series(tmp_path / "followup", z0=80), write_series(tmp_path / "baseline")
    assert main(command(tmp_path, "--source", folders[0], "--reference", folders[1], "--json")) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])["result"]
    data = pydicom.dcmread(tmp_path / "dicom" / told["registration"])
    baseline = read_series_header(folders[1])
    assert told["slices"] == 8 and told["frame_of_reference_uid"] == baseline.frame_uid == data.FrameOfReferenceUID
    back = read_spatial_registration(tmp_path / "dicom" / "registration.dcm")
    transform = sitk.ReadTransform(str(result / "transform.h5"))
    assert len(seen_points(transform)) > 100 and farthest(back, transform, seen_points(transform)) < 1e-4
    assert np.isnan(back.TransformPoint((-30.0, -20.0, 10.0))).all(), "no series shows that"
    np.testing.assert_allclose(read_image(tmp_path / "dicom" / "series").GetSpacing(), SPACING, atol=1e-5)
    assert main(command(tmp_path)) == 2
    assert "choose another name" in capsys.readouterr().err


def test_the_command_without_series_and_with_the_wrong_ones(tmp_path, result, capsys):
    assert main(command(tmp_path)) == 0
    assert "--source" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "dicom").iterdir()] == ["series"]
    elsewhere = write_series(tmp_path / "followup", z0=80)
    arguments = ["export-dicom", str(result), "--out", str(tmp_path / "other")]
    assert main([*arguments, "--reference", str(elsewhere)]) == 2
    assert "80 mm apart" in capsys.readouterr().err
    assert main([*arguments, "--source", str(tmp_path / "none")]) == 2
    assert "is not there" in capsys.readouterr().err
    another = write_series(tmp_path / "another", z0=40, slices=9)
    assert main([*arguments, "--source", str(another)]) == 2
    assert "its voxels are others" in capsys.readouterr().err
    assert main([*arguments, "--source", str(another), "--made-from-source"]) == 2
    assert "its box lies" in capsys.readouterr().err
    dark = write_series(tmp_path / "dark", z0=80, step=-10)
    assert main([*arguments, "--source", str(dark)]) == 2
    assert "its voxels are others" in capsys.readouterr().err
    assert main([*arguments, "--source", str(dark), "--made-from-source"]) == 0
    shutil.rmtree(tmp_path / "other")
    capsys.readouterr()
    write_json({}, result / "report.json")
    assert main([*arguments, "--source", str(elsewhere)]) == 2
    assert "register again" in capsys.readouterr().err
    (result / "transform.h5").unlink()
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert "transform.h5" in error and error.count("\n") == 1
    assert not (tmp_path / "other").exists()


def test_a_baseline_without_frame_of_reference_gets_that_of_the_new_series(tmp_path, result):
    folders = write_series(tmp_path / "followup", z0=80), write_series(tmp_path / "baseline", frame=False)
    assert main(command(tmp_path, "--source", folders[0], "--reference", folders[1])) == 0
    data = pydicom.dcmread(tmp_path / "dicom" / "registration.dcm")
    assert data.FrameOfReferenceUID == datasets(tmp_path / "dicom" / "series")[0].FrameOfReferenceUID


def test_a_real_series_goes_through(tmp_path, real_data):
    source = read_series_header(real_data / "crlm1004_dicom")
    image = read_image(real_data / "crlm1004_dicom")
    export_series(image, tmp_path / "out", source, source, transform=sitk.Transform(3, sitk.sitkIdentity))
    back = gdcm(tmp_path / "out")
    np.testing.assert_array_equal(sitk.GetArrayViewFromImage(back), sitk.GetArrayViewFromImage(image))
    np.testing.assert_allclose(back.GetOrigin(), image.GetOrigin(), atol=1e-6)
    first = datasets(tmp_path / "out")[0]
    assert first.PatientID == "CRLM-CT-1004" and first.FrameOfReferenceUID == source.frame_uid
    assert len(first.DeidentificationMethodCodeSequence) == 7 and len(first.SourceImageSequence) == 1
