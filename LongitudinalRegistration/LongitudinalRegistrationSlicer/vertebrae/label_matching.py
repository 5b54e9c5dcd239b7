"""Which label of the follow-up is which of the baseline: by name, by number, or as the user says.

A label map's labels are its values, a segmentation's are its segments. Names come first ("vertebrae_L1", "L1"); what
has only a number ("Segment_20", a label map's 20) is read as VerSe's number or as TotalSegmentator's.
"""

import dataclasses
import json
import re
import typing

from LongitudinalRegistrationLib.scan.labels import MASK
from slicer.i18n import tr as _

from LongitudinalRegistrationSlicer.results.nodes import MATCHES_ATTRIBUTE, labelsOf
from LongitudinalRegistrationSlicer.vertebrae.label_summary import summaryOf
from LongitudinalRegistrationSlicer.vertebrae.names import (
    FIRST_OTHER,
    SPINE_NAMES,
    TOTAL_SEGMENTATOR_NUMBERS,
    VERSE_NUMBERS,
    spineOrder,
    vertebraNumber,
)

AUTO, VERSE, TOTAL_SEGMENTATOR = "Auto", "VerSe", "TotalSegmentator"
NUMBERINGS = {VERSE: VERSE_NUMBERS, TOTAL_SEGMENTATOR: TOTAL_SEGMENTATOR_NUMBERS}
BY_NAME, BY_HAND = "name", "by hand"
FOLLOW_UP_MARK = "follow-up"


@dataclasses.dataclass(frozen=True)
class SceneLabel:
    """A label of one scan: its segment ID or label map value, its name, its vertebra's number or None, and what that
    was read from (BY_NAME or a key of NUMBERINGS)."""

    id: typing.Any
    name: str
    number: typing.Any
    how: str


@dataclasses.dataclass(frozen=True)
class LabelMatch:
    """A label under one name and value in both scans; `fixed` or `moving` is None where that scan lacks it.

    value: 1..29 for vertebrae (see vertebrae.SPINE_NAMES), from 101 on for others. how: as in SceneLabel, or BY_HAND.
    """

    name: str
    value: int
    fixed: typing.Any
    moving: typing.Any
    how: str

    @property
    def fixedId(self):
        return self.fixed.id if self.fixed else None

    @property
    def movingId(self):
        return self.moving.id if self.moving else None


def matchLabels(fixedNode, movingNode, numbering=AUTO):
    """Return the LabelMatches of two label nodes (segmentation, label map or None), down the spine, others last."""
    sides = [{_key(label): label for label in labelsIn(node, numbering)} for node in (fixedNode, movingNode)]
    everyone = {**sides[1], **sides[0]}
    others = sorted(key for key, label in everyone.items() if label.number is None)
    matches = []
    for key, label in everyone.items():
        fixed, moving = (side.get(key) for side in sides)
        value = label.number or FIRST_OTHER + others.index(key)
        hows = dict.fromkeys(side.how for side in (fixed, moving) if side)
        matches.append(LabelMatch(SPINE_NAMES.get(label.number, label.name), value, fixed, moving, ", ".join(hows)))
    return _sorted(matches)


def labelsIn(node, numbering=AUTO):
    """Return the SceneLabels of a label node; of a label map in TotalSegmentator's numbers only the spine's.

    A label 1 that is alone is a mask, such as a lesion's, and no C1, unless it is named so or a numbering is chosen.
    """
    if node is None:
        return []
    isLabelMap = not node.IsA("vtkMRMLSegmentationNode")
    raw = _valuesOf(node) if isLabelMap else _segmentsOf(node)
    nameless = {number for _id, name, number in raw if number is not None and vertebraNumber(name) is None}
    scheme = numberingOf(nameless) if numbering == AUTO else numbering
    isMask = numbering == AUTO and [number for _id, _name, number in raw] == [MASK]
    labels = {}
    for labelId, name, number in raw:
        named = vertebraNumber(name)
        found = named or (None if isMask else NUMBERINGS[scheme].get(number))
        if found is None and isLabelMap and scheme == TOTAL_SEGMENTATOR:
            continue
        how = BY_NAME if named or found is None else scheme
        label = SceneLabel(labelId, name or (f"label {number}" if isMask else str(number)), found, how)
        if _key(label) in labels:
            label = SceneLabel(labelId, f"{label.name} ({labelId})", None, BY_NAME)
        labels[_key(label)] = label
    return list(labels.values())


def numberingOf(numbers):
    """Return whose numbers these are, VERSE or TOTAL_SEGMENTATOR.

    VerSe ends at 28, and has L6, sacrum, coccyx and T13 at 25 to 28: without any of C1 to L5 (1 to 24) these are
    TotalSegmentator's sacrum, S1, L5 and L4. Numbers from 101 on are nobody's.
    """
    beyondVerse = any(max(VERSE_NUMBERS) < number < FIRST_OTHER for number in numbers)
    onlyLow = any(25 <= number <= 28 for number in numbers) and not any(1 <= number <= 24 for number in numbers)
    return TOTAL_SEGMENTATOR if beyondVerse or onlyLow else VERSE


def rematched(matches, row, movingId):
    """Return the matches with another label of the follow-up (its ID, or None) in a row that has one of the baseline.

    The row that had the label loses it; the label that the row had gets a row of its own.
    """
    mine = matches[row]
    if mine.fixed is None:
        raise ValueError(_("This label is in the follow-up only: change the row of the baseline's label."))
    if movingId == mine.movingId:
        return tuple(matches)
    chosen = next((match.moving for match in matches if movingId is not None and match.movingId == movingId), None)
    changed = []
    for number, match in enumerate(matches):
        if number == row:
            match = dataclasses.replace(match, moving=chosen, how=BY_HAND)
        elif chosen is not None and match.movingId == movingId:
            match = dataclasses.replace(match, moving=None, how=BY_HAND)
        if match.fixed is not None or match.moving is not None:
            changed.append(match)
    if mine.moving is not None:
        changed.append(_alone(mine.moving, changed))
    return _sorted(changed)


def matchesToText(matches):
    """Return matches as a string that a node can keep."""
    return json.dumps([dataclasses.asdict(match) for match in matches])


def matchesFromText(text, fixedNode, movingNode, numbering=AUTO):
    """Return the matches that a string keeps; made anew where these are not the labels that the nodes have now."""
    fresh = matchLabels(fixedNode, movingNode, numbering)
    try:
        kept = tuple(_matchFrom(**entry) for entry in json.loads(text or "[]"))
    except (ValueError, TypeError):
        return fresh
    return kept if _labelsOn(kept) == _labelsOn(fresh) else fresh


def matchesOf(result):
    """Return the matches that a registration's result was scored with."""
    return matchesFromText(result.GetAttribute(MATCHES_ATTRIBUTE), *labelsOf(result))


def valuesByName(matches):
    """Return label values by name, as displayName and addScores take them."""
    return {match.name: match.value for match in matches}


def namesByValue(matches):
    """Return the names of the labels that are no vertebra's, by label value."""
    return {match.value: match.name for match in matches if match.value >= FIRST_OTHER}


def _key(label):
    return (0, label.number) if label.number is not None else (1, label.name.lower())


def _sorted(matches):
    return tuple(sorted(matches, key=lambda match: spineOrder(match.value)))


def _alone(label, matches):
    """Return a match for a follow-up label that lost its baseline label; its own number may be in use."""
    values = {match.value for match in matches}
    if label.number is not None and label.number not in values:
        return LabelMatch(SPINE_NAMES[label.number], label.number, None, label, BY_HAND)
    name = SPINE_NAMES.get(label.number, label.name)
    return LabelMatch(f"{name} ({FOLLOW_UP_MARK})", max(FIRST_OTHER - 1, *values) + 1, None, label, BY_HAND)


def _matchFrom(name, value, fixed, moving, how):
    sides = (None if side is None else SceneLabel(**side) for side in (fixed, moving))
    return LabelMatch(name, value, *sides, how)


def _labelsOn(matches):
    return [{side for side in sides if side} for sides in zip(*((m.fixed, m.moving) for m in matches), strict=True)]


def _segmentsOf(node):
    segments = node.GetSegmentation()
    found = []
    for index in range(segments.GetNumberOfSegments()):
        name = segments.GetNthSegment(index).GetName() or ""
        number = re.fullmatch(r"(?:segment|label|value)?[ _-]*(\d+)", name.strip().lower())
        found.append((segments.GetNthSegmentID(index), name, int(number[1]) if number else None))
    return found


def _valuesOf(node):
    """Return the values of a label map with the names that its colour table has for vertebrae."""
    if node.GetImageData() is None:
        return []
    colours = node.GetDisplayNode().GetColorNode() if node.GetDisplayNode() else None
    found = []
    for value in summaryOf(node).counts:
        name = (colours.GetColorName(value) or "") if colours is not None else ""
        found.append((value, name if vertebraNumber(name) else "", value))
    return found
