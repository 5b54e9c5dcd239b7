"""Run programs as children that do not outlive this process, read what they say, end them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

WAITING_QUIETLY = {"OMP_WAIT_POLICY": "passive"}
"""Threads of a program that wait for each other sleep: where others want the cores, spinning costs it most."""
LAST_LINES = 5


class ProgramError(RuntimeError):
    """A program could not be started, ended with an error, or was killed."""


_running: set[subprocess.Popen] = set()


def end_programs() -> None:
    """Kill the programs that run now, from another thread: whoever waits for them gets a ProgramError."""
    for child in list(_running):
        child.kill()


def run_program(command: list[str], on_line: Callable[[str], None] | None = None) -> None:
    """Run one program to its end.

    Parameters
    ----------
    command
        The program and its arguments.
    on_line
        Called with each line that it prints, on either output, as it comes.

    Raises
    ------
    ProgramError
        If it could not be started, ended with an error or was killed; the message holds its last lines.
    """
    name, last = Path(command[0]).name, deque[str](maxlen=LAST_LINES)
    try:
        with _started(command) as (child, lines):
            for line in lines:
                last.append(line.strip())
                if on_line:
                    on_line(line)
            code = child.wait()
    except OSError as error:
        raise ProgramError(f"{name} could not be started ({error})") from error
    if code:
        how = f"was killed (signal {-code})" if code < 0 else f"ended with code {code}"
        raise ProgramError(f"{name} {how}: {' | '.join(filter(None, last))}")


@contextmanager
def _started(command: list[str]) -> Iterator[tuple[subprocess.Popen, Iterator[str]]]:
    """A child process that does not outlive this block, nor (on Linux) this process, and its lines as they come."""
    options: dict[str, Any] = {"start_new_session": True}
    environment = {**WAITING_QUIETLY, **os.environ}
    if sys.platform == "win32":
        options = {"creationflags": subprocess.CREATE_NO_WINDOW}
    elif sys.platform.startswith("linux"):
        command = _dying_with_parent(command)
    ours, theirs = os.openpty() if hasattr(os, "openpty") else os.pipe()
    try:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.STDOUT, env=environment, **options
        )
    except OSError:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    _running.add(child)
    try:
        with open(ours, encoding="utf-8", errors="replace") as output:
            yield child, _lines(output)
    finally:
        _running.discard(child)
        if child.poll() is None:
            child.kill()
        child.wait()


def _lines(output: TextIO) -> Iterator[str]:
    """Lines until the program ends, which on a terminal of one's own is an error of reading.

    A terminal, because into a pipe many programs write in blocks of 4 KB: NiftyReg's lines would come half a minute
    late.
    """
    try:
        yield from output
    except OSError:
        return


_DIE_WITH_PARENT = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
if os.getppid() != int(sys.argv[1]):
    os.kill(os.getpid(), signal.SIGKILL)
os.execv(sys.argv[2], sys.argv[2:])
"""


def _dying_with_parent(command: list[str]) -> list[str]:
    """A command that the kernel kills when this process dies, however that happens.

    A small Python asks for that and then becomes the program: between fork and exec of a process with threads nothing
    of ours may run.

    Raises
    ------
    FileNotFoundError
        If there is no such program.
    """
    program = shutil.which(command[0])
    if program is None:
        raise FileNotFoundError(f"there is no program {command[0]}")
    return [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid()), program, *command[1:]]
