"""Where tasks run: processes of this machine, or a Dask cluster that is there already."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeVar

from TableRemovalLib.errors import InputError

if TYPE_CHECKING:
    from distributed import Client

_Opened = TypeVar("_Opened")

PACKAGES = ("dask", "distributed", "pyarrow", "matplotlib")
WORKER_BYTES = 3 << 30
REACH_S, PATIENCE_S = 20, 120
"""How long a scheduler is called, and how long its first worker is waited for."""
MOST_DEATHS = 2
_PATIENT = {
    "distributed.deploy.lost-worker-timeout": "10 minutes",
    "distributed.comm.timeouts.connect": "2 minutes",
    "distributed.scheduler.worker-ttl": "30 minutes",
    "distributed.scheduler.no-workers-timeout": "30 minutes",
}
"""Else Dask gives up on a worker that needs more than 15 s to start again, as it does on a busy machine, and waits for
ever where none is left. That a process has ended is noticed at once all the same."""
_AT_START = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Variables that bound threads and are read when a process starts: Dask sets them in the caller before it does."""
_LATER = ("NUMBA_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")
"""Those that are read when a library is loaded: in the workers only, as numba in the caller must not see a change."""


@dataclass(frozen=True)
class ClusterOptions:
    """Where tasks run.

    Attributes
    ----------
    scheduler
        Address of a Dask scheduler; None: processes of this machine.
    workers
        Processes of this machine; None: see share_cores.
    threads
        Of each worker; None: see share_cores; on a cluster one.
    """

    scheduler: str | None = None
    workers: int | None = None
    threads: int | None = None

    def isValid(self) -> tuple[bool, str]:
        """Say whether the options make sense, and if not, what to change."""
        if self.scheduler and self.workers:
            return False, "workers are for this machine; a cluster has its own: leave out --workers or --scheduler."
        if any(number is not None and number < 1 for number in (self.workers, self.threads)):
            return False, "workers and threads must be 1 or more."
        return True, ""


def packages_missing() -> str:
    """Say which packages of the optional part are missing, and how to get them; empty if none is."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if not missing:
        return ""
    return f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed: pip install 'longct[cohort]'"


def share_cores(cores: int, memory_bytes: int, workers: int | None, threads: int | None) -> tuple[int, int]:
    """Share the cores of a machine among workers, none of them used twice.

    Parameters
    ----------
    cores
        Of the machine.
    memory_bytes
        Of the machine.
    workers, threads
        What was asked for; None: as many workers as there are cores and memory for (3 GB each), and the cores shared
        out among them.

    Returns
    -------
    workers, threads
        Processes, and threads of each.

    Examples
    --------
    >>> share_cores(16, 32 << 30, None, None)
    (10, 1)
    >>> share_cores(16, 32 << 30, 4, None)
    (4, 4)
    >>> share_cores(16, 32 << 30, None, 8)
    (2, 8)
    """
    if workers is None:
        workers = max(1, min(cores // (threads or 1), memory_bytes // WORKER_BYTES))
    return workers, threads or max(1, cores // workers)


@contextmanager
def connect(options: ClusterOptions) -> Iterator[Client]:
    """Start workers, or reach those of a cluster; they are warm when it gives the client.

    Parameters
    ----------
    options
        Where.

    Yields
    ------
    distributed.Client
        Closed at the end, with the workers of this machine.

    Raises
    ------
    InputError
        If the options are not valid, packages are missing, or the cluster cannot be reached or has no worker.
    """
    ok, reason = options.isValid()
    if not ok:
        raise InputError(reason)
    if reason := packages_missing():
        raise InputError(reason)
    import dask

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with dask.config.set({"distributed.scheduler.allowed-failures": MOST_DEATHS}):
        opened = _remote(options.scheduler, options.threads or 1) if options.scheduler else _local(options)
        with opened as client:
            yield client


@contextmanager
def _kept(names: tuple[str, ...]) -> Iterator[None]:
    """Put variables of the environment back at the end."""
    before = {name: os.environ.get(name) for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextmanager
def _closing(manager: AbstractContextManager[_Opened]) -> Iterator[_Opened]:
    """Open, and close at the end; closing too late (a busy machine) neither hides a stop nor fails what is done."""
    opened = manager.__enter__()
    try:
        yield opened
    finally:
        with suppress(asyncio.TimeoutError, TimeoutError):  # not the same before Python 3.11
            manager.__exit__(None, None, None)


@contextmanager
def _local(options: ClusterOptions) -> Iterator[Client]:
    import dask
    from dask.system import CPU_COUNT
    from distributed import Client, LocalCluster
    from distributed.system import MEMORY_LIMIT

    from ..pipeline.warm_up import warm_up
    from .worker import Warm

    workers, threads = share_cores(CPU_COUNT, MEMORY_LIMIT, options.workers, options.threads)
    warm_up()  # compiles where nobody has yet: once here, not in every worker
    bounds = {f"distributed.nanny.pre-spawn-environ.{name}": str(threads) for name in _AT_START}
    bounds |= {f"distributed.nanny.environ.{name}": str(threads) for name in _LATER}
    with (
        _kept(_AT_START),
        dask.config.set({**bounds, **_PATIENT}),
        _closing(
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                memory_limit=MEMORY_LIMIT // workers,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            )
        ) as cluster,
        _closing(Client(cluster)) as client,
    ):
        client.register_plugin(Warm(threads))
        yield client


@contextmanager
def _remote(address: str, threads: int) -> Iterator[Client]:
    from distributed import Client

    from .worker import Warm

    try:
        client = Client(address, timeout=REACH_S)
    except (OSError, ValueError) as error:
        raise InputError(f"There is no Dask scheduler at {address}: check the address.") from error
    with _closing(client):
        try:
            client.wait_for_workers(1, timeout=PATIENCE_S)
        except asyncio.TimeoutError as error:  # not the built-in one before Python 3.11
            raise InputError(f"No worker has come to {address} within {PATIENCE_S} s: start some.") from error
        several = [name for name, slots in client.nthreads().items() if slots > 1]
        if several:
            raise InputError(
                f"{several[0]} does several tasks at once in one process: start workers with --nthreads 1, and say "
                "with --threads how many cores a task may use."
            )
        client.register_plugin(Warm(threads))
        yield client
