"""Applying the removal to several volumes, one after the other, without waiting: `poll` goes on, `cancel` ends it."""

import dataclasses

import slicer
from slicer.i18n import tr as _
from TableRemovalLib.edit_state import EditState
from TableRemovalLib.errors import InputError

from TableRemovalSlicer.checks import transformProblem, volumeProblem
from TableRemovalSlicer.results import addResult, parameterRecord
from TableRemovalSlicer.scan_memory import readOverrides
from TableRemovalSlicer.volumes import geometryOfVolumeNode, imageFromVolumeNode, imageOnVolumeGrid


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One volume of the batch: the nodes made, or why there are none; records: SliceRecord of each slice."""

    name: str
    volume: object = None
    segmentation: object = None
    records: tuple = ()
    problem: str = ""


class ApplyBatch:
    """The volumes still to do (by node ID, so that a deleted one is noticed) and the outcomes so far.

    `worker` is a ScanWorkerProcess of its own. `ready` gives, by node ID, masks (sitk.Image) with their state and
    records that are there already.
    """

    def __init__(self, volumeNodes, options, finishOptions, worker, ready=None):
        self._waiting = [(node.GetID(), node.GetName()) for node in volumeNodes]
        self._options, self._finish, self._worker = options, finishOptions, worker
        self._ready = ready or {}
        self._now, self._state = None, None
        self.total, self.outcomes, self.cancelled = len(self._waiting), [], False

    @property
    def done(self):
        """Whether there is nothing left to do."""
        return self.cancelled or len(self.outcomes) == self.total

    def progress(self):
        """Return (fraction of all done, what is being done)."""
        if self._now is None:
            return len(self.outcomes) / max(1, self.total), "..."
        return (len(self.outcomes) + self._worker.progress()[1]) / self.total, self._now[1]

    def poll(self):
        """Go one step on."""
        if self.done:
            return
        if self._now is None:
            self._now = self._waiting.pop(0)
            self._attempt(self._begin)
        else:
            answer = self._worker.poll()
            if answer is not None:
                self._attempt(lambda node: self._end(node, answer))

    def cancel(self):
        """End here: volumes that are finished stay, the one being computed leaves nothing."""
        self.cancelled = True
        self._worker.drop()

    def _attempt(self, step):
        identifier, name = self._now
        try:
            node = slicer.mrmlScene.GetNodeByID(identifier)
            if node is None:
                raise InputError(_("'{name}' was deleted meanwhile.").format(name=name))
            outcome = step(node)
        except InputError as error:
            outcome = Outcome(name, problem=str(error))
        if outcome is not None:
            self.outcomes.append(outcome)
            self._now = None

    def _begin(self, node):
        problem = volumeProblem(node) or transformProblem(node)
        if problem:
            raise InputError(problem)
        if node.GetID() in self._ready:
            mask, state, records = self._ready[node.GetID()]
            return self._add(node, mask, state, records)
        self._state = EditState(self._options, readOverrides(node))
        self._worker.takeScan(slicer.util.arrayFromVolume(node), geometryOfVolumeNode(node))
        self._worker.ask(self._state)
        return None

    def _end(self, node, answer):
        from TableRemovalLib.overlay_labels import is_kept

        if answer.error:
            raise InputError(answer.error)
        return self._add(node, imageOnVolumeGrid(is_kept(answer.labels), node), self._state, answer.records)

    def _add(self, node, mask, state, records):
        from TableRemovalLib.finish import finish

        volume, mask = finish(imageFromVolumeNode(node), mask, self._finish)
        nodes = addResult(node, volume, mask, parameterRecord(node, state, self._finish))
        return Outcome(node.GetName(), *nodes, records)
