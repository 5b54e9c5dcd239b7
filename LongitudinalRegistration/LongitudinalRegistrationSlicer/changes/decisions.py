"""What a reader says of findings: accept, reject, name; taken back step by step; kept when findings are looked for
anew."""

import dataclasses

import numpy as np

from LongitudinalRegistrationSlicer.changes.findings import OPEN, STATUSES, findingsOf, setFindings


class Decisions:
    """Changes the findings of results, a step at a time."""

    def __init__(self):
        self._before = []

    def setStatus(self, result, number, status):
        """Set the status, one of STATUSES, of the finding of this number."""
        if status not in STATUSES:
            raise ValueError(f"status must be one of {', '.join(STATUSES)}, not {status}.")
        self._change(result, number, status=status)

    def setName(self, result, number, name):
        """Name the finding of this number; "": it is called by its place again."""
        self._change(result, number, name=name.strip())

    @property
    def canUndo(self):
        """Whether there is a step to be taken back."""
        return any(result.GetScene() is not None for result, _findings in self._before)

    def undo(self):
        """Take the last step back."""
        while self._before:
            result, findings = self._before.pop()
            if result.GetScene() is not None:
                setFindings(result, findings)
                return

    def forget(self, result=None):
        """There are no steps to be taken back any more, of a result or of any."""
        self._before = [step for step in self._before if result is not None and step[0] is not result]

    def _change(self, result, number, **values):
        findings = findingsOf(result)
        changed = [dataclasses.replace(each, **values) if each.number == number else each for each in findings]
        if changed != findings:
            self._before.append((result, findings))
            setFindings(result, changed)


def carriedOver(earlier, earlierLabels, found, labels):
    """Return (findings, labels) of a new search with what the reader had said of an earlier one.

    A decided finding gives status and name to the new one that most of it lies in; where there is none, it stays, under
    a new number behind the others.

    earlier, found: SceneFindings; earlierLabels, labels: their numbers [k, j, i] on one grid; None: not known, or on
    another grid: nothing is carried over.
    """
    if earlierLabels is None or earlierLabels.shape != labels.shape:
        return found, labels
    byNumber, labels = {finding.number: finding for finding in found}, labels.copy()
    for decided in (each for each in earlier if each.isDecided):
        own = earlierLabels == decided.number
        under = np.bincount(labels[own], minlength=1) if own.any() else np.zeros(1, int)
        number = int(np.argmax(under[1:]) + 1) if under[1:].any() else 0
        if number in byNumber and byNumber[number].status == OPEN:
            heir = byNumber[number]
            byNumber[number] = dataclasses.replace(heir, status=decided.status, name=decided.name or heir.name)
        elif number == 0:
            number = max(byNumber, default=0) + 1
            byNumber[number] = dataclasses.replace(decided, number=number)
            labels[own] = number
    return list(byNumber.values()), labels
