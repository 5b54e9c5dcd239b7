"""`longct`: everything without Slicer. Exit codes: 0 done, 1 a defect of ours or a method that failed, 2 bad input."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from types import FrameType
from typing import NoReturn

from TableRemovalLib.errors import InputError

from ..methods.method import MethodError
from ..system.memory import TOO_LITTLE_MEMORY
from ..system.private_folder import sweep_private_folders
from .arguments import make_parser
from .console import Console, without_warnings

DONE, DEFECT, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
STOPPING = ("SIGTERM", "SIGHUP")
"""What is handled as Ctrl+C is, where the system has it."""


def _stop(signum: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    arguments = make_parser().parse_args(argv)
    console = Console(arguments.json)
    for name in STOPPING:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _stop)
    try:
        sweep_private_folders()
        with without_warnings():
            from .commands import COMMANDS

            COMMANDS[arguments.command](arguments, console)
        return DONE
    except InputError as error:
        console.close()
        print(f"longct: {error}", file=sys.stderr)
        return BAD_INPUT
    except MethodError as error:
        console.close()
        print(f"longct: {' '.join(str(error).split())}: try again, or another --method", file=sys.stderr)
        return DEFECT
    except MemoryError:
        console.close()
        print(f"longct: {TOO_LITTLE_MEMORY}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        console.close()
        print("longct: stopped", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        console.close()
        if os.environ.get("LONGCT_DEBUG"):
            traceback.print_exc()
        print(
            f"longct: defect: {type(error).__name__}: {' '.join(str(error).split())} "
            "(LONGCT_DEBUG=1 shows where; please report it)",
            file=sys.stderr,
        )
        return DEFECT
    finally:
        console.close()


def run() -> None:
    """Run the command of this process, and end the process: at once where it was interrupted.

    Otherwise Python would wait for threads that read or write a file.
    """
    code = main()
    if code == INTERRUPTED:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    run()
