"""Registrations one after the other: requests to the warm process, its answers into the scene."""

import collections

import slicer
from slicer.i18n import tr as _

from LongitudinalRegistrationSlicer.process.job import BUSY, RegistrationJob, State
from LongitudinalRegistrationSlicer.results.nodes import reportOf
from LongitudinalRegistrationSlicer.vertebrae.scores import resultText

MOST_RESTARTS = 3
SHORTEST_TIME_LEFT_S = 3.0


class Registrations:
    """Two volume nodes in; a transform node, then the registered volume and a table out. Does not block.

    `warmUp` early, `startRegistration` (or `startRegistrations`), then `poll` now and then until `state` is DONE,
    CANCELLED or FAILED, and on until `needsPolling` is False for the registered volume. `shutDown` at the end.
    """

    def __init__(self, command, job=None):
        self._command = command
        self._job = job or RegistrationJob()
        self._wanted, self._restarts = False, 0
        self._request, self._waiting, self._number, self._total = None, collections.deque(), 0, 0
        self._failures = []
        self._isUnasked = False
        self.results = None
        self.report = None

    @property
    def state(self):
        return self._job.state

    @property
    def busy(self):
        """Whether a registration runs or waits for its turn."""
        return self.state in BUSY or bool(self._waiting)

    @property
    def progress(self):
        return self._job.progress

    @property
    def log(self):
        return self._job.log

    @property
    def needsPolling(self):
        """Whether something is awaited from the process soon."""
        return self._job.needsPolling or bool(self._waiting)

    def shownState(self):
        """Return what a panel shows of the job; it changes whenever the panel should."""
        job = self._job
        result = self.results and self.results.transform
        return (job.state, job.progress, job.pending, job.ready, job.message, len(job.log), self._number, result)

    def warmUp(self):
        """Start the process that registers, so that it is ready when it is needed. Raises OSError where it cannot."""
        from LongitudinalRegistrationLib.system.private_folder import private_folder

        self._wanted = True
        self._job.warmUp(self._command(), self._libraryFolders(), lambda: private_folder(slicer.app.temporaryPath))

    def prepareScans(self, request):
        """Have the process prepare the request's scans now, where it runs and does nothing else."""
        if self._job.isWarm and not self._job.needsPolling:
            self._offerScans(request)

    def startRegistration(self, request):
        """Have a pair registered. Raises ValueError with what the user can do where the request is not valid."""
        self.startRegistrations([request])

    def startRegistrations(self, requests):
        """Have several pairs registered, one after the other; one that fails does not stop the others.

        They wait until the last result's registered volume and scores are there. Raises ValueError, before any begins,
        with what the user can do where a request is not valid, or registrations are under way.
        """
        if self.busy:
            raise ValueError(_("A registration is under way: wait for it, or cancel it."))
        for request in requests:
            ok, reason = request.isValid()
            if not ok:
                raise ValueError(reason)
        self._waiting = collections.deque(requests)
        self._number, self._total, self._failures = 0, len(requests), []
        if not self._job.pending:
            self._startNext()

    def _startNext(self):
        """Begin the next; its labels go out with the next `poll`, so that a click returns at once."""
        self._job.begin()
        request = self._waiting.popleft()
        self._number += 1
        self._request, self.results, self.report = request, None, None
        try:
            self.warmUp()
            self._offerScans(request)
        except (RuntimeError, ValueError, OSError) as error:
            self._failToStart(error)
            return
        self._isUnasked = True

    def _ask(self):
        """Have the process register the pair whose scans it was given."""
        from LongitudinalRegistrationSlicer.process.exchange import registerMessage

        self._isUnasked = False
        if self._failWithoutScans():
            return
        try:
            self._job.request(registerMessage(self._request, self._job.folder))
        except (RuntimeError, ValueError, OSError) as error:
            self._failToStart(error)

    def _failWithoutScans(self):
        """Fail where a node of the request is not in the scene any more; return whether that is so."""
        gone = any(not slicer.mrmlScene.IsNodePresent(node) for node in self._request.nodes())
        if gone:
            self._job.fail(_("A scan was removed during the registration."))
        return gone

    def _failToStart(self, error):
        self._job.fail(_("The registration could not be started: {error}").format(error=error))

    def poll(self):
        """Follow the process; bring the transform, later the registered volume into the scene. Returns the state."""
        self._job.poll()
        if self._isUnasked and self.state is State.STARTING:
            self._ask()
        if self._job.missing and self.state is State.RUNNING:
            self._offerScans(self._request)
            self._job.requestAgain()
        if self.state is State.IMPORTING:
            self._importTransform()
        if self._job.registered is not None:
            self._importRegistered()
        if self._job.scored is not None:
            self._importScores()
        if self._waiting and not self._job.needsPolling:
            self._goOn()
        if self._job.ready:
            self._restarts = 0
        elif self._wanted and not self._job.isWarm and self._restarts < MOST_RESTARTS:
            self._restarts += 1
            self._warmUpAgain()
        return self.state

    def _warmUpAgain(self):
        try:
            self.warmUp()
        except OSError as error:
            self._wanted = False
            self._job.log.append(_("The registration process could not be started: {error}").format(error=error))

    def _goOn(self):
        if self.state is State.FAILED:
            self._failures.append(f"{self._request.moving.GetName()}: {self._job.message}")
        self._startNext()

    def cancel(self):
        """End a running registration, and those that wait.

        Where those that wait had not begun, what is still to come of the last result comes; else it is given up.
        """
        onlyWaiting = bool(self._waiting) and self.state not in BUSY
        self._waiting.clear()
        if not onlyWaiting:
            self._job.cancel()

    def forget(self):
        """The scene is closed: end what runs, and say nothing more of the last result."""
        self._waiting.clear()
        self._job.forget()
        self.results, self.report, self._failures = None, None, []

    def shutDown(self):
        """End the process, and a registration with it."""
        self._wanted = False
        self._job.stop()

    def statusText(self, result=None):
        """Return a line for the panel: the stage, what went wrong, or how good a result is.

        result: the transform node that is shown, or None; its own report is taken where it is not the last one.
        """
        if self.state in (State.STARTING, State.RUNNING):
            return self._runningText()
        if self.state is State.DONE or (self.state is State.IDLE and self._job.ready):
            return self._doneText(result)
        if self.state is State.IDLE and self._job.isWarm:
            return self._job.warming or _("Getting ready ...")
        return self._job.message

    def _doneText(self, result):
        last = self.results.transform if self.results is not None else None
        if last is not None and last.GetScene() is not None and result in (None, last):
            parts = [resultText(self.report, self._job.pending, self._job.message)]
        elif result is not None and reportOf(result):
            parts = [resultText(reportOf(result), False, "")]
        else:
            undone = self.state is State.IDLE or self.report is not None
            parts = [self._readyText() if undone and self._job.ready else ""]
        return " ".join(parts + [_("Not registered: {name}").format(name=failure) for failure in self._failures])

    def _readyText(self):
        network = self._job.network
        return _("Ready ({network}).").format(network=network) if network else _("Ready, without the network.")

    def _runningText(self):
        stage = self.progress.stage.replace("_", " ") or _("starting")
        text = _("Registering: {stage}").format(stage=stage)
        if self._total > 1:
            text = _("{n} of {total}. ").format(n=self._number, total=self._total) + text
        left = self.progress.secondsLeft()
        if left is not None and left > SHORTEST_TIME_LEFT_S:
            text += _(", about {seconds} s left").format(seconds=round(left))
        return text

    def _offerScans(self, request):
        volumes = (request.fixed, request.moving)
        there = [volume for volume in volumes if volume is not None and volume.GetImageData() is not None]
        if not there:
            return
        from LongitudinalRegistrationSlicer.process.exchange import scanKey, scanMessage

        for volume in there:
            key = scanKey(volume, request.tableRemoval)
            if not self._job.knows(key):
                self._job.offer(key, scanMessage(volume, request.tableRemoval, self._job.folder))

    def _importTransform(self):
        from LongitudinalRegistrationSlicer.process.exchange import importTransform, showTransformed

        if self._failWithoutScans():
            return
        try:
            self.results = importTransform(self._request, self._job.folder, self._job.answer)
            showTransformed(self._request)
            self.report = self._job.answer["report"]
        except (RuntimeError, ValueError, OSError, KeyError) as error:
            self._job.fail(_("The result could not be read: {error}").format(error=error))
            return
        self._job.finish()

    def _importLate(self, answer, bring):
        """Bring what follows the transform into the scene, unless the user has removed what it belongs to."""
        nodes = [*self._request.nodes(), self.results.transform]
        if any(not slicer.mrmlScene.IsNodePresent(node) for node in nodes):
            self._job.discard(answer)
            return
        try:
            self.results = bring()
        except (RuntimeError, ValueError, OSError, KeyError) as error:
            self._job.message = _("The registered volume could not be read: {error}").format(error=error)

    def _importRegistered(self):
        from LongitudinalRegistrationSlicer.process.exchange import importRegistered

        answer, self._job.registered = self._job.registered, None
        folder, transform = self._job.folder, self.results.transform
        self._importLate(answer, lambda: importRegistered(self._request, folder, answer, transform))

    def _importScores(self):
        from LongitudinalRegistrationSlicer.process.exchange import importScores

        answer, self._job.scored = self._job.scored, None
        self.report = answer["report"]
        self._importLate(answer, lambda: importScores(self._request, answer["report"], self.results))

    def _libraryFolders(self):
        """Return where LongitudinalRegistrationLib and TableRemovalLib lie, for the process's PYTHONPATH."""
        from TableRemovalSlicer.packages import libraryFolders

        return libraryFolders("LongitudinalRegistrationLib", "TableRemovalLib")
