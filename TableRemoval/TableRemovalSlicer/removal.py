"""The removal for one whole scan at once: scan in, volume without table and body mask out."""

import dataclasses

from TableRemovalLib.edit_state import EditState

from TableRemovalSlicer.quality_rows import reportText
from TableRemovalSlicer.results import addResult, parameterRecord
from TableRemovalSlicer.scan_memory import readOverrides
from TableRemovalSlicer.volumes import imageFromVolumeNode


@dataclasses.dataclass(frozen=True)
class TableRemovalOutcome:
    """The new volume without table, the body mask as a segmentation, and a sentence for the status line."""

    volume: object
    segmentation: object
    report: str


def removeTable(volumeNode, options, progress=None, finishOptions=None):
    """Add a volume without table and the body mask to the scene; return the TableRemovalOutcome.

    See TableRemovalLogic.process. Raises InputError with what the user can do.
    """
    from TableRemovalLib.edited_mask import compute_edited_mask
    from TableRemovalLib.finish import FinishOptions, finish

    finishOptions = finishOptions or FinishOptions(options.fill_hu)
    image = imageFromVolumeNode(volumeNode)
    state = EditState(options, readOverrides(volumeNode))
    result = compute_edited_mask(image, state, progress)
    volume, mask = finish(image, result.mask, finishOptions)
    nodes = addResult(volumeNode, volume, mask, parameterRecord(volumeNode, state, finishOptions))
    return TableRemovalOutcome(*nodes, reportText(result.records, result.seconds, result.remark))
