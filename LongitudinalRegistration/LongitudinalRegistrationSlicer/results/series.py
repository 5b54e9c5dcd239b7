"""The DICOM series that a volume was loaded from."""

import os
from pathlib import Path

import slicer


def seriesHeader(volume):
    """Return the header (dicom.headers.SeriesHeader) of the DICOM series that a volume was loaded from, or None."""
    folder, series = seriesFolderOf(volume)
    if folder is None:
        return None
    from LongitudinalRegistrationLib.dicom.headers import read_series_header

    return read_series_header(folder, series)


def dateOf(volume):
    """Return when a scan was taken, "2020-01-31"; "" where it did not come from DICOM."""
    header = seriesHeader(volume)
    date = str(header.first.get("StudyDate", "") or "") if header is not None else ""
    return f"{date[:4]}-{date[4:6]}-{date[6:8]}" if len(date) == 8 else ""


def seriesFolderOf(volume):
    """Return (folder, SeriesInstanceUID) of the DICOM series a volume was loaded from; (None, None) without one."""
    database, instances = getattr(slicer, "dicomDatabase", None), volume.GetAttribute("DICOM.instanceUIDs")
    if not database or not instances:
        return None, None
    path = database.fileForInstance(instances.split()[0])
    if not path or not os.path.exists(path):
        return None, None
    return Path(path).parent, database.seriesForFile(path)
