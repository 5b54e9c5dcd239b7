"""Compressed DICOM, single images (read by GDCM) and multi-frame (by pydicom): the right values, or one sentence."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from input_scans import grid_matrix, values_on, write_enhanced, write_series
from LongitudinalRegistrationLib.scan.read import read_image
from pydicom.pixels import get_decoder
from pydicom.uid import UID
from TableRemovalLib.errors import InputError

gdcm = pytest.importorskip("gdcm")

LOSSLESS = "RLELossless", "JPEGLosslessProcess14", "JPEGLosslessProcess14_1", "JPEGLSLossless", "JPEG2000Lossless"
LOSSY = "JPEGLSNearLossless", "JPEG2000", "JPEGExtendedProcess2_4"
MOST_LOSS_HU = 2
UNSIGNED_12_BIT = {"BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0}
CUT_OFF = "damaged or incomplete"
SIZE, SPACING = (20, 22, 8), (6.0, 7.0, 8.0)
MATRIX = grid_matrix(SIZE, SPACING)
VALUES = np.clip(values_on(SIZE, MATRIX), -1024, 3071)


def compress(folder, into, syntax):
    """Write the files of a folder again, in a transfer syntax of GDCM's name."""
    into.mkdir()
    for path in folder.iterdir():
        reader = gdcm.ImageReader()
        reader.SetFileName(str(path))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, syntax)))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(into / path.name))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        assert pydicom.dcmread(into / path.name).file_meta.TransferSyntaxUID.is_compressed
    return into


def write(folder, form, tags):
    if form == "single images":
        return write_series(folder, VALUES, MATRIX, **tags)
    return write_enhanced(folder / "one.dcm", VALUES, MATRIX, **tags).parent


@pytest.mark.parametrize("tags", [{}, UNSIGNED_12_BIT], ids=["signed 16 bit", "unsigned 12 bit"])
@pytest.mark.parametrize("form", ["single images", "multi-frame"])
@pytest.mark.parametrize("syntax", LOSSLESS)
def test_what_is_compressed_without_loss_has_the_values_that_were_stored(tmp_path, syntax, form, tags):
    image = read_image(compress(write(tmp_path / "plain", form, tags), tmp_path / "compressed", syntax))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), VALUES)
    assert image.GetSpacing() == pytest.approx(SPACING)


@pytest.mark.parametrize("form", ["single images", "multi-frame"])
@pytest.mark.parametrize("syntax", LOSSY)
def test_what_is_compressed_with_loss_is_read_or_refused(tmp_path, syntax, form):
    folder = compress(write(tmp_path / "plain", form, UNSIGNED_12_BIT), tmp_path / "compressed", syntax)
    if (syntax, form) == ("JPEGExtendedProcess2_4", "multi-frame"):
        with pytest.raises(InputError, match="compressed as JPEG Extended.*cannot be unpacked here"):
            read_image(folder)
        return
    np.testing.assert_allclose(sitk.GetArrayFromImage(read_image(folder)), VALUES, atol=MOST_LOSS_HU)


@pytest.mark.parametrize("form", ["single images", "multi-frame"])
@pytest.mark.parametrize("syntax", ["RLELossless", "JPEGLosslessProcess14_1", "JPEG2000Lossless"])
def test_compressed_files_that_are_cut_off_are_refused(tmp_path, syntax, form):
    folder = compress(write(tmp_path / "plain", form, {}), tmp_path / "compressed", syntax)
    path = max(folder.iterdir())
    path.write_bytes(path.read_bytes()[: -path.stat().st_size // 3])
    with pytest.raises(InputError, match=CUT_OFF):
        read_image(folder)


def test_a_multi_frame_ct_that_nothing_here_can_unpack_is_told_as_such(tmp_path, monkeypatch):
    folder = compress(write(tmp_path / "plain", "multi-frame", {}), tmp_path / "compressed", "JPEG2000Lossless")
    decoder = get_decoder(UID("1.2.840.10008.1.2.4.90"))
    monkeypatch.setattr(decoder, "_available", {})
    with pytest.raises(InputError, match="compressed as JPEG 2000.*cannot be unpacked here"):
        read_image(folder)
