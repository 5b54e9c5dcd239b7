"""The DICOM series that a volume was loaded from, and when a scan was taken."""

import os
from pathlib import Path

import slicer
from LongitudinalRegistrationLib.scan.scan_dates import date_in, iso_date


def seriesHeader(volume):
    """Return the header (dicom.headers.SeriesHeader) of the DICOM series that a volume was loaded from, or None."""
    folder, series = seriesFolderOf(volume)
    if folder is None:
        return None
    from LongitudinalRegistrationLib.dicom.headers import read_series_header

    return read_series_header(folder, series)


def dateOf(volume):
    """Return when a scan was taken, "2020-01-31": as its series says, or its name; "" where neither does."""
    header = seriesHeader(volume)
    date = iso_date(str(header.first.get("StudyDate", "") or "")) if header is not None else ""
    return date or date_in(volume.GetName())


def seriesFolderOf(volume):
    """Return (folder, SeriesInstanceUID) of the DICOM series a volume was loaded from; (None, None) without one."""
    database, instances = getattr(slicer, "dicomDatabase", None), volume.GetAttribute("DICOM.instanceUIDs")
    if not database or not instances:
        return None, None
    path = database.fileForInstance(instances.split()[0])
    if not path or not os.path.exists(path):
        return None, None
    return Path(path).parent, database.seriesForFile(path)
