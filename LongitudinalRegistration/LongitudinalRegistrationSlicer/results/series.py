"""The DICOM series that a volume was loaded from, and when a scan was taken."""

import os
from pathlib import Path

import slicer
from LongitudinalRegistrationLib.scan.scan_dates import date_in


def seriesHeader(volume):
    """Return the header (dicom.headers.SeriesHeader) of the DICOM series that a volume was loaded from, or None."""
    folder, series = seriesFolderOf(volume)
    if folder is None:
        return None
    from LongitudinalRegistrationLib.dicom.headers import read_series_header

    return read_series_header(folder, series)


def dateOf(volume):
    """Return when a scan was taken, "2020-01-31": as its series says, or its name; "" where neither does."""
    path = _fileOf(volume)
    if path is None:
        return date_in(volume.GetName())
    from LongitudinalRegistrationLib.scan.dicom_slices import study_date

    return study_date(path) or date_in(volume.GetName())


def seriesFolderOf(volume):
    """Return (folder, SeriesInstanceUID) of the DICOM series a volume was loaded from; (None, None) without one."""
    path = _fileOf(volume)
    return (path.parent, slicer.dicomDatabase.seriesForFile(str(path))) if path is not None else (None, None)


def _fileOf(volume):
    """Return the first file of the DICOM series a volume was loaded from, or None."""
    database, instances = getattr(slicer, "dicomDatabase", None), volume.GetAttribute("DICOM.instanceUIDs")
    path = database.fileForInstance(instances.split()[0]) if database and instances else ""
    return Path(path) if path and os.path.exists(path) else None
