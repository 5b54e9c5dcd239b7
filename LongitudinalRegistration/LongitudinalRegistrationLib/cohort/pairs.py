"""The pairs of a cohort: every follow-up with the patient's baseline, as tasks."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..methods.network.model_store import shipped_checksums
from ..pipeline.options import RegistrationOptions
from ..scan.scan_dates import days_since_first
from ..system.versions import CODE_VERSION
from ..training.manifest import Entry, in_time_order, patients
from .registration import register_pair, written_files
from .task import Task, task_key


@dataclass(frozen=True)
class Pair:
    """A follow-up and its baseline."""

    baseline: Entry
    follow_up: Entry

    @property
    def name(self) -> str:
        """What messages and tables call the pair."""
        return f"{self.follow_up.patient}, {self.baseline.time_point} to {self.follow_up.time_point}"

    @property
    def days(self) -> int | None:
        """Days between the scans, where the time points are dates."""
        days = days_since_first([self.baseline.time_point, self.follow_up.time_point])
        return days[1] if days else None

    @property
    def inputs(self) -> dict[str, Path]:
        """Role to file: what the result depends on."""
        given = {
            "fixed": self.baseline.image,
            "moving": self.follow_up.image,
            "fixed_labels": self.baseline.labels,
            "moving_labels": self.follow_up.labels,
            "truth": self.follow_up.truth,
        }
        return {role: path for role, path in given.items() if path is not None}


def pairs_of(entries: Sequence[Entry]) -> tuple[list[Pair], list[str]]:
    """Pair every follow-up with the patient's first scan.

    Parameters
    ----------
    entries
        Of the manifest.

    Returns
    -------
    pairs
        Patient by patient, in time order.
    alone
        Patients with one scan only.
    """
    pairs, alone = [], []
    for patient in patients(tuple(entries)):
        baseline, *follow_ups = in_time_order(tuple(entries), patient)
        pairs += [Pair(baseline, follow_up) for follow_up in follow_ups]
        if not follow_ups:
            alone.append(patient)
    return pairs, alone


def folder_name(text: str) -> str:
    """Make a folder's name of a patient or a time point.

    Parameters
    ----------
    text
        Anything.

    Returns
    -------
    str
        Letters, digits, dots and hyphens; where that changed the text, a mark that keeps it apart from others.

    Examples
    --------
    >>> folder_name("P01"), folder_name("a/b")
    ('P01', 'a_b-c14cddc0')
    """
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", text).strip(".") or "_"
    return safe if safe == text else f"{safe}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def pair_task(
    pair: Pair,
    options: RegistrationOptions,
    keep: str,
    checksums: Mapping[Path, str],
    folder: Path,
    changes: bool = False,
) -> Task:
    """Make the task that registers and scores a pair.

    Parameters
    ----------
    pair
        The pair.
    options
        Of the registration.
    keep
        What is written of it, see registration.KEEP.
    checksums
        Of all its files.
    folder
        Of the cohort's results.
    changes
        Whether what has changed is looked for too.

    Returns
    -------
    Task
        Its key depends on the contents of the files, the options, the version of the code and the networks' weights,
        not on names or threads.
    """
    inputs = pair.inputs
    counted = {role: checksums[path] for role, path in inputs.items()}
    asked = {name: value for name, value in asdict(options).items() if name not in ("threads", "niftyreg_folder")}
    own = folder / "pairs" / folder_name(pair.follow_up.patient) / folder_name(pair.follow_up.time_point)
    arguments: dict[str, Any] = {
        "inputs": {role: str(path.resolve()) for role, path in inputs.items()},
        "checksums": counted,
        "options": options,
        "keep": keep,
        "folder": str(own.resolve()),
        "changes": changes,
    }
    key = task_key(
        work="register",
        pair=(pair.follow_up.patient, pair.baseline.time_point, pair.follow_up.time_point),
        inputs=counted,
        options=asked,
        keep=keep,
        version=CODE_VERSION,
        weights=shipped_checksums(),
        **({"changes": True} if changes else {}),
    )
    return Task(pair.name, key, register_pair, arguments, tuple(str(own / name) for name in written_files(keep)))
