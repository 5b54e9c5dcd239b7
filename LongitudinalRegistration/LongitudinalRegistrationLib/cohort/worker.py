"""What happens in a worker: it gets warm once, then does one task after the other, and tells how each went."""

from __future__ import annotations

import os
import socket
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import SimpleITK as sitk
from distributed import Worker, WorkerPlugin
from TableRemovalLib.errors import InputError

from ..methods.method import MethodError
from ..pipeline.warm_up import warm_up
from ..system.files import without_nan
from ..system.parallel import bound_threads
from .task import DEFECT, DONE, FAILED, INPUT


class Warm(WorkerPlugin):
    """Bounds a worker's threads, and loads the compiled kernels before its first task; a new worker gets it too.

    Parameters
    ----------
    threads
        At most, of one task.
    """

    name = "longct-warm"

    def __init__(self, threads: int):
        self._threads = threads

    def setup(self, worker: Worker) -> None:
        """Get the process ready; called by Dask."""
        bound_threads(self._threads)
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(self._threads)
        warm_up()


def perform(function: Callable[..., dict[str, Any]], arguments: dict[str, Any]) -> dict[str, Any]:
    """Do a task; whatever goes wrong is told, not raised, so that the cluster goes on.

    Parameters
    ----------
    function
        What does it.
    arguments
        What it is called with.

    Returns
    -------
    dict
        The fields of a Record but key and name.
    """
    begun = time.monotonic()
    told: dict[str, Any]
    try:
        told = {"state": DONE, "result": without_nan(function(**arguments))}
    except (InputError, MethodError) as error:
        told = {"state": FAILED, "kind": INPUT, "error": " ".join(str(error).split())}
    except Exception as error:
        told = {"state": FAILED, "kind": DEFECT, "error": _defect(error)}
    seconds = round(time.monotonic() - begun, 3)
    return {**told, "seconds": seconds, "peak_mb": _peak_mb(), "worker": f"{socket.gethostname()}, {os.getpid()}"}


def _defect(error: Exception) -> str:
    """What a defect of ours was, and where."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words} ({os.path.basename(place.filename)}:{place.lineno})"


def _peak_mb() -> float:
    """Most memory that this process has held; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0.0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (1e6 if sys.platform == "darwin" else 1e3), 1)
