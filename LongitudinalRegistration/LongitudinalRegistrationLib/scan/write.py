"""Write scans and transforms."""

from __future__ import annotations

from pathlib import Path

import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from ..system.files import reserve, write_atomically

EXPECTED_ERROR = "expected_error.nii.gz"
"""What the file beside a transform is called that says how far off that may be, mm."""
NUMBER_BYTES = 8
IMAGE_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")


def image_suffix(path: Path) -> str:
    """The image format of a file name.

    Raises
    ------
    InputError
        If it is none we write.
    """
    for suffix in IMAGE_SUFFIXES:
        if path.name.lower().endswith(suffix):
            return suffix
    raise InputError(f"{path.name}: give an output name that ends in {', '.join(IMAGE_SUFFIXES)}.")


def write_image(image: sitk.Image, path: Path, compression_level: int = 1) -> Path:
    """Write an image, whole or not at all.

    Parameters
    ----------
    image
        Any.
    path
        Its suffix says the format.
    compression_level
        1 is fastest, 9 smallest; formats without compression do not mind.

    Returns
    -------
    pathlib.Path
        The path.

    Raises
    ------
    InputError
        If the format is unknown or the file cannot be written.
    """
    suffix = image_suffix(Path(path))
    return write_atomically(path, suffix, lambda name: sitk.WriteImage(image, name, True, compression_level))


def write_transform(transform: sitk.Transform, path: Path) -> Path:
    """Write a transform as ITK HDF5 (.h5), readable by sitk.ReadTransform.

    There must be room for it before its first byte is written: HDF5 ends the process where the disk is full.

    Parameters
    ----------
    transform
        Any.
    path
        Ends in .h5.

    Returns
    -------
    pathlib.Path
        The path.
    """
    flat = [transform]
    if transform.GetTransformEnum() == sitk.sitkComposite:
        composite = sitk.CompositeTransform(transform)
        flat = [composite.GetNthTransform(n) for n in range(composite.GetNumberOfTransforms())]
    numbers = sum(part.GetNumberOfParameters() + part.GetNumberOfFixedParameters() for part in flat)

    def write(name: str) -> None:
        reserve(Path(name), NUMBER_BYTES * numbers)
        sitk.WriteTransform(transform, name)

    return write_atomically(path, ".h5", write)
