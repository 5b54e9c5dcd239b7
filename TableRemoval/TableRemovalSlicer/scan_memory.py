"""What is kept with a volume node, and so with the scene: its overrides and the flags that were checked."""

import json

from TableRemovalLib.overrides import overrides_from_json

OVERRIDES_ATTRIBUTE = "TableRemoval.Overrides"
CHECKED_ATTRIBUTE = "TableRemoval.Checked"


def readOverrides(volumeNode):
    """Return the ScanOverrides kept with a volume. Raises InputError where they belong to another scan."""
    size = volumeNode.GetImageData().GetDimensions()
    return overrides_from_json(volumeNode.GetAttribute(OVERRIDES_ATTRIBUTE) or "", size)


def writeOverrides(volumeNode, overrides):
    """Keep overrides with a volume."""
    volumeNode.SetAttribute(OVERRIDES_ATTRIBUTE, overrides.to_json() if overrides.slices else None)


def readChecked(volumeNode):
    """Return the checked flags kept with a volume, a frozenset of (slice index, flag)."""
    try:
        return frozenset((int(k), str(flag)) for k, flag in json.loads(volumeNode.GetAttribute(CHECKED_ATTRIBUTE)))
    except (TypeError, ValueError):
        return frozenset()


def writeChecked(volumeNode, checked):
    """Keep checked flags with a volume."""
    volumeNode.SetAttribute(CHECKED_ATTRIBUTE, json.dumps(sorted(checked)) if checked else None)
