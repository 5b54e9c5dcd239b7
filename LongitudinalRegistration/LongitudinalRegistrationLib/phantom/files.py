"""The phantom on disk."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from .pair import PhantomPair

_COMPRESSION_LEVEL = 1


def write_phantom(pair: PhantomPair, folder: str | Path) -> tuple[Path, ...]:
    """Write a phantom's images and its transform.

    Parameters
    ----------
    pair
        As from make_phantom.
    folder
        Made where it is not there.

    Returns
    -------
    tuple of pathlib.Path
        baseline.nii.gz, baseline_body.nii.gz, baseline_vertebrae.nii.gz, baseline_vertebra_parts.nii.gz,
        baseline_lesion.nii.gz, the same for followup, and true_transform.h5 (baseline points to follow-up points, LPS
        mm).

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    folder = Path(folder)
    jobs = []
    for name, scan in (("baseline", pair.baseline), ("followup", pair.followup)):
        jobs.append((scan.image, folder / f"{name}.nii.gz"))
        for part in ("body", "vertebrae", "vertebra_parts", "lesion"):
            jobs.append((getattr(scan, part), folder / f"{name}_{part}.nii.gz"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(2) as pool:
            transform = pool.submit(_write_transform, pair.true_transform, folder / "true_transform.h5")
            list(pool.map(lambda job: _write_image(*job), jobs))
            transform.result()
    except (OSError, RuntimeError) as error:
        raise InputError(f"Cannot write the phantom to {folder}: choose a folder that can be written.") from error
    return tuple(path for _, path in jobs) + (folder / "true_transform.h5",)


def _write_image(image: sitk.Image, path: Path) -> None:
    temporary = path.with_name(f".{path.name.removesuffix('.nii.gz')}.part.nii.gz")
    sitk.WriteImage(image, str(temporary), useCompression=True, compressionLevel=_COMPRESSION_LEVEL)
    os.replace(temporary, path)


def _write_transform(transform: sitk.Transform, path: Path) -> None:
    temporary = path.with_name(f".{path.stem}.part.h5")
    sitk.WriteTransform(transform, str(temporary))
    os.replace(temporary, path)
