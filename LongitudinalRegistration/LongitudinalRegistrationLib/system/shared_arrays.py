"""Scans and fields handed from process to process as files in a private folder (see private_folder)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import SimpleITK as sitk


def save_array(array: np.ndarray, folder: Path, name: str) -> str:
    """Write an array so that its file is whole as soon as it has its name.

    Parameters
    ----------
    array
        Any shape and plain type.
    folder
        Shared with who takes it.
    name
        Of the file.

    Returns
    -------
    str
        The name.
    """
    part = folder / f"{name}.part"
    with open(part, "wb") as file:
        np.save(file, array)
    os.replace(part, folder / name)
    return name


def take_array(folder: Path, name: str) -> np.ndarray:
    """Read an array and remove its file.

    Parameters
    ----------
    folder, name
        As in save_array.

    Returns
    -------
    numpy.ndarray
        As it was saved.
    """
    array = np.load(folder / name)
    (folder / name).unlink()
    return array


def geometry_of(image: sitk.Image) -> dict[str, list[float]]:
    """Note the geometry of an image, for take_image.

    Parameters
    ----------
    image
        3-D.

    Returns
    -------
    dict
        Spacing (mm), origin (LPS, mm) and direction (9 numbers, row by row); JSON can hold it.
    """
    return {
        "spacing": list(image.GetSpacing()),
        "origin": list(image.GetOrigin()),
        "direction": list(image.GetDirection()),
    }


def save_image(image: sitk.Image, folder: Path, name: str) -> dict:
    """Write an image for another process.

    Parameters
    ----------
    image
        3-D, scalar or vector.
    folder, name
        As in save_array.

    Returns
    -------
    dict
        What take_image needs; JSON can hold it.
    """
    return {"file": save_array(sitk.GetArrayViewFromImage(image), folder, name), **geometry_of(image)}


def take_image(folder: Path, record: dict) -> sitk.Image:
    """Read an image that save_image wrote, and remove its file.

    Parameters
    ----------
    folder
        As in save_image.
    record
        What save_image returned.

    Returns
    -------
    SimpleITK.Image
        As it was saved.
    """
    array = take_array(folder, record["file"])
    image = sitk.GetImageFromArray(array, isVector=array.ndim == 4)
    image.SetSpacing(record["spacing"])
    image.SetOrigin(record["origin"])
    image.SetDirection(record["direction"])
    return image
