"""Time and progress of the stages of a job."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STAGES = (
    *("read", "body_mask", "affine", "load", "grid", "network", "refinement", "niftyreg", "judge"),
    *("warp", "score", "write"),
)
TO_TRANSFORM = ("affine", "load", "grid", "network", "refinement", "niftyreg", "judge")
Progress = Callable[[str, float], None]


class Stages:
    """Seconds spent in each stage, and where the work is.

    Parameters
    ----------
    progress
        Called with the stage's name and the part of it that is done, 0 to 1.
    """

    def __init__(self, progress: Progress | None = None):
        self._progress = progress
        self._begun = time.monotonic()
        self.seconds = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[float], None]]:
        """Measure a block; gives the function that takes its progress, 0 to 1."""
        begun = time.monotonic()
        self._report(name, 0.0)
        try:
            yield lambda fraction: self._report(name, fraction)
        finally:
            self.seconds[name] += time.monotonic() - begun
        self._report(name, 1.0)

    def _report(self, name: str, fraction: float) -> None:
        if self._progress:
            self._progress(name, float(fraction))

    def report(self) -> dict[str, float]:
        """Seconds of every stage, from prepared scans to the transform, and in total, rounded to milliseconds."""
        to_transform = sum(self.seconds[name] for name in TO_TRANSFORM)
        sums = {"to_transform": to_transform, "total": time.monotonic() - self._begun}
        return {name: round(value, 3) for name, value in {**self.seconds, **sums}.items()}
