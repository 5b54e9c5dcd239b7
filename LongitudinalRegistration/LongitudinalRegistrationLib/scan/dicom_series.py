"""Choose, check and read a DICOM series in a folder."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from .dicom_frames import read_values
from .dicom_slices import Slice, find_slices
from .straighten import with_matrix

GAP_TOLERANCE = 0.1


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
    if not _continue_each_other(list(groups.values())) and _irregularities(_sorted(slices)):
        raise InputError(f"The series stacks {len(groups)} acquisitions; choose one with --acquisition N: {listing}")
    return slices


def _continue_each_other(groups: list[list[Slice]]) -> bool:
    """Whether no acquisition has a slice within the range of another."""
    ranges = sorted((min(heights), max(heights)) for heights in ([one.height_mm for one in group] for group in groups))
    return all(later[0] > earlier[1] for earlier, later in zip(ranges, ranges[1:], strict=False))


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
        differently, or of different sizes.
    """
    if len(slices) < 2:
        raise InputError(f"The series has one slice only ({slices[0].path.name}): a volume is needed.")
    orientations = np.array([one.orientation for one in slices])
    if np.abs(orientations - orientations[0]).max() > 1e-3:
        raise InputError("The slices of the series are turned differently: choose the axial series, not a scout.")
    row, column = orientations[0][:3], orientations[0][3:]
    if np.abs([row @ row - 1, column @ column - 1, row @ column]).max() > 1e-2:
        raise InputError("The rows and columns of the series are not at right angles: export it again.")
    spacings = np.array([one.spacing_mm for one in slices])
    if spacings.min() <= 0:
        raise InputError("The series has a pixel spacing of zero or less: export it again.")
    if len({one.size for one in slices}) > 1 or np.abs(spacings - spacings[0]).max() > 1e-3 * spacings[0].max():
        raise InputError("The slices of the series differ in size or pixel spacing: export them as separate series.")
    places = _irregularities(slices)
    if places:
        more = f" and {len(places) - 3} more" if len(places) > 3 else ""
        raise InputError(
            f"The slices are not evenly spaced, {'; '.join(places[:3])}{more}: export the complete series again."
        )


def _voxel_matrix(slices: list[Slice]) -> np.ndarray:
    """The (4, 4) matrix of sorted slices: voxels (i, j, k, 1) to LPS mm; sheared where the gantry was tilted."""
    first, last = slices[0], slices[-1]
    (down, right), matrix = first.spacing_mm, np.eye(4)
    matrix[:3, 0] = right * np.array(first.orientation[:3])
    matrix[:3, 1] = down * np.array(first.orientation[3:])
    matrix[:3, 2] = np.subtract(last.position, first.position) / (len(slices) - 1)
    matrix[:3, 3] = first.position
    return matrix


def _check_straight_line(slices: list[Slice], matrix: np.ndarray) -> None:
    """Refuse slices that are shifted sideways by more than a pixel from where a straight stack would have them."""
    expected = matrix[:3, 3] + np.arange(len(slices))[:, None] * matrix[:3, 2]
    apart = np.linalg.norm(np.array([one.position for one in slices]) - expected, axis=1)
    worst = int(apart.argmax())
    if apart[worst] > max(*slices[0].spacing_mm, GAP_TOLERANCE * float(np.linalg.norm(matrix[:3, 2]))):
        raise InputError(
            f"The slices do not lie in one stack, {slices[worst].path.name} is {apart[worst]:.1f} mm off: "
            "export the series again, or a straight reconstruction of it."
        )


def _read_slices(slices: list[Slice]) -> sitk.Image:
    """The values of sorted slices as a volume, HU; its geometry does not count."""
    if slices[0].frame is not None:
        by_file: dict[Path, list[tuple[int, int]]] = defaultdict(list)
        for place, one in enumerate(slices):
            by_file[one.path].append((place, one.frame or 0))
        values: list[np.ndarray | None] = [None] * len(slices)
        for path, members in by_file.items():
            for (place, _frame), plane in zip(members, read_values(path, [f for _, f in members]), strict=True):
                values[place] = plane
        return sitk.GetImageFromArray(np.stack([plane for plane in values if plane is not None]))
    reader = sitk.ImageSeriesReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileNames([str(one.path) for one in slices])
    return reader.Execute()


def read_dicom_folder(folder: Path, series: str | None = None, acquisition: str | None = None) -> sitk.Image:
    """Read one DICOM series as a volume: single images, or frames of enhanced multi-frame CT.

    Slices of a tilted gantry are brought onto a straight grid (see straighten.with_matrix).

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
        See find_slices, choose_series, choose_acquisition and check_regular; or if the pixels cannot be read.
    """
    chosen = choose_series(find_slices(Path(folder)), series)
    slices = _sorted(choose_acquisition(chosen, acquisition))
    check_regular(slices)
    matrix = _voxel_matrix(slices)
    _check_straight_line(slices, matrix)
    warnings = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        image = _read_slices(slices)
    except RuntimeError as error:
        if "spacing" in str(error).lower():
            raise InputError(
                f"The slices of {folder} name a distance of zero to each other: export them again."
            ) from error
        raise InputError(f"The DICOM series in {folder} cannot be read: export it again, uncompressed.") from error
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(warnings)
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(f"The DICOM series in {folder} is in colour: give the CT series.")
    return with_matrix(image, matrix)
