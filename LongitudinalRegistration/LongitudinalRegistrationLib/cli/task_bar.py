"""How far many tasks are, and how long the rest will take."""

from __future__ import annotations

import time

from .console import Console


class TaskBar:
    """How many tasks are done, how many have failed, and how long the rest will take.

    Parameters
    ----------
    console
        Where it is shown.
    words
        What is done.
    """

    def __init__(self, console: Console, words: str):
        self._console, self._words = console, words
        self._begun = time.monotonic()

    def started(self, dashboard: str, workers: int) -> None:
        """Say where the work can be watched; the time counts from here."""
        self._begun = time.monotonic()
        text = f"{workers} worker{'s' if workers > 1 else ''}; watch them at {dashboard}"
        self._console.note(text, dashboard=dashboard, workers=workers)

    def progress(self, done: int, total: int, failed: int) -> None:
        """Show where the work is; see cohort.engine.run_tasks."""
        if total:
            self._console.tasks(self._words, done, total, failed, time.monotonic() - self._begun)
