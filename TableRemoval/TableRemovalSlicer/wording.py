"""Numbers of slices in words: one is no plural, and a translation may have other words for it."""

from slicer.i18n import tr as _


def slicesText(count):
    """Return a number of slices in words: "1 slice", "3 slices"."""
    return _("1 slice") if count == 1 else _("{count} slices").format(count=count)


def overridesText(count):
    """Return how many slices have overrides, as a sentence; empty where none has."""
    if not count:
        return ""
    return _("1 slice has overrides.") if count == 1 else _("{count} slices have overrides.").format(count=count)


def editedText(count):
    """Return how many slices were edited manually, as a sentence."""
    if count == 1:
        return _("1 slice was edited manually.")
    return _("{count} slices were edited manually.").format(count=count)
