"""The scans of a patient over time: their order, and what each is called."""

from LongitudinalRegistrationLib.scan.scan_dates import days_since_first
from slicer.i18n import tr as _


def scansInOrder(baselineName, dates):
    """Return the names of scans, the baseline first, then by their dates; where not all have one, as they stand.

    dates: date ("" where it is not known) by the scan's name, with or without the baseline.
    """
    others = {scan: date for scan, date in dates.items() if scan != baselineName}
    return [baselineName, *(sorted(others, key=others.get) if all(others.values()) else others)]


def calledTimePoints(baselineName, dates, withNames=True):
    """Return what each scan is called, by its name, in their order: its date, with the name where two have the same;
    where it is not known the name or, without names, its place in the order. dates: see scansInOrder."""
    called = {}
    for number, scan in enumerate(scansInOrder(baselineName, dates)):
        place = _("Baseline") if number == 0 else _("Follow-up {number}").format(number=number)
        date, other = dates.get(scan, ""), scan if withNames else place
        alone = list(dates.values()).count(date) == 1
        called[scan] = (date if alone else f"{date} ({other})") if date else other
    return called


def placesInTime(baselineName, dates):
    """Return (places, title) for an axis of time: days from the baseline where all dates are known, else the order."""
    scans = scansInOrder(baselineName, dates)
    days = days_since_first([dates.get(scan, "") for scan in scans])
    if days is not None:
        return list(days), _("Days since the baseline, {date}").format(date=dates[baselineName])
    return list(range(len(scans))), _("Time point (0: baseline)")
