"""Quality control of what is being edited: rows for the panel, sentences, files."""

import contextlib
import dataclasses

import slicer
from slicer.i18n import tr as _
from TableRemovalLib.errors import InputError

from TableRemovalSlicer.wording import slicesText

SLICES_NAMED = 8


@dataclasses.dataclass(frozen=True)
class QualityRow:
    """A row of the slice table: slice index, its flags, whether all of them are checked, the cells' texts."""

    index: int
    flags: tuple
    checked: bool
    texts: tuple


def qualityRows(session, onlyFlagged):
    """Return the rows of the slice table, the most suspicious first: each slice once, with all its flags."""
    from TableRemovalLib.suspicion import by_suspicion

    return [_row(session, record) for record in by_suspicion(session.records) if record.flags or not onlyFlagged]


def _row(session, record):
    from TableRemovalLib.suspicion import flags_left

    override = (_("override"),) if record.index in session.state.overrides.slices and not record.flags else ()
    texts = (
        "",
        str(record.index),
        "; ".join(record.flags or override),
        f"{record.area_mm2 / 100:.0f}",
        f"{record.threshold_used:.2f}",
        str(record.components),
        f"{1000 * record.seconds:.0f}",
    )
    return QualityRow(record.index, record.flags, not flags_left(record, session.checked), texts)


def leftText(session):
    """Return how many slices are left to check, as a sentence."""
    from TableRemovalLib.suspicion import count_left

    if not session.records:
        return ""
    left = count_left(session.records, session.checked)
    if left:
        return _("{slices} left to check").format(slices=slicesText(left))
    flagged = any(record.flags for record in session.records)
    return _("All checked") if flagged else _("Nothing to check")


def reportText(records, seconds=None, remark=""):
    """Return what was found in a scan, a remark on it, and which slices to look at, as sentences."""
    flagged = [record for record in records if record.flags]
    text = _("Body found in {slices}").format(slices=slicesText(sum(record.area_mm2 > 0 for record in records)))
    text += "." if seconds is None else f", {seconds:.1f} s."
    if remark:
        text += _(" Note: {remark}.").format(remark=remark)
    if not flagged:
        return text
    slices = {}
    for record in flagged:
        for flag in record.flags:
            slices.setdefault(flag, []).append(record.index)
    rarestFirst = sorted(slices.items(), key=lambda item: len(item[1]))
    return text + _(" Check: {flags}.").format(flags="; ".join(_flagText(*item) for item in rarestFirst))


def _flagText(flag, indices):
    """Return a flag with its slices, or with their number where they are many."""
    if len(indices) > SLICES_NAMED:
        return _("{flag} ({count} slices)").format(flag=flag, count=len(indices))
    if len(indices) == 1:
        return _("{flag} (slice {name})").format(flag=flag, name=indices[0])
    return _("{flag} (slices {names})").format(flag=flag, names=", ".join(map(str, indices)))


def saveCsv(session, path):
    """Write the slice table as CSV. Raises InputError where the file cannot be written."""
    from TableRemovalLib.suspicion import write_csv

    with _fileErrors(path):
        write_csv(path, session.records, session.state.overrides, session.checked)


def saveMontage(session, path):
    """Write a picture of all slices with their outlines. Raises InputError where the file cannot be written."""
    from TableRemovalLib.montage import montage, write_montage

    array = slicer.util.arrayFromVolume(session.volumeNode)
    flagged = {record.index for record in session.records if record.flags}
    with _fileErrors(path):
        write_montage(path, montage(array, session.mask, flagged))


@contextlib.contextmanager
def _fileErrors(path):
    try:
        yield
    except OSError as error:
        raise InputError(
            _("{path} cannot be written ({why}): choose another folder.").format(path=path, why=error.strerror or error)
        ) from error
