"""Registrations in a process that stays warm: the process's life, the states of the job it is at.

Nothing here knows Slicer or Qt: whoever wants to see progress calls `poll` now and then. What is said to the process
and what it answers is in LongitudinalRegistrationLib.pipeline.worker.
"""

import dataclasses
import enum
import json
import time

from slicer.i18n import tr as _
from TableRemovalLib.owned_folders import remove_owned_folder
from TableRemovalSlicer.child_process import ChildProcess, environmentWith

GRACE_S = 0.5
SILENCE_S = 180.0
SOONEST_ESTIMATE = 0.05


class State(enum.Enum):
    """Where a job is."""

    IDLE = "idle"
    STARTING = "starting"
    RUNNING = "running"
    IMPORTING = "importing"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


BUSY = (State.STARTING, State.RUNNING, State.IMPORTING)
ENDED = (State.IDLE, State.DONE, State.CANCELLED, State.FAILED)
_NEXT = {
    **{state: (State.STARTING,) for state in ENDED},
    State.FAILED: (State.STARTING, State.IDLE),
    State.STARTING: (State.RUNNING, State.FAILED, State.CANCELLED),
    State.RUNNING: (State.IMPORTING, State.FAILED, State.CANCELLED),
    State.IMPORTING: (State.DONE, State.FAILED, State.CANCELLED),
}


@dataclasses.dataclass(frozen=True)
class Progress:
    """The stage the process is in, how far in it (0..1), and the seconds it has been in it."""

    stage: str = ""
    fraction: float = 0.0
    seconds: float = 0.0

    def secondsLeft(self):
        """Return how long the stage will go on, where that can be told, else None."""
        if self.fraction < SOONEST_ESTIMATE:
            return None
        return self.seconds * (1.0 - self.fraction) / self.fraction


class RegistrationJob:
    """The state machine idle, starting, running, importing, done (or cancelled, failed), and its process.

    `warmUp` starts the process, `offer` gives it a scan to prepare. `begin`, then `request` starts a job, `poll`
    follows it; in IMPORTING its transform is in `answer` until `finish`. The registered volume follows in `registered`,
    then the report with all scores in `scored`, while `pending`. A process that dies or falls silent is gone after
    `poll`, with its folder: `isWarm` tells. A process keeps few scans: where one that a job needs was let go, `missing`
    is set until the scans were offered anew and `requestAgain` was called. `network`: what runs the network in
    the process that is `ready`; empty: nothing does. `others`: what is called with an answer to `ask`, by its event.
    """

    def __init__(self, startProcess=ChildProcess):
        self._startProcess = startProcess
        self._process = None
        self._number = 0
        self._offered = set()
        self._heard, self._stageBegun = 0.0, 0.0
        self._leaving, self._deadline = None, None
        self._complaint = ""
        self.folder = None
        self.ready, self.warming, self.network = False, "", ""
        self._message, self.missing = {}, False
        self.state = State.IDLE
        self.progress = Progress()
        self.answer = None
        self.registered, self.scored = None, None
        self.pending = False
        self.message = ""
        self.log = []
        self.others = {}

    @property
    def isWarm(self):
        """Whether there is a process."""
        return self._process is not None

    @property
    def needsPolling(self):
        """Whether something is awaited from the process soon."""
        return self.state in BUSY or self.pending or self._deadline is not None

    def warmUp(self, command, libraryFolders, makeFolder):
        """Start the process, unless it runs; one that has died meanwhile is replaced.

        `makeFolder` makes its folder, whose name goes last in the command.

        Raises OSError where it cannot be started.
        """
        if self._process is not None and self._process.ended() is None:
            return
        self._dropProcess()
        self.folder = makeFolder()
        try:
            command = [str(part) for part in (*command, self.folder)]
            self._process = self._startProcess(command, self._environment(libraryFolders))
        except OSError:
            self._removeFolder()
            raise
        self._heard, self._complaint = time.monotonic(), ""

    def knows(self, scan):
        """Whether the process was given this scan."""
        return scan in self._offered

    def offer(self, scan, message):
        """Give the process a scan to prepare: the rest of its command, whose files lie in `folder`."""
        self._offered.add(scan)
        self._send({"do": "prepare", "scan": scan, **message})

    def letGo(self, scans):
        """The process has let scans go: they are to be offered anew."""
        self._offered.difference_update(scans)

    def ask(self, message):
        """Ask the process for something that is no job; `others` hears the answer."""
        self._send(message)

    def stop(self):
        """End the process, its children, its folder, and the job with it."""
        self.cancel()
        self._dropProcess(kindly=True)

    def begin(self):
        """Enter STARTING."""
        self._enter(State.STARTING)
        self._number += 1
        self.progress, self.answer, self.message = Progress(), None, ""
        self.registered, self.scored = None, None
        self.pending, self.missing, self.log = False, False, []

    def request(self, message):
        """Ask for a registration: the rest of the command. Enters RUNNING."""
        self._enter(State.RUNNING)
        self._message = message
        self.requestAgain()

    def requestAgain(self):
        """Ask once more, after the scans that the process had let go were offered again."""
        self._heard, self.missing = time.monotonic(), False
        self._send({"do": "register", "job": self._number, **self._message})

    def poll(self):
        """Hear what the process said; notice that it has died or is silent. Returns the state."""
        if self._process is None:
            return self.state
        code = self._process.ended()
        for line in self._process.output():
            self._understand(line)
        for line in filter(str.strip, self._process.errors()):
            self._complaint = line
            self.log.append(line)
        if code is not None:
            text = _("The registration process stopped with code {code}: {reason}")
            self._lose(text.format(code=code, reason=self._complaint or _("no message")))
        elif self._deadline is not None and time.monotonic() > self._deadline:
            self._dropProcess()
        elif self._isSilent():
            text = _("The registration process did not answer for {seconds} s and was stopped.")
            self._lose(text.format(seconds=round(SILENCE_S)))
        return self.state

    def finish(self):
        """Leave IMPORTING: the transform is in the scene; the registered volume is to come."""
        self._end(State.DONE, "")

    def fail(self, message):
        """End the job with a sentence for the user; the process is told to leave it."""
        self._leaveJob()
        self.log.append(message)
        self._end(State.FAILED, message)

    def cancel(self):
        """End the job now, and the process half a second later where it does not obey. Without a job, nothing."""
        self._leaveJob()
        if self.state in BUSY:
            self._end(State.CANCELLED, _("Cancelled."))

    def forget(self):
        """End the job as `cancel` does, and say no more what went wrong with the last one."""
        self.cancel()
        if self.state is State.FAILED:
            self._end(State.IDLE, "")

    def _leaveJob(self):
        underWay = self.pending or self.state in (State.RUNNING, State.IMPORTING)
        if underWay and self._process is not None:
            self._send({"do": "cancel", "job": self._number})
            self._leaving, self._deadline = self._number, time.monotonic() + GRACE_S
        self.pending = False
        self._dropLateAnswers()

    def _dropLateAnswers(self):
        """Give up what came after the transform and was not read yet: it belongs to no result."""
        for said in (self.registered, self.scored):
            if said is not None:
                self.discard(said)
        self.registered, self.scored = None, None

    def _send(self, message):
        if self._process is not None:
            self._process.send(json.dumps(message))

    def _environment(self, libraryFolders):
        return {**environmentWith(libraryFolders), **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(self.folder))}

    def _isSilent(self):
        waiting = self.state is State.RUNNING and self.progress.stage != "niftyreg"
        return waiting and time.monotonic() - self._heard > SILENCE_S

    def _understand(self, line):
        try:
            said = json.loads(line)
            event = said["event"]
        except (ValueError, TypeError, KeyError):
            self.log.append(line)
            return
        self._heard = time.monotonic()
        if event == "warming":
            self.warming = f"{said['text']}: {100 * said['fraction']:.0f} %"
        elif event == "ready":
            self.ready, self.warming, self.network = True, "", said["network"]
            self.log.append(f"ready after {said['seconds']:.1f} s")
        elif event == "prepared":
            self.log.append(f"scan prepared in {said['seconds']:.2f} s")
        elif event == "refused":
            self.log.append(said["message"])
        elif event in self.others:
            self.others[event](said)
        elif said["job"] == self._leaving or said["job"] != self._number:
            self.discard(said)
            if event in ("cancelled", "failed", "missing", "result") and said["job"] == self._leaving:
                self._leaving, self._deadline = None, None
        else:
            self._onJobEvent(event, said)

    def discard(self, said):
        """Remove the files of an answer that nobody will read."""
        for name in ("field", "image"):
            if name in said and self.folder is not None:
                (self.folder / said[name]["file"]).unlink(missing_ok=True)

    def _onJobEvent(self, event, said):
        if event == "missing" and self.state is State.RUNNING:
            self.letGo(said["scans"])
            self.missing = True
        elif event == "progress" and self.state is State.RUNNING:
            if said["stage"] != self.progress.stage:
                self.log.append(said["stage"])
                self._stageBegun = self._heard
            self.progress = Progress(str(said["stage"]), float(said["fraction"]), self._heard - self._stageBegun)
        elif event == "transform" and self.state is State.RUNNING:
            self.answer, self.pending = said, True
            self._enter(State.IMPORTING)
        elif event == "registered" and self.pending:
            self.registered = said
        elif event == "result" and self.pending:
            self.scored, self.pending = said, False
        elif event == "failed" and self.state is State.RUNNING:
            self.log.append(said["message"])
            self._end(State.FAILED, said["message"])
        elif event == "failed" and self.pending:
            self.log.append(said["message"])
            text = _("The registered volume could not be computed: {reason}")
            self.message, self.pending = text.format(reason=said["message"]), False

    def _lose(self, message):
        """The process is no more: end what it was at, and say so."""
        self._dropProcess()
        self.log.append(message)
        if self.state in BUSY:
            self.answer, self.scored = None, None
            self._end(State.FAILED, message)
        elif self.pending:
            self.message = message
        self.pending = False

    def _dropProcess(self, kindly=False):
        if self._process is not None:
            self._process.dismiss() if kindly else self._process.kill()
        self._process, self.ready, self.warming, self.network = None, False, "", ""
        self._leaving, self._deadline, self.registered = None, None, None
        self._offered.clear()
        self._removeFolder()

    def _removeFolder(self):
        if self.folder is not None:
            remove_owned_folder(self.folder)
            self.folder = None

    def _end(self, state, message):
        self.message = message
        self._enter(state)

    def _enter(self, state):
        if state not in _NEXT[self.state]:
            raise RuntimeError(f"a registration cannot go from {self.state.value} to {state.value}")
        self.state = state
