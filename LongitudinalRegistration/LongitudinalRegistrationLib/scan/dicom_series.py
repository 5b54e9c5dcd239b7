"""Find, check and read a DICOM series in a folder."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError

SERIES_UID, DESCRIPTION, PATIENT_ID = "0020|000e", "0008|103e", "0010|0020"
ACQUISITION, POSITION, ORIENTATION = "0020|0012", "0020|0032", "0020|0037"
GAP_TOLERANCE = 0.1


@dataclass(frozen=True)
class Slice:
    """One file of a series: whose it is, where it lies (LPS, mm) and how it is turned."""

    path: Path
    patient_id: str
    series: str
    description: str
    acquisition: str
    position: tuple[float, float, float]
    orientation: tuple[float, ...]

    @property
    def height_mm(self) -> float:
        """Position along the slice normal."""
        row, column = np.array(self.orientation[:3]), np.array(self.orientation[3:])
        return float(np.dot(np.cross(row, column), self.position))


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split("\\"))


def _point(text: str) -> tuple[float, float, float]:
    x, y, z = _numbers(text)
    return x, y, z


def read_tags(path: Path) -> Callable[[str], str] | None:
    """Read the header of one DICOM file.

    Parameters
    ----------
    path
        Of any file.

    Returns
    -------
    callable or None
        Tag ("gggg|eeee") to its value, empty where it is not there; None if the file is something else.
    """
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return None

    def value(key: str) -> str:
        return reader.GetMetaData(key).strip() if reader.HasMetaDataKey(key) else ""

    return value


def read_header(path: Path) -> Slice | None:
    """The header of one DICOM image; None if the file is something else or has no place in space."""
    value = read_tags(path)
    if value is None:
        return None
    if not value(POSITION) or not value(ORIENTATION):
        return None
    return Slice(
        path,
        value(PATIENT_ID),
        value(SERIES_UID),
        value(DESCRIPTION),
        value(ACQUISITION),
        _point(value(POSITION)),
        _numbers(value(ORIENTATION)),
    )


def find_slices(folder: Path) -> list[Slice]:
    """Headers of all DICOM images below a folder.

    Raises
    ------
    InputError
        If there is none.
    """
    paths = sorted(Path(root) / name for root, _, names in os.walk(folder) for name in names)
    warnings = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        slices = [found for found in map(read_header, paths) if found is not None]
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(warnings)
    if not slices:
        raise InputError(f"The folder {folder} holds no DICOM images: give the folder of one CT series.")
    return slices


def _group(slices: list[Slice], attribute: str) -> dict[str, list[Slice]]:
    groups = defaultdict(list)
    for one in slices:
        groups[getattr(one, attribute)].append(one)
    return dict(groups)


def choose_series(slices: list[Slice], series: str | None) -> list[Slice]:
    """The slices of one series.

    Raises
    ------
    InputError
        If there are several and none was asked for, or the one asked for is not there; it lists them.
    """
    groups = _group(slices, "series")
    listing = "; ".join(
        f"{uid} ({group[0].description or 'no description'}, {len(group)} slices)" for uid, group in groups.items()
    )
    if series is not None:
        if series not in groups:
            raise InputError(f"There is no series {series}; choose one with --series UID: {listing}")
        return groups[series]
    if len(groups) > 1:
        raise InputError(f"The folder holds {len(groups)} series; choose one with --series UID: {listing}")
    return slices


def choose_acquisition(slices: list[Slice], acquisition: str | None) -> list[Slice]:
    """The slices of one acquisition, where a series stacks several (multi-phase CT) that do not continue.

    Raises
    ------
    InputError
        If the choice is open, or the acquisition asked for is not there; it lists them.
    """
    groups = _group(slices, "acquisition")
    listing = ", ".join(f"{number or '(none)'} ({len(group)} slices)" for number, group in groups.items())
    if acquisition is not None:
        if str(acquisition) not in groups:
            raise InputError(f"There is no acquisition {acquisition}; choose with --acquisition N: {listing}")
        return groups[str(acquisition)]
    if len(groups) > 1 and _irregularities(_sorted(slices)):
        raise InputError(f"The series stacks {len(groups)} acquisitions; choose one with --acquisition N: {listing}")
    return slices


def are_of_two_patients(folder: Path, other: Path, series: str | None = None, other_series: str | None = None) -> bool:
    """Whether two DICOM series have patient IDs that differ.

    Raises
    ------
    InputError
        See find_slices and choose_series.
    """
    chosen = choose_series(find_slices(folder), series), choose_series(find_slices(other), other_series)
    first, second = ({one.patient_id for one in slices if one.patient_id} for slices in chosen)
    return bool(first and second and first.isdisjoint(second))


def _sorted(slices: list[Slice]) -> list[Slice]:
    return sorted(slices, key=lambda one: one.height_mm)


def _irregularities(slices: list[Slice]) -> list[str]:
    """Places where the distance of two slices is not the usual one, in words."""
    heights = np.array([one.height_mm for one in slices])
    steps = np.diff(heights)
    usual = float(np.median(steps)) if steps.size else 0.0
    if usual <= 0.01:
        return ["two slices at each position"] if steps.size else []
    wrong = np.flatnonzero(np.abs(steps - usual) > GAP_TOLERANCE * usual)
    return [
        f"{steps[n]:.2f} mm between {heights[n]:.2f} and {heights[n + 1]:.2f} mm"
        f" ({slices[n].path.name}, {slices[n + 1].path.name})"
        for n in wrong
    ]


def check_regular(slices: list[Slice]) -> None:
    """Check that sorted slices form a volume.

    Raises
    ------
    InputError
        If there is one slice only, slices are missing or doubled (it names the places), they are turned
        differently, or the gantry was tilted.
    """
    if len(slices) < 2:
        raise InputError(f"The series has one slice only ({slices[0].path.name}): a volume is needed.")
    orientations = np.array([one.orientation for one in slices])
    if np.abs(orientations - orientations[0]).max() > 1e-3:
        raise InputError("The slices of the series are turned differently: choose the axial series, not a scout.")
    places = _irregularities(slices)
    if places:
        more = f" and {len(places) - 3} more" if len(places) > 3 else ""
        raise InputError(
            f"The slices are not evenly spaced, {'; '.join(places[:3])}{more}: export the complete series again."
        )
    path = np.array(slices[-1].position) - np.array(slices[0].position)
    normal = np.cross(orientations[0][:3], orientations[0][3:])
    drift = np.linalg.norm(path - normal * np.dot(path, normal))
    if drift > 0.01 * np.linalg.norm(path):
        raise InputError("The gantry was tilted for this series: resample it to a straight volume first.")


def read_dicom_folder(folder: Path, series: str | None = None, acquisition: str | None = None) -> sitk.Image:
    """Read one DICOM series as a volume.

    Parameters
    ----------
    folder
        Searched with all folders in it.
    series, acquisition
        Which SeriesInstanceUID and which AcquisitionNumber, where there are several.

    Returns
    -------
    SimpleITK.Image
        LPS, mm; HU after the rescale slope and intercept.

    Raises
    ------
    InputError
        See find_slices, choose_series, choose_acquisition and check_regular.
    """
    chosen = choose_series(find_slices(Path(folder)), series)
    slices = _sorted(choose_acquisition(chosen, acquisition))
    check_regular(slices)
    reader = sitk.ImageSeriesReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileNames([str(one.path) for one in slices])
    try:
        return reader.Execute()
    except RuntimeError as error:
        raise InputError(f"The DICOM series in {folder} cannot be read: export it again, uncompressed.") from error
