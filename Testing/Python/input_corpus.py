"""Inputs of every kind that a clinic, a converter or a broken disk may bring, each with what must come of it.

A case is made in a folder of its own, from a seeded generator. RIGHT: the command succeeds, and the answer is that of
the plain scan. REFUSED: exit code 2 and one sentence. EITHER: one of these two, never anything else.
"""

import dataclasses
import gzip
import io
import os
import re
import shutil
import typing
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import SimpleITK as sitk
from input_scans import (
    MARK_MM,
    grid_matrix,
    mark_of,
    marked_scan,
    values_on,
    write_enhanced,
    write_series,
    write_with_sform,
)
from LongitudinalRegistrationLib.cli.main import main

RIGHT, REFUSED, EITHER = "right", "refused", "either"
SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha")
NAMES = (
    "a scan",
    "Übersicht 腹部 ψ",
    "-dash",
    "--out",
    "a'b\"c",
    "percent%20s",
    "semi;colon&and",
    "dot.nii.in.the.middle",
)
SIZE, SPACING = (44, 32, 26), (6.0, 7.0, 8.0)


@dataclasses.dataclass(frozen=True)
class Case:
    """Name, what must come of it, and how it is made: (folder, generator) to the path that is given to the command.

    known: whether the ball lies where the plain scan has it, if the command succeeds; not where a header was changed.
    """

    name: str
    expected: str
    make: typing.Callable
    known: bool = True


def _written(image, path):
    sitk.WriteImage(image, str(path), True)
    return path


def _of_type(pixel_type, change=lambda values: values, name="scan.nii.gz"):
    def make(folder, rng):
        scan = marked_scan()
        values = change(sitk.GetArrayFromImage(scan)).astype(pixel_type)
        image = sitk.GetImageFromArray(values)
        image.CopyInformation(scan)
        return _written(image, folder / name)

    return make


def _with_values(change):
    return _of_type(np.float32, change)


def _some(value, part=0.01):
    def change(values):
        values = np.ascontiguousarray(values, np.float64)
        values.ravel()[:: int(1 / part)] = value
        return values

    return change


def _padded(values):
    """Air outside the circle of reconstruction is -3024, as some scanners write it."""
    j, i = np.meshgrid(*(np.linspace(-1, 1, n) for n in values.shape[1:]), indexing="ij")
    return np.where(i**2 + j**2 > 1.2, -3024, values)


def _vector(components):
    def make(folder, rng):
        scan = marked_scan()
        image = sitk.Compose([sitk.Cast(scan, sitk.sitkFloat32)] * components)
        return _written(image, folder / "scan.nii.gz")

    return make


def _colour(folder, rng):
    values = rng.integers(0, 255, (8, 20, 24, 3)).astype(np.uint8)
    return _written(sitk.GetImageFromArray(values, isVector=True), folder / "scan.nii.gz")


def _four_d(count):
    def make(folder, rng):
        return _written(sitk.JoinSeries([marked_scan()] * count), folder / "scan.nii.gz")

    return make


def _slice(folder, rng):
    return _written(marked_scan()[:, :, 12], folder / "scan.nii.gz")


def _complex(folder, rng):
    image = sitk.Cast(marked_scan(), sitk.sitkFloat32)
    return _written(sitk.RealAndImaginaryToComplex(image, image), folder / "scan.mha")


def _cut(suffix, fraction=None):
    def make(folder, rng):
        path = _written(marked_scan(), folder / f"scan{suffix}")
        data = path.read_bytes()
        at = int(len(data) * fraction) if fraction is not None else int(rng.integers(0, len(data)))
        path.write_bytes(data[:at])
        return path

    return make


def _flipped(suffix, count=1):
    """Some bytes are others: in the header there is a lot to go wrong, so half of them are there."""

    def make(folder, rng):
        path = _written(marked_scan(), folder / f"scan{suffix}")
        data = bytearray(path.read_bytes())
        for _ in range(count):
            end = 400 if rng.random() < 0.5 else len(data)
            data[int(rng.integers(0, min(end, len(data))))] = int(rng.integers(0, 256))
        path.write_bytes(data)
        return path

    return make


def _named(name, suffix=".nii.gz"):
    def make(folder, rng):
        path = folder / f"{name}{suffix}"
        shutil.copyfile(_written(marked_scan(), folder / f"plain{suffix}"), path)
        return path

    return make


def _renamed(own, to):
    def make(folder, rng):
        path = _written(marked_scan(), folder / f"scan{own}")
        return path.rename(folder / f"scan{to}")

    return make


def _bytes(data, name):
    def make(folder, rng):
        (folder / name).write_bytes(data(rng) if callable(data) else data)
        return folder / name

    return make


def _link(kind):
    def make(folder, rng):
        link = folder / "link.nii.gz"
        if kind == "good":
            link.symlink_to(_written(marked_scan(), folder / "scan.nii.gz"))
        elif kind == "hard":
            os.link(_written(marked_scan(), folder / "scan.nii.gz"), link)
        elif kind == "dangling":
            link.symlink_to(folder / "gone.nii.gz")
        elif kind == "loop":
            link.symlink_to(link)
        else:
            (folder / "series").mkdir()
            link.symlink_to(folder / "series")
        return link

    return make


def _named_pipe(folder, rng):
    os.mkfifo(folder / "pipe.nii.gz")
    return folder / "pipe.nii.gz"


def _nifti_field(offset, form, value):
    """A header field of an uncompressed scan is another."""

    def make(folder, rng):
        import struct

        path = _written(marked_scan(), folder / "scan.nii")
        data = bytearray(path.read_bytes())
        struct.pack_into(form, data, offset, value)
        path.write_bytes(data)
        return path

    return make


def _sheared(degrees):
    def make(folder, rng):
        matrix = np.diag([*SPACING, 1.0])
        matrix[1, 2] = SPACING[2] * np.tan(np.deg2rad(degrees))
        matrix[:3, 3] = -matrix[:3, :3] @ (np.array(SIZE) - 1) / 2
        return write_with_sform(folder / "scan.nii", values_on(SIZE, matrix), matrix, grid_matrix(SIZE, SPACING))

    return make


def _series(of_slice=lambda k, rng: {}, spoil=lambda files, rng: None, matrix=None, **tags):
    def make(folder, rng):
        own = grid_matrix(SIZE, SPACING) if matrix is None else matrix
        series = write_series(
            folder / "a series", values_on(SIZE, own), own, of_slice=lambda k: of_slice(k, rng), **tags
        )
        spoil(sorted(series.iterdir()), rng)
        return series

    return make


def _without(k, rng):
    return None if k == 11 else {}


def _cut_one(files, rng):
    one = files[int(rng.integers(len(files)))]
    data = one.read_bytes()
    one.write_bytes(data[: int(rng.integers(0, len(data)))])


def _flip_one(files, rng):
    one = files[int(rng.integers(len(files)))]
    data = bytearray(one.read_bytes())
    for _ in range(3):
        data[int(rng.integers(128, min(1200, len(data))))] = int(rng.integers(0, 256))
    one.write_bytes(data)


def _add_others(files, rng):
    (files[0].parent / "notes.txt").write_text("not an image")
    (files[0].parent / "DICOMDIR").write_bytes(rng.bytes(600))
    (files[0].parent / "empty.dcm").write_bytes(b"")


def _enhanced(spoil=False):
    def make(folder, rng):
        matrix = grid_matrix(SIZE, SPACING)
        path = write_enhanced(folder / "series" / "one.dcm", values_on(SIZE, matrix), matrix)
        if spoil:
            data = path.read_bytes()
            path.write_bytes(data[: int(rng.integers(0, len(data)))])
        return path.parent

    return make


KINDS = [
    *(Case(f"type {np.dtype(t).name}", RIGHT, _of_type(t)) for t in (np.int16, np.int32, np.float32, np.float64)),
    Case("type int64", RIGHT, _of_type(np.int64, name="scan.nrrd")),
    Case("type int8", EITHER, _of_type(np.int8, lambda values: np.clip(values // 10, -128, 127))),
    *(
        Case(f"type {np.dtype(t).name}", REFUSED, _of_type(t, lambda values: values + 1024))
        for t in (np.uint16, np.uint32)
    ),
    Case("type uint64", REFUSED, _of_type(np.uint64, lambda values: values + 1024, "scan.nrrd")),
    Case("type uint8", REFUSED, _of_type(np.uint8, lambda values: np.clip(values / 8 + 125, 0, 255))),
    Case("colour", REFUSED, _colour),
    Case("vectors", REFUSED, _vector(3)),
    Case("complex", REFUSED, _complex),
    Case("4-D of one volume", RIGHT, _four_d(1)),
    Case("4-D of three", REFUSED, _four_d(3)),
    Case("one slice", REFUSED, _slice),
    Case("NaN", REFUSED, _with_values(_some(np.nan))),
    Case("infinite", REFUSED, _with_values(_some(np.inf))),
    Case("1e30", EITHER, _with_values(_some(1e30)), known=False),
    Case("padding of -3024", RIGHT, _of_type(np.int16, _padded)),
    Case("constant", REFUSED, _of_type(np.int16, lambda values: values * 0 - 1000)),
    Case(
        "all air but noise",
        EITHER,
        _of_type(np.int16, lambda values: values * 0 - 1000 + np.arange(values.size).reshape(values.shape) % 7),
    ),
    Case("metal of 30000 HU", RIGHT, _of_type(np.int16, lambda values: np.where(values > 900, 30000, values))),
    Case("empty file", REFUSED, _bytes(b"", "scan.nii.gz")),
    *(Case(f"text named {suffix}", REFUSED, _bytes(b"not an image\n" * 99, f"scan{suffix}")) for suffix in SUFFIXES),
    *(
        Case(f"noise named {suffix}", REFUSED, _bytes(lambda rng: rng.bytes(5000), f"scan{suffix}"))
        for suffix in SUFFIXES
    ),
    Case("text in gzip", REFUSED, _bytes(gzip.compress(b"not an image"), "scan.nii.gz")),
    Case("unknown ending", REFUSED, _bytes(b"x" * 500, "scan.xyz")),
    Case("no ending", EITHER, _renamed(".nii.gz", "")),
    *(Case(f"{own} named {to}", EITHER, _renamed(own, to)) for own in SUFFIXES for to in SUFFIXES if own != to),
    *(
        Case(f"link: {kind}", expected, _link(kind))
        for kind, expected in (
            ("good", RIGHT),
            ("hard", RIGHT),
            ("dangling", REFUSED),
            ("loop", REFUSED),
            ("empty folder", REFUSED),
        )
    ),
    Case("named pipe", REFUSED, _named_pipe),
    *(Case(f"name: {name}", RIGHT, _named(name)) for name in NAMES),
    *(
        Case(f"cut at {fraction:.0%} {suffix}", REFUSED, _cut(suffix, fraction))
        for suffix in SUFFIXES
        for fraction in (0.02, 0.5, 0.97)
    ),
    Case("zero spacing", REFUSED, _nifti_field(80, "<f", 0.0)),
    Case("spacing NaN", REFUSED, _nifti_field(80, "<f", np.nan)),
    Case("negative spacing", REFUSED, _nifti_field(84, "<f", -7.0)),
    Case("spacing of nearly nothing", REFUSED, _nifti_field(80, "<f", 5e-9)),
    Case("spacing of 3 m", REFUSED, _nifti_field(80, "<f", 3000.0)),
    Case("negative size", REFUSED, _nifti_field(42, "<h", -5)),
    Case("far too large", REFUSED, _nifti_field(42, "<h", 32000)),
    Case("place NaN", EITHER, _nifti_field(292, "<f", np.nan)),
    *(Case(f"sheared by {degrees:g} degrees", RIGHT, _sheared(degrees)) for degrees in (0.0057, 18.0)),
    Case("DICOM series", RIGHT, _series()),
    Case("DICOM beside other files", RIGHT, _series(spoil=_add_others)),
    Case("DICOM without a slice", REFUSED, _series(_without)),
    Case("DICOM, a slice cut", EITHER, _series(spoil=_cut_one)),
    Case("DICOM, wrong numbers", REFUSED, _series(lambda k, rng: {"ImagePositionPatient": ["1e30", "0", str(k)]})),
    Case("DICOM, an acquisition a slice", RIGHT, _series(lambda k, rng: {"AcquisitionNumber": k})),
    Case("enhanced CT", RIGHT, _enhanced()),
    Case("enhanced CT cut", REFUSED, _enhanced(spoil=True)),
]
"""Each once in `make test`."""

DRAWN = [
    *(Case(f"cut anywhere {suffix}", REFUSED, _cut(suffix)) for suffix in SUFFIXES),
    *(
        Case(f"{count} bytes changed {suffix}", EITHER, _flipped(suffix, count), known=False)
        for suffix in SUFFIXES
        for count in (1, 8)
    ),
    Case("DICOM, a slice cut", EITHER, _series(spoil=_cut_one)),
    Case("DICOM, bytes of a header changed", EITHER, _series(spoil=_flip_one), known=False),
    Case("enhanced CT cut anywhere", REFUSED, _enhanced(spoil=True)),
]
"""With another place every time: what the soak goes on with."""


def run(*words):
    """Return exit code, standard output and standard error of one command of longct, run in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main([str(word) for word in words])
        except SystemExit as stop:
            code = stop.code
    return code, out.getvalue(), err.getvalue()


def sentence_fault(err):
    """Return what is wrong with what a refusal says: one line, no Python in it, long enough to say what to do."""
    lines = err.strip().splitlines()
    if len(lines) != 1 or not lines[0].startswith("longct: "):
        return f"not one line: {err[-300:]!r}"
    wrong = re.search(r"Traceback|defect|Error:|\b0x[0-9a-f]{6}|ITK ERROR|itk::", lines[0])
    return f"no sentence: {lines[0]!r}" if wrong or len(lines[0]) < 40 else ""


def fault_of(case, folder, seed):
    """Return what is wrong with how longct takes a case; empty where nothing is."""
    inputs = folder / "in"
    inputs.mkdir()
    path = case.make(inputs, np.random.default_rng(seed))
    before = {each: each.read_bytes() for each in inputs.rglob("*") if each.is_file()}
    code, _out, err = run("remove-table", path, folder / "clean.nii.gz")
    if {each: each.read_bytes() for each in inputs.rglob("*") if each.is_file()} != before:
        return "the input was changed"
    if code not in (0, 2) or (case.expected == RIGHT and code) or (case.expected == REFUSED and not code):
        return f"exit code {code}: {err[-300:]}"
    if code == 2:
        left = sorted(each.name for each in folder.iterdir() if each != inputs)
        return sentence_fault(err) or (f"left behind: {left}" if left else "")
    if case.known:
        apart = np.linalg.norm(mark_of(sitk.ReadImage(str(folder / "clean.nii.gz"))) - MARK_MM)
        return f"the ball is {apart:.1f} mm off" if apart > 2.0 else ""
    return ""
