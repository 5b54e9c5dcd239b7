"""A reader confirms what was carried: mark and counterpart are measured, and taken into the table of lesions."""

import dataclasses

from slicer.i18n import tr as _
from TableRemovalLib.errors import InputError

from LongitudinalRegistrationSlicer.changes.lesions import addMeasures
from LongitudinalRegistrationSlicer.changes.mark_nodes import confirm, counterpartOf
from LongitudinalRegistrationSlicer.changes.marks import markMeasures
from LongitudinalRegistrationSlicer.results.belongings import sourceOf, targetOf
from LongitudinalRegistrationSlicer.results.nodes import fixedOf


def confirmedLesions(result, mark, towards, lymphNode=False):
    """Measure a mark and its counterpart, each on its own scan; return all Lesions of the baseline.

    towards: "follow-up" or "baseline", where the counterpart was carried to. Raises InputError where there is none, or
    one of them is empty.
    """
    counterpart = counterpartOf(mark)
    if counterpart is None:
        raise InputError(_("Carry '{name}' to the other scan first.").format(name=mark.GetName()))
    baseline, source, target = fixedOf(result), sourceOf(result, towards), targetOf(result, towards)
    own, others = markMeasures(mark, source), markMeasures(counterpart, target)
    if len(own) == 1 and len(others) == 1:
        others = [dataclasses.replace(others[0], name=own[0].name)]
    addMeasures(baseline, source, own, lymphNode)
    lesions = addMeasures(baseline, target, others, lymphNode)
    confirm(counterpart)
    return lesions
