"""A process that stays warm: network loaded, kernels compiled, scans prepared, so that a registration starts at once.

    python -m LongitudinalRegistrationLib.pipeline.worker FOLDER

It reads commands from standard input and answers on standard output, one JSON object a line. Images travel as files in
FOLDER (see shared_arrays), which whoever reads them removes.

Commands:

- {"do": "prepare", "scan": KEY, "image": {...}, "table_removal": bool}
- {"do": "register", "job": N, "fixed": KEY, "moving": KEY, "options": {...}, "labels": {"fixed": {...}, "moving":
  {...}, "keep_volume": {...}}, "label_names": {NUMBER: NAME}}: options as in RegistrationOptions, refinement_options
  among them; each label image, and the names of labels that are no vertebra's, may be left out
- {"do": "changes", "changes": N, "fixed": KEY, "moving": KEY, "transform": [...], "region": NAME, "labels": {...},
  "expected_error": {...} or null}: what has changed between two scans; transform as take_transform has it; labels as
  for "register"
- {"do": "cancel", "job": N}

Answers:

- {"event": "warming", "text": WORDS, "fraction": F}, where kernels are compiled first; {"event": "ready", "seconds": S,
  "network": WORDS}: what runs the network and its version, empty where nothing does
- {"event": "prepared", "scan": KEY, "seconds": S}; {"event": "refused", "scan": KEY,
  "message": TEXT}
- {"event": "missing", "job": N, "scans": [KEY, ...]}: these were let go, or never came; nothing was done, prepare them
  and register again
- {"event": "progress", "job": N, "stage": NAME, "fraction": F}
- {"event": "transform", "job": N, "affine": 16 numbers (LPS, mm, row by row), "field": {...}, "expected_error":
  {...} or null, "report": {...}}: the transform T(x) = A(x + u(x)), as soon as it is known, and its error, mm
- {"event": "registered", "job": N, "image": {...}}: the registered volume
- {"event": "result", "job": N, "report": {...}}: all scores
- {"event": "failed", "job": N, "message": TEXT}, {"event": "cancelled", "job": N}
- {"event": "changes", "changes": N, "layers": {...}, "labels": {...}, "content": {...}}: see
  changes_message.changes_answer
- {"event": "changes failed", "changes": N, "message": TEXT}
- {"event": "changes put off", "changes": N, "scans": [KEY, ...]}: a registration was asked for meanwhile, or these
  scans were let go; nothing was done, ask again

The process ends, with its children and the folder, when its standard input is closed, thus also when the one who
started it dies.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from ..changes.options import ChangeOptions
from ..methods.method import Problem
from ..methods.network.architectures.catalogue import DEFAULT_NETWORK
from ..methods.network.runtime import runtime_words
from ..methods.refinement.options import RefinementOptions
from ..scan.geometry import linear_matrix
from ..scan.pyramid import ScanPyramid
from ..system.parallel import bound_threads
from ..system.programs import end_programs
from ..system.shared_arrays import save_image, take_image
from .changes import Labelled, find_all_changes
from .changes_message import changes_answer, take_transform
from .choice import solve
from .options import RegistrationOptions
from .registration import Registered, check_labels, check_ready, finish, prepare
from .report_content import quick_content, result_content
from .stages import Stages
from .warm_up import load

MOST_SCANS = 4
SAY_EVERY_S = 0.05
FAILURES = (MemoryError, RuntimeError, OSError, ValueError)
"""What a command may raise, an InputError and a singular matrix among it: it is told, and the worker goes on."""


class Cancelled(Exception):
    """The job is not wanted any more."""


class Worker:
    """Holds prepared scans and does what it is told, one command after the other."""

    def __init__(self, folder: Path, output: TextIO):
        self._folder, self._output = folder, output
        self._commands: queue.SimpleQueue = queue.SimpleQueue()
        self._scans: OrderedDict[str, ScanPyramid] = OrderedDict()
        self._refusals: dict[str, str] = {}
        self._cancelled: set[int] = set()
        self._waiting: set[int] = set()
        self._said = 0.0

    def listen(self, source: Iterable[str]) -> None:
        """Take commands as they come; end the process when there can be no more."""
        for line in source:
            command = json.loads(line)
            if command["do"] == "cancel":
                self._cancelled.add(command["job"])
                end_programs()
            elif command["do"] == "register":
                self._waiting.add(command["job"])
            self._commands.put(command)
        end_programs()
        shutil.rmtree(self._folder, ignore_errors=True)
        os._exit(0)

    def serve(self) -> None:
        """Warm up, then work."""
        begun = time.monotonic()
        load(RegistrationOptions(), lambda text, part: self._say(event="warming", text=text, fraction=round(part, 3)))
        self._say(event="ready", seconds=round(time.monotonic() - begun, 2), network=runtime_words(DEFAULT_NETWORK))
        work = {"prepare": self._prepare, "register": self._register, "changes": self._find_changes}
        while True:
            command = self._commands.get()
            if command["do"] in work:
                work[command["do"]](command)

    def _say(self, **event: Any) -> None:
        self._output.write(json.dumps(event) + "\n")
        self._output.flush()

    def _prepare(self, command: dict) -> None:
        key, begun = command["scan"], time.monotonic()
        try:
            image = take_image(self._folder, command["image"])
            options = RegistrationOptions(table_removal=command["table_removal"])
            self._scans[key] = prepare(image, options)
        except FAILURES as error:
            self._refusals[key] = _words(error)
            self._say(event="refused", scan=key, message=_words(error))
            return
        while len(self._scans) > MOST_SCANS:
            self._scans.popitem(last=False)
        self._say(event="prepared", scan=key, seconds=round(time.monotonic() - begun, 3))

    def _register(self, command: dict) -> None:
        job = command["job"]
        self._waiting.discard(job)
        try:
            self._run(job, command)
        except Cancelled:
            self._say(event="cancelled", job=job)
        except FAILURES as error:
            if job in self._cancelled:
                self._say(event="cancelled", job=job)
            else:
                self._say(event="failed", job=job, message=_words(error))

    def _run(self, job: int, command: dict) -> None:
        def progress(stage: str, fraction: float) -> None:
            if job in self._cancelled:
                raise Cancelled
            now = time.monotonic()
            if fraction in (0.0, 1.0) or now - self._said > SAY_EVERY_S:
                self._said = now
                self._say(event="progress", job=job, stage=stage, fraction=round(fraction, 3))

        missing = [command[side] for side in ("fixed", "moving") if not self._knows(command[side])]
        if missing:
            self._say(event="missing", job=job, scans=missing)
            return
        labels = {name: take_image(self._folder, record) for name, record in command.get("labels", {}).items()}
        options = _options(command["options"])
        check_ready(options)
        bound_threads(options.thread_count)
        fixed, moving = (self._scan(command[side]) for side in ("fixed", "moving"))
        check_labels(labels.get("fixed"), fixed.image, "fixed")
        check_labels(labels.get("moving"), moving.image, "moving")
        check_labels(labels.get("keep_volume"), fixed.image, "keep-volume", "fixed")
        stages = Stages(progress)
        problem = Problem(fixed, moving, stages, labels.get("keep_volume"))
        solution = solve(problem, options)
        candidate = solution.candidate
        self._say(
            event="transform",
            job=job,
            affine=linear_matrix(candidate.affine).ravel().tolist(),
            field=save_image(sitk.Cast(candidate.field, sitk.sitkVectorFloat32), self._folder, f"field-{job}.npy"),
            expected_error=candidate.expected_error
            and save_image(candidate.expected_error, self._folder, f"expected-error-{job}.npy"),
            report=quick_content(solution, stages),
        )

        def say_registered(registered: Registered) -> None:
            record = save_image(registered.image, self._folder, f"registered-{job}.npy")
            self._say(event="registered", job=job, image=record)

        names = {int(value): name for value, name in command.get("label_names", {}).items()}
        result = finish(problem, solution, options, labels.get("fixed"), labels.get("moving"), say_registered, names)
        self._say(event="result", job=job, report=result_content(result))

    def _find_changes(self, command: dict) -> None:
        """Compare two scans; a registration that is asked for meanwhile comes first."""
        number = command["changes"]

        def pause() -> None:
            if self._waiting:
                raise Cancelled

        try:
            transform = take_transform(self._folder, command["transform"])
            labels = {name: take_image(self._folder, record) for name, record in command["labels"].items()}
            error = command.get("expected_error") and take_image(self._folder, command["expected_error"])
            missing = [command[side] for side in ("fixed", "moving") if not self._knows(command[side])]
            if missing:
                self._say(event="changes put off", changes=number, scans=missing)
                return
            pause()
            scans = {side: self._scan(command[side]) for side in ("fixed", "moving")}
            for side, scan in scans.items():
                check_labels(labels.get(side), scan.image, side)
            fixed, moving = (Labelled(scan.image, scan.mask, labels.get(side)) for side, scan in scans.items())
            options = ChangeOptions(region=command["region"])
            changes = find_all_changes(fixed, moving, transform, options, pause=pause, expected_error=error)
            self._say(event="changes", changes=number, **changes_answer(changes, self._folder, number))
        except Cancelled:
            self._say(event="changes put off", changes=number, scans=[])
        except FAILURES as error:
            self._say(event="changes failed", changes=number, message=_words(error))

    def _scan(self, key: str) -> ScanPyramid:
        if key in self._refusals:
            raise InputError(self._refusals[key])
        self._scans.move_to_end(key)
        return self._scans[key]

    def _knows(self, key: str) -> bool:
        return key in self._scans or key in self._refusals


def _options(record: dict) -> RegistrationOptions:
    refinement = RefinementOptions(**record.pop("refinement_options", {}))
    return RegistrationOptions(**record, refinement_options=refinement)


def _words(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "The memory does not suffice: close other programs, or crop the scans."
    return str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__


def main() -> None:
    """Serve the folder named on the command line."""
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    worker = Worker(Path(sys.argv[1]), output)
    threading.Thread(target=worker.listen, args=(sys.stdin,), daemon=True).start()
    worker.serve()


if __name__ == "__main__":
    main()
