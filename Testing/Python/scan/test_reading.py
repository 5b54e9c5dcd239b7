"""Reading scans: DICOM folders made here with pydicom, and files that are no scans."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.scan.read import read_image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from TableRemovalLib.errors import InputError

STUDY = generate_uid()


def write_slice(folder, z, series, acquisition=1, value=0, number=None, position=None, patient="phantom"):
    """One 16 x 16 CT slice with a constant value in HU."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    data.Modality, data.PatientID, data.SeriesDescription = "CT", patient, "test series"
    data.StudyInstanceUID, data.SeriesInstanceUID = STUDY, series
    data.AcquisitionNumber = acquisition
    data.ImagePositionPatient = position or [-8.0, -8.0, float(z)]
    data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    data.PixelSpacing, data.SliceThickness = [1.0, 1.0], 2.5
    data.Rows = data.Columns = 16
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 1
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.RescaleSlope, data.RescaleIntercept = 1, -1024
    data.PixelData = np.full((16, 16), value + 1024, np.int16).tobytes()
    name = f"{number if number is not None else int(z * 10):05d}_{acquisition}_{generate_uid()[-6:]}.dcm"
    pydicom.dcmwrite(folder / name, data, enforce_file_format=True)


@pytest.fixture
def series():
    return generate_uid()


def test_a_series_is_read_in_order_with_its_geometry_in_hu(tmp_path, series):
    for n, z in enumerate([10.0, 2.5, 7.5, 5.0]):
        write_slice(tmp_path, z, series, value=int(10 * z), number=n)
    image = read_image(tmp_path)
    assert image.GetSize() == (16, 16, 4)
    np.testing.assert_allclose(image.GetSpacing(), (1, 1, 2.5))
    np.testing.assert_allclose(image.GetOrigin(), (-8, -8, 2.5))
    assert [image[3, 3, k] for k in range(4)] == [25, 50, 75, 100]


@pytest.mark.parametrize("patient, differs", [("phantom", False), ("", False), ("another", True)])
def test_two_series_of_different_patients_are_told(tmp_path, series, patient, differs):
    import argparse

    from LongitudinalRegistrationLib.cli.commands import _patient_warnings

    folders = tmp_path / "fixed", tmp_path / "moving"
    for folder, name in zip(folders, ("phantom", patient), strict=True):
        folder.mkdir()
        write_slice(folder, 0, series, patient=name)
    choice = argparse.Namespace(fixed=folders[0], moving=folders[1], fixed_series=None, moving_series=None)
    assert bool(_patient_warnings(choice)) == differs
    choice.moving = next(folders[1].iterdir())
    assert not _patient_warnings(choice)


def test_a_gap_is_named(tmp_path, series):
    for z in (0, 2.5, 5, 10, 12.5):
        write_slice(tmp_path, z, series)
    with pytest.raises(InputError, match=r"5\.00 mm between 5\.00 and 10\.00 mm"):
        read_image(tmp_path)


def test_several_series_are_listed_and_one_can_be_chosen(tmp_path, series):
    other = generate_uid()
    for z in (0, 2.5, 5):
        write_slice(tmp_path, z, series, value=7)
        write_slice(tmp_path, z, other, value=9)
    with pytest.raises(InputError) as error:
        read_image(tmp_path)
    assert "--series" in str(error.value) and series in str(error.value) and other in str(error.value)
    assert read_image(tmp_path, series=other)[0, 0, 0] == 9
    with pytest.raises(InputError, match="choose one"):
        read_image(tmp_path, series="1.2.3")


def test_stacked_acquisitions_are_listed_and_one_can_be_chosen(tmp_path, series):
    for z in (0, 2.5, 5):
        write_slice(tmp_path, z, series, acquisition=1, value=1)
        write_slice(tmp_path, z, series, acquisition=2, value=2)
    with pytest.raises(InputError, match=r"--acquisition N: .*3 slices"):
        read_image(tmp_path)
    image = read_image(tmp_path, acquisition="2")
    assert image.GetSize()[2] == 3 and image[0, 0, 0] == 2


def test_acquisitions_that_continue_each_other_are_one_volume(tmp_path, series):
    for z in (0, 2.5, 5, 7.5):
        write_slice(tmp_path, z, series, acquisition=1 + (z > 3))
    assert read_image(tmp_path).GetSize()[2] == 4


def test_one_slice_and_an_empty_folder(tmp_path, series):
    with pytest.raises(InputError, match="no DICOM images"):
        read_image(tmp_path)
    write_slice(tmp_path, 0, series)
    with pytest.raises(InputError, match="one slice"):
        read_image(tmp_path)


def test_missing_and_foreign_files(tmp_path):
    with pytest.raises(InputError, match="no file"):
        read_image(tmp_path / "none.nii.gz")
    (tmp_path / "text.nii.gz").write_text("not an image")
    with pytest.raises(InputError, match="cannot be read"):
        read_image(tmp_path / "text.nii.gz")


def test_the_real_dicom_series(real_data):
    image = read_image(real_data / "crlm1004_dicom")
    assert image.GetSize() == (512, 512, 41)
    np.testing.assert_allclose(image.GetSpacing(), (0.797, 0.797, 5.0), atol=1e-3)
    assert -100 < sitk.GetArrayViewFromImage(image)[20, 200:300, 200:300].mean() < 200
