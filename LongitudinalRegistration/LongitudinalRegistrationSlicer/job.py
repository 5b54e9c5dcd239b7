"""One registration as a separate process: its states, its private folder, its end.

Nothing here knows Slicer or Qt: whoever wants to see progress calls `poll` now and then.
"""

import dataclasses
import enum
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

PATIENCE_S = 2.0


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
    State.STARTING: (State.RUNNING, State.FAILED, State.CANCELLED),
    State.RUNNING: (State.IMPORTING, State.FAILED, State.CANCELLED),
    State.IMPORTING: (State.DONE, State.FAILED, State.CANCELLED),
}


@dataclasses.dataclass(frozen=True)
class Progress:
    """The stage the process is in, and how far in it, 0..1."""

    stage: str = ""
    fraction: float = 0.0


class ChildProcess:
    """A program with its own process group, its output read by threads so that nobody waits."""

    def __init__(self, command, environment):
        own = {"start_new_session": True}
        if os.name == "nt":
            own = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            **own,
        )
        self._output, self._errors = queue.SimpleQueue(), queue.SimpleQueue()
        pipes = ((self._process.stdout, self._output), (self._process.stderr, self._errors))
        self._readers = [threading.Thread(target=_read, args=pair, daemon=True) for pair in pipes]
        for reader in self._readers:
            reader.start()

    def ended(self):
        """Return the exit code once the process has ended and its output is read, before that None."""
        code = self._process.poll()
        if code is None:
            return None
        for reader in self._readers:
            reader.join(PATIENCE_S)
        return code

    def output(self):
        """Return the lines of stdout since the last call."""
        return _drain(self._output)

    def errors(self):
        """Return the lines of stderr since the last call."""
        return _drain(self._errors)

    def kill(self):
        """End the process and all its children, and wait until it is gone."""
        if os.name == "nt":
            tree = ["taskkill", "/F", "/T", "/PID", str(self._process.pid)]
            subprocess.run(tree, capture_output=True, check=False)
        else:
            self._signalGroup(signal.SIGTERM)
            try:
                self._process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                pass
            self._signalGroup(signal.SIGKILL)
        self._process.wait()

    def _signalGroup(self, number):
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            return


def _read(pipe, lines):
    with pipe:
        for line in pipe:
            lines.put(line.rstrip("\r\n"))


def _drain(lines):
    found = []
    while not lines.empty():
        found.append(lines.get())
    return found


class RegistrationJob:
    """The state machine idle, starting, running, importing, done (or cancelled, failed).

    `begin` makes the private folder, `launch` starts the process, `poll` follows it; in IMPORTING the results
    lie in `folder` until `finish`. Whatever the end, the folder is removed by the state that ends the job.
    """

    def __init__(self, startProcess=ChildProcess):
        self._startProcess = startProcess
        self._process = None
        self._errorLines = []
        self.state = State.IDLE
        self.folder = None
        self.progress = Progress()
        self.report = None
        self.message = ""
        self.log = []

    def begin(self, parentFolder=None):
        """Enter STARTING with a fresh private folder inside `parentFolder` (None: the system's)."""
        self._enter(State.STARTING)
        self.progress, self.report, self.message = Progress(), None, ""
        self._errorLines, self.log = [], []
        self.folder = Path(tempfile.mkdtemp(prefix="longct-", dir=parentFolder))

    def launch(self, command, libraryFolders=()):
        """Start the process; the library folders go in front of its PYTHONPATH."""
        self.log.append(" ".join(str(part) for part in command))
        try:
            self._process = self._startProcess([str(part) for part in command], self._environment(libraryFolders))
        except OSError as error:
            self.fail(f"{command[0]} could not be started: {error}")
            return
        self._enter(State.RUNNING)

    def poll(self):
        """Read what the process said; enter IMPORTING or FAILED where it has ended. Returns the state."""
        if self.state is not State.RUNNING:
            return self.state
        code = self._process.ended()
        for line in self._process.output():
            self._understand(line)
        errors = [line for line in self._process.errors() if line.strip()]
        self._errorLines += errors
        self.log += errors
        if code is not None:
            self._onEnd(code)
        return self.state

    def finish(self):
        """Leave IMPORTING: the results are in the scene."""
        self._end(State.DONE, "")

    def fail(self, message):
        """End the job with a sentence for the user."""
        self.log.append(message)
        self._end(State.FAILED, message)

    def cancel(self):
        """Kill the process and its children, remove the folder. Does nothing where no job is under way."""
        if self.state in BUSY:
            self._end(State.CANCELLED, "Cancelled.")

    def _environment(self, libraryFolders):
        path = [str(folder) for folder in libraryFolders] + [os.environ.get("PYTHONPATH", "")]
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(part for part in path if part),
            "PYTHONUNBUFFERED": "1",
            "PYTHONIOENCODING": "utf-8",
            **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(self.folder)),
        }

    def _understand(self, line):
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            self.log.append(line)
            return
        if "progress" in said:
            progress = Progress(str(said["progress"]["stage"]), float(said["progress"]["fraction"]))
            if progress.stage != self.progress.stage:
                self.log.append(progress.stage)
            self.progress = progress
        if "result" in said:
            self.report = said["result"]

    def _onEnd(self, code):
        if code == 0 and self.report is not None:
            self._process = None
            self._enter(State.IMPORTING)
            return
        said = self._errorLines[-1] if self._errorLines else "it said nothing"
        if code == 0:
            self.fail("The registration ended without a report.")
        elif code == 2:
            self.fail(said)
        else:
            self.fail(f"The registration stopped with code {code}: {said}")

    def _end(self, state, message):
        if self._process is not None:
            self._process.kill()
            self._process = None
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None
        self.message = message
        self._enter(state)

    def _enter(self, state):
        if state not in _NEXT[self.state]:
            raise RuntimeError(f"a registration cannot go from {self.state.value} to {state.value}")
        self.state = state


def pythonExecutable():
    """Return PythonSlicer where this is Slicer, else the Python that runs."""
    return shutil.which("PythonSlicer") or sys.executable
