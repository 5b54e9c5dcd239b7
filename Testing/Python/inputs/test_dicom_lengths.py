"""A DICOM file whose lengths are not true is refused before a reader makes room for them; true ones are read."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from input_scans import grid_matrix, mark_of, values_on, write_enhanced, write_series
from LongitudinalRegistrationLib.scan.dicom_lengths import DEEPEST, is_damaged_dicom, is_sound_dicom
from LongitudinalRegistrationLib.scan.dicom_slices import read_tags
from LongitudinalRegistrationLib.scan.read import read_image
from LongitudinalRegistrationLib.scan.voxel_count import voxel_count
from memory_taken import memory_taken
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from TableRemovalLib.errors import InputError

SIZE, SPACING = (12, 10, 6), (7.0, 7.0, 9.0)
MATRIX = grid_matrix(SIZE, SPACING)
ROWS = b"\x28\0\x10\0US"
MOST_BYTES = 48 << 20


@pytest.fixture
def one(tmp_path):
    """Return a single CT image of a few hundred bytes."""
    return sorted(write_series(tmp_path / "series", values_on(SIZE, MATRIX), MATRIX).iterdir())[0]


def frames(folder):
    return write_enhanced(folder / "enhanced" / "one.dcm", values_on(SIZE, MATRIX), MATRIX)


def refuse_or_read(path):
    """Read a file and its folder in each way; whether both were refused."""
    refused = 0
    for given in (path, path.parent):
        voxel_count(given)
        try:
            read_image(given)
        except InputError as error:
            refused += 1
            assert "\n" not in str(error) and len(str(error)) > 40
    return refused == 2


@pytest.mark.parametrize(
    ("make", "length", "step"),
    [(lambda one: one, 0x30000000, 5), (lambda one: frames(one.parent.parent), 0x7FFFFFFF, 17)],
    ids=["image", "frames"],
)
def test_no_length_anywhere_makes_room_for_more_than_there_is(one, make, length, step):
    path = make(one)
    whole = path.read_bytes()
    with memory_taken() as taken:
        for at in range(132, len(whole) - 4, step):
            path.write_bytes(whole[:at] + length.to_bytes(4, "little") + whole[at + 4 :])
            refuse_or_read(path)
    assert taken[0] < MOST_BYTES


@pytest.mark.parametrize("tag", ["02000000", "02000200", "02001300", "08001600", "28001000", "e07f1000"])
def test_an_element_that_ends_beyond_its_file_is_refused(one, tag):
    damaged = bytearray(one.read_bytes())
    at = damaged.index(bytes.fromhex(tag), 132)
    damaged[at + 4 : at + 12] = b"OB\0\0" + (3 << 28).to_bytes(4, "little")
    one.write_bytes(damaged)
    with memory_taken() as taken:
        assert refuse_or_read(one) and voxel_count(one) == 0
    assert taken[0] < MOST_BYTES


def test_frames_whose_sequences_do_not_end_where_they_should_are_refused_and_nothing_is_kept(one):
    path = frames(one.parent.parent)
    whole = path.read_bytes()
    at = whole.index(b"\xfe\xff\0\xe0", whole.index(b"\0\x52\x30\x92SQ"))
    path.write_bytes(whole[: at + 30] + whole[at:])
    assert is_damaged_dicom(path) and not is_sound_dicom(path) and refuse_or_read(path)


@pytest.mark.parametrize(("depth", "fits"), [(DEEPEST - 1, True), (DEEPEST + 1, False), (50_000, False)])
def test_sequences_in_sequences_without_end_are_refused(one, depth, fits):
    whole = one.read_bytes()
    at = whole.index(ROWS)
    begin = b"\x20\0\x11\x91SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff"
    end = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    one.write_bytes(whole[:at] + begin * depth + end * depth + whole[at:])
    assert is_sound_dicom(one) is fits and (read_tags(one) is not None) is fits


@pytest.mark.parametrize("of_slice", [{"Rows": 20_000}, {"Columns": 13}, {"NumberOfFrames": 9000}], ids=str)
def test_fewer_pixels_than_rows_columns_and_frames_say_are_not_made_up(one, of_slice):
    for path in one.parent.iterdir():
        data = pydicom.dcmread(path)
        for name, value in of_slice.items():
            setattr(data, name, value)
        pydicom.dcmwrite(path, data)
    with memory_taken() as taken, pytest.raises(InputError, match="damaged or incomplete CT image"):
        read_image(one.parent)
    assert taken[0] < MOST_BYTES


def nested(data, undefined):
    """Give a data set private sequences, of which one has a kind that is not told, and an icon."""
    inner, outer = Dataset(), Dataset()
    inner.add_new(0x00091010, "LO", "inner")
    outer.add_new(0x00091001, "SQ", [inner, inner])
    data.add_new(0x00090010, "LO", "OF TESTS")
    data.add_new(0x00091002, "SQ", [outer])
    data.IconImageSequence = [outer]
    for sequence in (data[0x00091002], data["IconImageSequence"], outer[0x00091001]):
        sequence.is_undefined_length = undefined
        for item in sequence.value:
            item.is_undefined_length_sequence_item = undefined


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless],
    ids=lambda syntax: syntax.name,
)
def test_images_of_every_encoding_with_sequences_are_read_as_they_were(one, syntax, undefined):
    before = read_image(one.parent)
    for path in one.parent.iterdir():
        data = pydicom.dcmread(path)
        nested(data, undefined)
        if syntax is RLELossless:
            data.compress(RLELossless)
        elif syntax == ExplicitVRBigEndian:
            data.PixelData = np.frombuffer(data.PixelData, "<i2").astype(">i2").tobytes()
        data.file_meta.TransferSyntaxUID = syntax
        implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
        pydicom.dcmwrite(path, data, implicit_vr=implicit, little_endian=little)
        assert is_sound_dicom(path)
    np.testing.assert_allclose(mark_of(read_image(one.parent)), mark_of(before), atol=1e-3)


@pytest.mark.parametrize(
    "tail",
    [b"\0", b"\0" * 512, b"\0" * 70_000, b"\xfc\xff\xfc\xffOB\0\0\4\0\0\0abcd"],
    ids=["odd", "zeros", "many zeros", "padding"],
)
def test_what_fills_a_file_up_after_its_pixels_does_no_harm(one, tail):
    before = mark_of(read_image(one.parent))
    for path in one.parent.iterdir():
        path.write_bytes(path.read_bytes() + tail)
    np.testing.assert_allclose(mark_of(read_image(one.parent)), before, atol=1e-3)


@pytest.mark.parametrize("begin", [132, ROWS], ids=["no preamble", "no meta information"])
def test_a_file_without_preamble_is_read_and_a_damaged_one_refused(one, begin):
    whole = one.read_bytes()
    start = begin if isinstance(begin, int) else whole.index(b"\x08\0\x16\0UI")
    one.write_bytes(whole[start:])
    assert read_tags(one) is not None
    damaged = bytearray(whole[start:])
    at = damaged.index(ROWS)
    damaged[at + 4 : at + 12] = b"OB\0\0" + (3 << 28).to_bytes(4, "little")
    one.write_bytes(damaged)
    with memory_taken() as taken:
        assert read_tags(one) is None
    assert taken[0] < MOST_BYTES


def test_what_is_no_dicom_file_is_not_read_as_one(one):
    """The magic is a byte late: GDCM takes the bytes before it for elements, and their lengths as they are."""
    one.write_bytes(b"\0\0\0\0LO\0\0" + (1 << 30).to_bytes(4, "little") + one.read_bytes()[11:])
    with memory_taken() as taken:
        assert read_tags(one) is None and not is_damaged_dicom(one)
    assert taken[0] < MOST_BYTES


@pytest.mark.parametrize("suffix", [".img", ".mrc"])
def test_images_of_other_kinds_that_begin_as_an_old_dicom_file_does_are_read(tmp_path, suffix):
    values = np.full((6, 5, 8), 8, np.int16)
    path = tmp_path / f"scan{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(values), str(path))
    assert path.read_bytes()[:2] == b"\x08\0" and voxel_count(path) == values.size
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_image(path)), values)


@pytest.mark.parametrize("syntax", ["1.2.840.113619.5.2", "1.2.840.10008.1.20"], ids=["GE", "Papyrus"])
def test_private_transfer_syntaxes_without_kinds_of_elements_are_read(one, syntax):
    for path in one.parent.iterdir():
        data = pydicom.dcmread(path)
        data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        pydicom.dcmwrite(path, data, implicit_vr=True, little_endian=True)
        length = b"\2\0\x10\0UI"
        old, new = ImplicitVRLittleEndian.encode() + b"\0", syntax.encode()
        whole = path.read_bytes()
        path.write_bytes(whole.replace(length + bytes((len(old), 0)) + old, length + bytes((len(new), 0)) + new, 1))
        assert syntax.encode() in path.read_bytes() and is_sound_dicom(path) and read_tags(path) is not None


OPEN = b"\xff" * 4
EXPLICIT, IMPLICIT = b"\x08\0\x50\x11UI\4\x001.2\0", b"\x08\0\x50\x11\4\0\0\x001.2\0"


@pytest.mark.parametrize("kind", [b"UN", b"SQ"])
@pytest.mark.parametrize("element", [EXPLICIT, IMPLICIT], ids=["explicit", "implicit"])
def test_items_that_are_written_otherwise_than_what_is_around_them_are_sound(one, kind, element):
    whole = one.read_bytes()
    at, item = whole.index(ROWS), b"\xfe\xff\0\xe0" + OPEN + element + b"\xfe\xff\x0d\xe0\0\0\0\0"
    sequence = b"\x21\0\1\x10" + kind + b"\0\0" + OPEN + item + b"\xfe\xff\xdd\xe0\0\0\0\0"
    one.write_bytes(whole[:at] + sequence + whole[at:])
    assert is_sound_dicom(one) and read_tags(one) is not None


def test_pixels_that_begin_as_an_item_does_are_pixels(one):
    data = pydicom.dcmread(one)
    data.PixelData = b"\xfe\xff\0\xe0\xff\xff\xff\x0f" + data.PixelData[8:]
    data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    pydicom.dcmwrite(one, data, implicit_vr=True, little_endian=True)
    assert is_sound_dicom(one)


def test_a_whole_object_beside_a_series_that_does_not_name_its_class_is_passed_over(one):
    before = mark_of(read_image(one.parent))
    (one.parent / "report").write_bytes(b"\0" * 128 + b"DICM" + b"\x08\0\x60\0CS\2\0SR")
    np.testing.assert_allclose(mark_of(read_image(one.parent)), before, atol=1e-3)
