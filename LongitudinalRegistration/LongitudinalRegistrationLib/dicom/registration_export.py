"""A registration as DICOM: the registered scan as a series, and the transform as a registration object."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from ..scan.geometry import bounds_apart_mm, bounds_of
from .export import export_series, new_folder
from .headers import SeriesHeader, check_same_patient
from .spatial_registration import write_spatial_registration

SERIES, REGISTRATION = "series", "registration.dcm"
_TOLERANCE_MM = 5.0


def _check_place(image: sitk.Image, reference: SeriesHeader) -> None:
    """Refuse a reference that lies elsewhere than the registered volume, as the follow-up's series mostly does."""
    apart = bounds_apart_mm(bounds_of(image), reference.bounds)
    if apart > _TOLERANCE_MM:
        raise InputError(
            f"The registered volume and the baseline's series do not cover the same box ({apart:.0f} mm apart): "
            "give the baseline as the reference, the follow-up as the source."
        )


def export_registration(
    folder: Path,
    image: sitk.Image,
    transform: sitk.Transform,
    source: SeriesHeader | None = None,
    reference: SeriesHeader | None = None,
    description: str | None = None,
    progress: Callable[[float], None] = lambda part: None,
) -> SeriesHeader:
    """Write `series` and, where the follow-up's series is known, `registration.dcm` into a new folder.

    Parameters
    ----------
    folder
        New, or empty; it gets its name when everything is written.
    image
        The registered scan, HU.
    transform
        Fixed points to moving points, LPS mm: affine and field.
    source, reference
        The follow-up's and the baseline's series.
    description, progress
        See export_series.

    Returns
    -------
    SeriesHeader
        Of the new series.

    Raises
    ------
    InputError
        As export_series; and where the reference lies elsewhere than the registered scan.
    """
    if reference is not None:
        _check_place(image, reference)
    check_same_patient(source, reference)
    with new_folder(folder) as staged:
        exported = export_series(image, staged / SERIES, source, reference, description, transform, progress)
        if source is not None:
            fixed = reference if reference is not None and reference.frame_uid else exported
            write_spatial_registration(staged / REGISTRATION, transform, fixed, source, seen_by_both=True)
    return exported
