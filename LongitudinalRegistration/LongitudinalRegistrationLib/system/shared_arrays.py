"""Scans and fields handed from process to process as files in a private folder (see private_folder)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk


def save_array(array: np.ndarray, folder: Path, name: str) -> str:
    """Write an array so that its file is whole as soon as it has its name; return the name."""
    part = folder / f"{name}.part"
    with open(part, "wb") as file:
        np.save(file, array)
    os.replace(part, folder / name)
    return name


def take_array(folder: Path, name: str) -> np.ndarray:
    """Read an array and remove its file."""
    array = np.load(folder / name)
    (folder / name).unlink()
    return array


def padded_array(part: np.ndarray, shape: Sequence[int], first: Sequence[int]) -> np.ndarray:
    """An array of a shape that is 0 but for a part, whose first voxel has an index in it (both in the array's order)."""
    whole = np.zeros(tuple(shape), part.dtype)
    whole[tuple(slice(start, start + length) for start, length in zip(first, part.shape, strict=True))] = part
    return whole


def geometry_of(image: sitk.Image) -> dict[str, list[float]]:
    """Spacing (mm), origin (LPS, mm) and direction of an image, for take_image."""
    return {
        "spacing": list(image.GetSpacing()),
        "origin": list(image.GetOrigin()),
        "direction": list(image.GetDirection()),
    }


def save_image(image: sitk.Image, folder: Path, name: str) -> dict:
    """Write an image; return what take_image needs (as JSON)."""
    return {"file": save_array(sitk.GetArrayViewFromImage(image), folder, name), **geometry_of(image)}


def take_image(folder: Path, record: dict) -> sitk.Image:
    """Read an image that save_image wrote, and remove its file.

    Where the file has only a part of it, "padded" in the record says so: shape and first index, as padded_array has them.
    """
    array = take_array(folder, record["file"])
    if "padded" in record:
        array = padded_array(array, **record["padded"])
    image = sitk.GetImageFromArray(array, isVector=array.ndim == 4)
    image.SetSpacing(record["spacing"])
    image.SetOrigin(record["origin"])
    image.SetDirection(record["direction"])
    return image
