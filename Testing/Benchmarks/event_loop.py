"""How long turns of an event loop take, and where in our own code the time of the longest goes."""

from __future__ import annotations

import collections
import contextlib
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STEP_S, MOST_LINES = 0.004, 4


class Turn:
    """A turn: what it was for, how long it took, how much of that its thread ran, how often each place was seen."""

    def __init__(self, phase: str):
        self.phase, self.seconds, self.own = phase, 0.0, 0.0
        self.seen: collections.Counter = collections.Counter()


class EventLoop:
    """Watches turns of the thread that makes it: another thread looks every STEP_S where it is."""

    def __init__(self) -> None:
        self._watched, self._turn = threading.get_ident(), None
        self._longest: dict = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> EventLoop:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join()

    @contextlib.contextmanager
    def turn(self, phase: str):
        """Measure what is done within; what is given may get another `phase` before its end."""
        turn = Turn(phase)
        begun, own = time.perf_counter(), time.thread_time()
        self._turn = turn
        try:
            yield turn
        finally:
            self._turn = None
            turn.seconds, turn.own = time.perf_counter() - begun, time.thread_time() - own
            known = self._longest.get(turn.phase)
            if known is None or turn.seconds > known.seconds:
                self._longest[turn.phase] = turn

    def longest(self, phase: str) -> str:
        """Return the longest turn of a kind as text: seconds, those of the processor (less on a busy computer), and the
        places seen most; "" where there was none."""
        turn = self._longest.get(phase)
        if turn is None:
            return ""
        total = max(sum(turn.seen.values()), 1)
        places = [f"{place} {100 * count / total:.0f} %" for place, count in turn.seen.most_common(MOST_LINES)]
        return f"{turn.seconds:.3f} s ({turn.own:.3f} s of processor): {', '.join(places)}"

    def _watch(self) -> None:
        while not self._ended.wait(STEP_S):
            turn = self._turn
            frame = sys._current_frames().get(self._watched)
            if turn is not None and frame is not None:
                turn.seen[_place(frame)] += 1


def _place(frame) -> str:
    """Name the innermost function of our modules that a frame is in, or the innermost function at all."""
    inner = frame
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / "Testing"):
            return f"{path.stem}.{frame.f_code.co_name}"
        frame = frame.f_back
    return f"{Path(inner.f_code.co_filename).stem}.{inner.f_code.co_name}"
