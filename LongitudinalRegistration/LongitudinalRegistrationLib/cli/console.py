"""What the command line shows: progress, results, errors."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

STAGE_WORDS = {
    "read": "Reading",
    "body_mask": "Removing the table",
    "affine": "Affine alignment",
    "load": "Loading the network",
    "grid": "Resampling",
    "network": "Network",
    "refinement": "Refinement",
    "niftyreg": "NiftyReg",
    "judge": "Judging",
    "warp": "Warping",
    "score": "Scoring",
    "write": "Writing",
    "phantom": "Making the phantom",
    "simulate": "Simulating",
    "evaluate": "Scoring",
}


class Console:
    """Progress bars on a terminal; one JSON object a line with --json; quiet otherwise."""

    def __init__(self, as_json: bool = False):
        self.as_json = as_json
        self._bar: tqdm | None = None
        self._stage = ""

    def progress(self, stage: str, fraction: float) -> None:
        """Show how far a stage is, 0 to 1."""
        if self.as_json:
            self._line({"progress": {"stage": stage, "fraction": round(fraction, 3)}})
        elif sys.stderr.isatty():
            self._advance(stage, fraction)

    def _advance(self, stage: str, fraction: float) -> None:
        if stage != self._stage or self._bar is None:
            self.close()
            self._stage = stage
            words = STAGE_WORDS.get(stage, stage)
            self._bar = tqdm(
                total=100,
                desc=f"{words:<20}",
                bar_format="{desc} {bar:30} {percentage:3.0f} %  {elapsed}",
                leave=False,
                delay=0.5,
                file=sys.stderr,
            )
        self._bar.update(100 * fraction - self._bar.n)

    def say(self, text: str, fraction: float) -> None:
        """A line of a long job, on standard error; with --json an object with the part that is done."""
        if self.as_json:
            self._line({"progress": {"stage": "train", "fraction": round(fraction, 4), "text": text}})
        else:
            print(f"{100 * fraction:5.1f} %  {text}", file=sys.stderr, flush=True)

    def note(self, text: str, **content: object) -> None:
        """Tell something that is no result, on standard error; with --json the content."""
        if self.as_json:
            self._line({"note": content})
        else:
            print(text, file=sys.stderr, flush=True)

    def tasks(self, words: str, done: int, total: int, failed: int, seconds: float) -> None:
        """Show how many tasks are done, and how long the rest will take at the pace so far.

        Parameters
        ----------
        words
            What is done.
        done, total, failed
            Numbers of tasks.
        seconds
            Since the first was begun.
        """
        if self.as_json:
            left = round(seconds / done * (total - done), 1) if done else None
            counts = {"done": done, "total": total, "failed": failed, "seconds_left": left}
            self._line({"progress": {"stage": "tasks", "fraction": round(done / total, 4), **counts}})
        elif sys.stderr.isatty():
            if self._bar is None:
                self._bar = tqdm(
                    total=total,
                    desc=words,
                    bar_format="{desc} {bar:30} {n_fmt} of {total_fmt}  {elapsed}, {remaining} left{postfix}",
                    leave=False,
                    smoothing=0,
                    file=sys.stderr,
                )
            self._bar.set_postfix_str(f"{failed} failed" if failed else "", refresh=False)
            self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def result(self, content: dict, text: str) -> None:
        """Print the outcome: the content with --json, else the text."""
        self.close()
        if self.as_json:
            self._line({"result": content})
        else:
            print(text, flush=True)

    @staticmethod
    def _line(content: dict) -> None:
        print(json.dumps(content), flush=True)


@contextmanager
def without_warnings() -> Iterator[None]:
    """Keep libraries' warnings off the terminal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
