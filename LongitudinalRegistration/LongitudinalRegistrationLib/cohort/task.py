"""A piece of work that a worker does, known by the checksums of what goes in, and what came of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

DONE, FAILED = "done", "failed"
INPUT, DEFECT, LOST = "input", "defect", "lost"
"""Why a task failed: what the user can mend, a defect of ours, its worker died again and again."""


@dataclass(frozen=True)
class Task:
    """A piece of work.

    Attributes
    ----------
    name
        What messages and tables call it.
    key
        Hexadecimal; equal where inputs, options and code version are (see task_key).
    function
        What does it: of a module, called with `arguments`, gives a dict that JSON can hold.
    arguments
        What it is called with: what JSON can hold, and dataclasses.
    outputs
        Files that it writes; where one of them has gone, it is done again.
    """

    name: str
    key: str
    function: Callable[..., dict[str, Any]]
    arguments: dict[str, Any]
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """What came of a task.

    Attributes
    ----------
    key, name
        Of the task.
    state
        DONE or FAILED.
    result
        What its function gave; empty where it failed.
    error, kind
        Where it failed: a sentence; INPUT, DEFECT or LOST. Empty otherwise.
    seconds
        On the worker.
    peak_mb
        Most memory that the worker's process has ever held, MB; 0 where the system does not tell.
    worker
        Who did it.
    """

    key: str
    name: str
    state: str
    result: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    kind: str = ""
    seconds: float = 0.0
    peak_mb: float = 0.0
    worker: str = ""


def task_key(**parts: Any) -> str:
    """Name a task by everything that its result depends on.

    Parameters
    ----------
    **parts
        What JSON can hold, and dataclasses: checksums of inputs, options, versions.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> task_key(scan="ab", delta=6.0) == task_key(delta=6.0, scan="ab") != task_key(scan="ab", delta=7.0)
    True
    """
    text = json.dumps(parts, sort_keys=True, default=asdict)
    return hashlib.sha256(text.encode()).hexdigest()
