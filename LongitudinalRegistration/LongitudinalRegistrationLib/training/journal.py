"""What a run tells while it goes: a CSV file, TensorBoard's (where tensorboardX is), a line with the time left."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ..system.files import write_text

Tell = Callable[[str, float], None]


def mean_scores(scores: list[dict[str, float]]) -> dict[str, float]:
    """Mean loss and mean error of what a Stepper gave for several batches."""
    return {name: float(np.mean([score[name] for score in scores])) for name in ("loss", "error")}


class Journal:
    """The log of one run.

    Parameters
    ----------
    folder
        Gets `log.csv` and `tensorboard/`.
    tell
        Called with a line of text and the part of the run that is done, 0 to 1.
    rows_kept
        Rows of an earlier log that still hold; what came after the checkpoint is written again.
    step
        The last step that holds.
    """

    def __init__(
        self, folder: Path, columns: tuple[str, ...], tell: Tell | None = None, rows_kept: int = 0, step: int = 0
    ) -> None:
        self._path, self._columns, self._tell = folder / "log.csv", columns, tell
        self.rows = self._cut_to(rows_kept)
        self._begun = time.monotonic()
        self._first_part: float | None = None
        self._writer = None
        if find_spec("tensorboardX") is not None:
            from tensorboardX import SummaryWriter

            self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1 if step else None)

    def _cut_to(self, rows: int) -> int:
        old = []
        if rows and self._path.exists():
            old = self._path.read_text(encoding="utf-8").splitlines()[1 : rows + 1]
        write_text("\n".join([",".join(self._columns), *old]) + "\n", self._path)
        return len(old)

    def write(self, step: int, values: dict) -> None:
        """One row, and its numbers to TensorBoard at this step."""
        with open(self._path, "a", newline="", encoding="utf-8") as stream:
            csv.writer(stream, lineterminator="\n").writerow([_text(values.get(name)) for name in self._columns])
        self.rows += 1
        if self._writer is None:
            return
        for name, value in values.items():
            if isinstance(value, float):
                self._writer.add_scalar(name, value, step)

    def say(self, text: str, part: float) -> None:
        """A line with the time left, from how fast this session has been."""
        if self._tell is None:
            return
        if self._first_part is None:
            self._first_part = part
        done = part - self._first_part
        left = (time.monotonic() - self._begun) * (1.0 - part) / done if done > 0 else None
        self._tell(text if left is None else f"{text}, {_duration(left)} left", part)

    def close(self) -> None:
        """Finish the TensorBoard file."""
        if self._writer is not None:
            self._writer.close()


def _text(value: object) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _duration(seconds: float) -> str:
    minutes = int(seconds // 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min {int(seconds % 60):02d} s"
