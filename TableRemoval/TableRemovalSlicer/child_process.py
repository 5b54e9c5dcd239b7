"""A program that runs beside Slicer: its own process group, its output read by threads so that nobody waits.

Nothing here knows Slicer or Qt.
"""

import os
import queue
import shutil
import signal
import subprocess
import sys
import threading

PATIENCE_S = 2.0


class ChildProcess:
    """A running program that takes lines and says lines."""

    def __init__(self, command, environment):
        own = {"start_new_session": True}
        if os.name == "nt":
            own = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
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

    def send(self, line):
        """Hand the program a line; nothing happens where it has ended."""
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError):
            return

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
        """End the process and all its children at once, and wait until it is gone."""
        if os.name == "nt":
            tree = ["taskkill", "/F", "/T", "/PID", str(self._process.pid)]
            subprocess.run(tree, capture_output=True, check=False)
        else:
            self._signalGroup(signal.SIGKILL)
        self._process.wait()
        self._closeInput()

    def dismiss(self):
        """Close the program's input, which tells it to end; kill it where it has not within two seconds."""
        self._closeInput()
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            pass
        self.kill()

    def _closeInput(self):
        try:
            self._process.stdin.close()
        except OSError:
            return

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


def environmentWith(folders):
    """Return the environment of a child process that finds Python packages in these folders first."""
    path = [str(folder) for folder in folders] + [os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(part for part in path if part),
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
    }


def pythonExecutable():
    """Return PythonSlicer where this is Slicer, else the Python that runs."""
    return shutil.which("PythonSlicer") or sys.executable
