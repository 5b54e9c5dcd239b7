"""Parsers of our own, given bytes that were changed anywhere: they give something, or an InputError, and nothing else.

    python Testing/Soak/parsers.py [atheris's options]

is guided by coverage, where atheris is installed (pip install atheris; Linux, Mac), for two minutes unless an option
says otherwise. Testing/Soak/inputs.py changes bytes at random.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "Python")]
SECONDS = 120
MOST_TAKEN, MOST_ASKED = 256 << 20, 4 << 30
"""Bytes of memory that an input of a few kB may take, or all of them keep; and that are there to be asked for."""


def _markups(path: Path) -> None:
    from LongitudinalRegistrationLib.scan.markups import moved_markups, read_markups

    moved_markups(read_markups(path), lambda points: points + 1)


def _nifti(path: Path) -> None:
    from LongitudinalRegistrationLib.scan.nifti import check_nifti, read_nifti_header

    header = read_nifti_header(path)
    if header is not None:
        check_nifti(path, header)


def _scan(path: Path) -> None:
    from LongitudinalRegistrationLib.scan.read import read_image

    read_image(path)


def _series(path: Path) -> None:
    from LongitudinalRegistrationLib.scan.dicom_slices import find_slices

    find_slices(path.parent)


def _manifest(path: Path) -> None:
    from LongitudinalRegistrationLib.training.manifest import read_manifest

    read_manifest(path)


def _training(path: Path) -> None:
    from LongitudinalRegistrationLib.training.config import read_config

    read_config(path)


PARSERS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "markups": ("points.mrk.json", _markups),
    "NIfTI header": ("scan.nii", _nifti),
    "NIfTI": ("scan.nii", _scan),
    "MetaImage": ("scan.mha", _scan),
    "NRRD": ("scan.nrrd", _scan),
    "DICOM": ("slice.dcm", _series),
    "enhanced DICOM": ("frames.dcm", _series),
    "manifest": ("manifest.csv", _manifest),
    "training config": ("training.json", _training),
}
"""Name to the file's name and what reads it."""


def seeds(folder: Path) -> dict[str, bytes]:
    """Return a whole file for each parser, of the least size."""
    import SimpleITK as sitk
    from input_scans import grid_matrix, write_enhanced, write_series

    values, matrix = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6) - 60, grid_matrix((6, 5, 4), (2, 2, 3))
    for suffix in (".nii", ".mha", ".nrrd"):
        sitk.WriteImage(sitk.GetImageFromArray(values), str(folder / f"scan{suffix}"), suffix == ".mha")
    slices = sorted(write_series(folder / "series", values, matrix).iterdir())
    frames = write_enhanced(folder / "frames.dcm", values, matrix)
    point = {"id": "1", "label": "a", "position": [1.0, 2.0, 3.0]}
    markups = {"markups": [{"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": [point]}]}
    (folder / "a.nii.gz").write_bytes(b"")
    scan = (folder / "scan.nii").read_bytes()
    return {
        "markups": json.dumps(markups).encode(),
        "NIfTI header": scan,
        "NIfTI": scan,
        "MetaImage": (folder / "scan.mha").read_bytes(),
        "NRRD": (folder / "scan.nrrd").read_bytes(),
        "DICOM": slices[0].read_bytes(),
        "enhanced DICOM": frames.read_bytes(),
        "manifest": b"patient,time_point,image,labels\nA,1,a.nii.gz,\n",
        "training config": b'{"network": "cvpyramid", "manifest": "manifest.csv", "epochs": 3}',
    }


def changed(data: bytes, rng: np.random.Generator) -> bytes:
    """Return the bytes with some overwritten, left out, doubled or cut off."""
    found = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        at, count, kind = int(rng.integers(0, len(found) + 1)), int(rng.integers(1, 9)), int(rng.integers(0, 5))
        if kind == 0:
            found[at : at + count] = rng.bytes(count)
        elif kind == 1:
            del found[at : at + count]
        elif kind == 2:
            found[at:at] = found[at : at + count]
        elif kind == 3:
            found[at : at + 1] = [(0, 255, 127, 128, 45, 34)[int(rng.integers(0, 6))]]
        elif rng.random() < 0.2:
            del found[at:]
    return bytes(found)


def fault_of(name: str, data: bytes, folder: Path) -> str | None:
    """Return what a parser raised that is no InputError, or how much memory it took; None where there is no fault."""
    from memory_taken import memory_taken
    from TableRemovalLib.errors import InputError

    file, parse = PARSERS[name]
    own = folder / name
    own.mkdir(exist_ok=True)
    (own / "a.nii.gz").write_bytes(b"")
    (own / file).write_bytes(data)
    with memory_taken() as taken:
        try:
            parse(own / file)
        except InputError as error:
            if len(str(error)) <= 10 or "\n" in str(error):
                return f"not one sentence: {error}"
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return f"took {taken[0] >> 20} MB" if taken[0] > MOST_TAKEN else None


def bound_memory() -> None:
    """Let no more be asked for than MOST_ASKED on top of what the process holds by now."""
    import resource

    from memory_taken import held

    most = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (held("VmSize") + MOST_ASKED, most))


def main() -> None:
    """Hand over to atheris, for SECONDS unless it is told otherwise."""
    try:
        import atheris
    except ImportError:
        print("Not run: atheris is not here (pip install atheris; Linux, Mac)")
        return
    options = sys.argv[1:] or [f"-max_total_time={SECONDS}", "-rss_limit_mb=0"]
    with atheris.instrument_imports(include=["LongitudinalRegistrationLib"]):
        from LongitudinalRegistrationLib.scan import markups, nifti, read  # noqa: F401
        from LongitudinalRegistrationLib.training import config, manifest  # noqa: F401
    from memory_taken import held

    names = list(PARSERS)
    with tempfile.TemporaryDirectory() as folder:

        def one_input(data: bytes) -> None:
            if data:
                bound_memory()
                fault = fault_of(names[data[0] % len(names)], data[1:], Path(folder))
                if fault or held() - at_first > MOST_TAKEN:
                    raise RuntimeError(fault or f"the inputs so far keep {held() - at_first >> 20} MB")

        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        for number, (name, data) in enumerate(seeds(Path(folder)).items()):
            fault_of(name, data, Path(folder))
            (corpus / str(number)).write_bytes(bytes([names.index(name)]) + data)
        at_first = held()
        atheris.Setup([sys.argv[0], *options, str(corpus)], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
