"""Undo and redo over immutable states, one step per action."""

from __future__ import annotations

from typing import Generic, TypeVar

State = TypeVar("State")

SAME_ACTION_S = 1.0


class History(Generic[State]):
    """Remembers states; the current one is `state`.

    A slider that is being dragged changes the state many times: changes with the same `action` that follow each
    other within a second are one step.
    """

    def __init__(self, state: State) -> None:
        self._done: list[State] = [state]
        self._undone: list[State] = []
        self._last: tuple[str | None, float] = (None, 0.0)

    @property
    def state(self) -> State:
        """The current state."""
        return self._done[-1]

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return len(self._done) > 1

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to take again."""
        return bool(self._undone)

    def do(self, state: State, action: str | None = None, now_s: float = 0.0) -> bool:
        """Make `state` the current one; returns whether that changed anything.

        action names what goes on, or is None for a step of its own; now_s is any clock's time in seconds.
        """
        if state == self.state:
            return False
        if action is not None and self._last[0] == action and now_s - self._last[1] < SAME_ACTION_S:
            self._done[-1] = state
        else:
            self._done.append(state)
        self._last = (action, now_s)
        self._undone.clear()
        return True

    def shown(self, now_s: float) -> None:
        """The current state is on the screen: the second in which a drag goes on counts from here."""
        self._last = (self._last[0], now_s)

    def undo(self) -> State:
        """Take the last step back and return the state."""
        if self.can_undo:
            self._undone.append(self._done.pop())
        self._last = (None, 0.0)
        return self.state

    def redo(self) -> State:
        """Take the step again that was taken back last and return the state."""
        if self.can_redo:
            self._done.append(self._undone.pop())
        self._last = (None, 0.0)
        return self.state
