"""The scans of a patient over time: their order, and what each is called."""

from LongitudinalRegistrationLib.scan.scan_dates import days_since_first
from slicer.i18n import tr as _


def scansInOrder(baseline, dates):
    """Return scans, the baseline first, then by their dates; where not all have one, as they stand.

    dates: date ("" where it is not known) by scan, with or without the baseline; scans are known by any key.
    """
    others = {scan: date for scan, date in dates.items() if scan != baseline}
    return [baseline, *(sorted(others, key=others.get) if all(others.values()) else others)]


def calledTimePoints(baseline, dates, names):
    """Return what each scan is called, by scan, in their order: its date, with its name where two have the same; where
    it is not known its name.

    dates: see scansInOrder; names: by scan; one that has none is called by its place in the order.
    """
    called = {}
    for number, scan in enumerate(scansInOrder(baseline, dates)):
        place = _("Baseline") if number == 0 else _("Follow-up {number}").format(number=number)
        date, other = dates.get(scan, ""), names.get(scan, place)
        alone = list(dates.values()).count(date) == 1
        called[scan] = (date if alone else f"{date} ({other})") if date else other
    return called


def placesInTime(baseline, dates):
    """Return (places, title) for an axis of time: days from the baseline where all dates are known, else the order."""
    scans = scansInOrder(baseline, dates)
    days = days_since_first([dates.get(scan, "") for scan in scans])
    if days is not None:
        return list(days), _("Days since the baseline, {date}").format(date=dates[baseline])
    return list(range(len(scans))), _("Time point (0: baseline)")
