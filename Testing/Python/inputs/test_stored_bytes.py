"""MetaImage and NRRD files with fewer voxels than their headers say are refused; whole ones of every kind are read."""

import gzip
import zlib

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.scan.read import read_image
from LongitudinalRegistrationLib.scan.voxel_count import voxel_count
from memory_taken import memory_taken
from TableRemovalLib.errors import InputError

SUFFIXES = (".mha", ".mhd", ".nrrd", ".nhdr")


def write(folder, values, suffix, compressed):
    path = folder / f"scan{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(values), str(path), compressed)
    return path


@pytest.mark.parametrize("more", [b"6 5 5", b"1200 1000 900"])
@pytest.mark.parametrize(
    ("suffix", "compressed"), [(".mha", True), (".mha", False), (".mhd", True), (".nrrd", True), (".nrrd", False)]
)
def test_voxels_that_are_not_there_are_not_made_up_and_no_room_is_made(tmp_path, suffix, compressed, more):
    path = write(tmp_path, np.arange(120, dtype=np.int16).reshape(4, 5, 6), suffix, compressed)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"6 5 4", more, 1))
    assert path.read_bytes() != whole
    with (
        memory_taken() as taken,
        pytest.raises(InputError, match=r"Copy or export it again|cannot be read as an image"),
    ):
        read_image(path)
    assert taken[0] < 48 << 20


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_whole_files_are_read(tmp_path, suffix, compressed, dtype):
    values = np.arange(4 * 5 * 6).reshape(4, 5, 6).astype(dtype)
    path = write(tmp_path, values, suffix, compressed)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_image(path)), values)


@pytest.mark.parametrize("content", ["all air", "noise"])
@pytest.mark.parametrize("suffix", [".mha", ".nrrd"])
def test_many_voxels_that_compress_to_nothing_or_not_at_all_are_read(tmp_path, suffix, content):
    values = np.full((60, 128, 128), -1000, np.int16)
    if content == "noise":
        values[:] = np.random.default_rng(1).integers(-1000, 3000, values.shape)
    path = write(tmp_path, values, suffix, True)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_image(path)), values)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"NDims = 3", b"NDims = 99"),
        (b"DimSize = 6 5 4", b"DimSize = 6 5 4 4 4 4 4 4 4 4 4 4 4 4"),
        (b"Offset = 0 0 0", b"Offset = " + b"1 " * 5000),
        (b"NDims = 3", b"NDims = 3\nNDims = 99"),
        (b"ElementDataFile = LOCAL", b"ElementDataFile = %s%s%s%n"),
        (b"ElementDataFile = LOCAL", b"ElementDataFile = " + b"x" * 5000),
        (b"ElementType = MET_SHORT", b"ElementType = MET_OTHER"),
    ],
)
def test_a_metaimage_header_that_makes_its_reader_write_anywhere_is_refused(tmp_path, old, new):
    path = write(tmp_path, np.arange(120, dtype=np.int16).reshape(4, 5, 6), ".mha", True)
    whole = path.read_bytes()
    assert old in whole and voxel_count(path) == 120
    path.write_bytes(whole.replace(old, new))
    assert voxel_count(path) == 0
    with pytest.raises(InputError, match="its header does not fit what it holds"):
        read_image(path)


def test_a_metaimage_with_other_fields_and_its_voxels_beside_it_is_read(tmp_path):
    values = np.arange(120, dtype=np.int16).reshape(4, 5, 6)
    path = write(tmp_path, values, ".mhd", False)
    more = "Comment = made by hand\nHeaderSize = -1\nID = -1\nParentID = -1\nColor = 1 0 0 1\n"
    path.write_text(path.read_text().replace("NDims", f"{more}NDims"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_image(path)), values)


RAW = np.arange(120, dtype="<i2").tobytes()


@pytest.mark.parametrize(
    "stream",
    [
        gzip.compress(RAW) + b"\0" * 10,
        gzip.compress(RAW[:100]) + gzip.compress(RAW[100:]),
        gzip.compress(RAW) + gzip.compress(b""),
        gzip.compress(RAW + b"more"),
    ],
    ids=["filled up", "in two parts", "with an empty part", "more than needed"],
)
def test_an_nrrd_in_gzip_of_any_form_is_read_and_one_with_less_refused(tmp_path, stream):
    path = tmp_path / "scan.nrrd"
    head = b"NRRD0004\ntype: short\ndimension: 3\nsizes: 6 5 %d\nendian: little\nencoding: gzip\n\n"
    path.write_bytes(head % 4 + stream)
    assert sitk.GetArrayFromImage(read_image(path)).tobytes() == RAW
    path.write_bytes(head % 9 + stream)
    with pytest.raises(InputError, match="Copy or export it again"):
        read_image(path)


def metaimage(folder, fields, data="LOCAL", after=b""):
    path = folder / "scan.mha"
    head = f"ObjectType = Image\nNDims = 3\nDimSize = 6 5 4\nElementType = MET_SHORT\nBinaryData = True\n{fields}"
    path.write_bytes(f"{head}ElementDataFile = {data}\n".encode() + after)
    return path


def test_compressed_voxels_after_other_bytes_of_a_file_beside_are_read(tmp_path):
    stream = zlib.compress(RAW)
    (tmp_path / "scan.zraw").write_bytes(b"x" * 37 + stream)
    fields = f"CompressedData = True\nCompressedDataSize = {len(stream)}\nHeaderSize = 37\n"
    assert sitk.GetArrayFromImage(read_image(metaimage(tmp_path, fields, "scan.zraw"))).tobytes() == RAW


@pytest.mark.parametrize("word", ["True", "T", "1"])
@pytest.mark.parametrize("skipped", [None, 7])
def test_compressed_voxels_of_untold_length_that_the_reader_would_make_up_are_refused(tmp_path, word, skipped):
    stream, fields = zlib.compress(RAW), f"CompressedData = {word}\n"
    (tmp_path / "scan.zraw").write_bytes(b"x" * (skipped or 0) + stream)
    given = (fields, "LOCAL", stream) if skipped is None else (f"{fields}HeaderSize = {skipped}\n", "scan.zraw")
    with pytest.raises(InputError, match="CompressedDataSize"):
        read_image(metaimage(tmp_path, *given))
    assert (
        sitk.GetArrayFromImage(
            read_image(metaimage(tmp_path, f"{fields}CompressedDataSize = {len(stream)}\n", "LOCAL", stream))
        ).tobytes()
        == RAW
    )


def test_slices_in_files_of_their_own_are_read(tmp_path):
    for number in range(4):
        (tmp_path / f"slice{number + 1:03d}.raw").write_bytes(RAW[60 * number : 60 * (number + 1)])
    image = read_image(metaimage(tmp_path, "", "slice%03d.raw 1 4 1"))
    assert sitk.GetArrayFromImage(image).tobytes() == RAW
