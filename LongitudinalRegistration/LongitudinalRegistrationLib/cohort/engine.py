"""Have tasks done by a cluster: done ones are left out, failures are told, a lost worker's task is done by another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .ledger import Ledger
from .task import FAILED, LOST, Record, Task

if TYPE_CHECKING:
    from distributed import Client, Future

AHEAD = 3
"""Tasks a worker that the scheduler knows at once: enough to keep it busy, few enough for a million to pass by."""
Progress = Callable[[int, int, int], None]


def still_to_do(tasks: Sequence[Task], ledger: Ledger) -> list[Task]:
    """List the tasks that have not succeeded, or whose files have gone since.

    Parameters
    ----------
    tasks
        All.
    ledger
        What is known of them.

    Returns
    -------
    list of Task
        In the same order.
    """
    return [
        task for task in tasks if ledger.done(task.key) is None or not all(Path(name).exists() for name in task.outputs)
    ]


def run_tasks(client: Client, tasks: Sequence[Task], ledger: Ledger, progress: Progress | None = None) -> list[Record]:
    """Have all tasks done that are not done yet.

    Parameters
    ----------
    client
        Of the cluster.
    tasks
        With different keys; nearly in the order in which they should be done.
    ledger
        Knows what is done, and is told the rest as it comes.
    progress
        Called at the beginning and after each task: how many of those that were to be done are, how many there are,
        how many of them have failed.

    Returns
    -------
    list of Record
        Of all tasks, in their order.
    """
    todo = still_to_do(tasks, ledger)
    report = progress or (lambda done, total, failed: None)
    failed = 0
    report(0, len(todo), 0)
    for number, record in enumerate(_records(client, todo), start=1):
        ledger.add(record)
        failed += record.state == FAILED
        report(number, len(todo), failed)
    return ledger.records(task.key for task in tasks)


def _records(client: Client, tasks: Sequence[Task]) -> Iterator[Record]:
    """The records of the tasks, as they come."""
    from distributed import as_completed

    waiting = iter(tasks)
    running: dict[str, tuple[Task, Future]] = {}
    completed = as_completed()

    def submit() -> None:
        room = AHEAD * max(1, len(client.nthreads())) - len(running)
        for _, task in zip(range(room), waiting, strict=False):
            future = client.submit(_perform(), task.function, task.arguments, key=f"longct-{task.key}", pure=False)
            running[str(future.key)] = task, future
            completed.add(future)

    try:
        submit()
        while running:
            future = next(completed)
            task, _ = running.pop(str(future.key))
            yield Record(task.key, task.name, **_told(future))
            submit()
    finally:
        for _, future in running.values():
            future.cancel()


def _perform() -> Callable[..., dict[str, Any]]:
    from .worker import perform

    return perform


def _told(future: Future) -> dict[str, Any]:
    """What a worker has told of its task; where it could not, because it died every time, that."""
    if future.status == "finished":
        return future.result()
    error = future.exception()
    words = f"The worker died, again and again: too little memory? ({type(error).__name__})"
    return {"state": FAILED, "kind": LOST, "error": words}


def lost_workers(client: Client) -> int:
    """Count the workers that have died while they had something to do.

    Parameters
    ----------
    client
        Of the cluster.

    Returns
    -------
    int
        Since the scheduler was started.
    """
    events = [event for _, event in client.get_events("all") if isinstance(event, dict)]
    return sum(event.get("action") == "remove-worker" and bool(event.get("processing-tasks")) for event in events)
