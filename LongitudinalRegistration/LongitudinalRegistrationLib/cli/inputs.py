"""What several commands check of the files they are given."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from ..scan.voxel_count import voxel_count


def is_same_place(path: Path, other: Path) -> bool:
    """Whether two paths lead to one place, whatever links they go through; links in a circle lead nowhere."""
    return os.path.realpath(path) == os.path.realpath(other)


def check_not_input(output: Path, *inputs: Path | None) -> None:
    """Check that an output is none of the inputs: originals stay untouched.

    Parameters
    ----------
    output
        Where something is going to be written.
    *inputs
        What is read; None is passed over.

    Raises
    ------
    InputError
        Where it is one of them.
    """
    for path in inputs:
        if path is not None and is_same_place(output, path):
            raise InputError(f"The output {output} is the input: choose another name, originals are never changed.")


def check_memory_of_both(arguments: argparse.Namespace, moving: Path | None = None) -> None:
    """Check, by their headers alone, that there is memory for baseline and follow-up, each the series that is named.

    Parameters
    ----------
    arguments
        Of the command.
    moving
        The follow-up. None: the one of the arguments.

    Raises
    ------
    InputError
        Where there is not.
    """
    from ..pipeline.memory_need import check_memory_for

    check_memory_for(
        voxel_count(arguments.fixed, arguments.fixed_series, arguments.fixed_acquisition),
        voxel_count(moving or arguments.moving, arguments.moving_series, arguments.moving_acquisition),
    )


def read_transform(path: Path) -> sitk.Transform:
    """Read an ITK transform file.

    Parameters
    ----------
    path
        Such as transform.h5 of `longct register`.

    Returns
    -------
    SimpleITK.Transform
        LPS mm.

    Raises
    ------
    InputError
        Where there is none, or it is something else.
    """
    if not path.exists():
        raise InputError(f"There is no file {path}: check the path.")
    if path.is_dir():
        raise InputError(f"{path} is a folder: give its transform.h5.")
    try:
        return sitk.ReadTransform(str(path))
    except RuntimeError as error:
        raise InputError(f"{path} is no ITK transform: give transform.h5 of `longct register`.") from error
