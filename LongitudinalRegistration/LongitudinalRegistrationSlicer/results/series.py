"""The DICOM series that a volume was loaded from, and when a scan was taken."""

import datetime
import os
import re
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
    """Return when a scan was taken, "2020-01-31": as its series says, or its name; "" where neither does."""
    header = seriesHeader(volume)
    date = str(header.first.get("StudyDate", "") or "") if header is not None else ""
    return f"{date[:4]}-{date[4:6]}-{date[6:8]}" if len(date) == 8 else _dayIn(volume.GetName())


def datePartsIn(name):
    """Return year, month and day of the date in a name (2019-03-01, 20190301) as digits, the latter two None where it
    has only the year before them; None without a date."""
    found = re.search(r"(?<!\d)((?:19|20)\d\d)(?:[-_. ]?(0[1-9]|1[0-2])(?:[-_. ]?([0-2]\d|3[01]))?)?(?!\d)", name)
    return found.groups() if found else None


def _dayIn(name):
    parts = datePartsIn(name)
    if parts is None or None in parts:
        return ""
    try:
        return datetime.date(*map(int, parts)).isoformat()
    except ValueError:
        return ""


def seriesFolderOf(volume):
    """Return (folder, SeriesInstanceUID) of the DICOM series a volume was loaded from; (None, None) without one."""
    database, instances = getattr(slicer, "dicomDatabase", None), volume.GetAttribute("DICOM.instanceUIDs")
    if not database or not instances:
        return None, None
    path = database.fileForInstance(instances.split()[0])
    if not path or not os.path.exists(path):
        return None, None
    return Path(path).parent, database.seriesForFile(path)
