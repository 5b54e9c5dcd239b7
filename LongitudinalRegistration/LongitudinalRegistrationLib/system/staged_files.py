"""The files of a result: written beside the work that goes on, put in place together at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

from TableRemovalLib.errors import InputError
from TableRemovalLib.owned_folders import READY, STALE, make_owned_folder, remove_owned_folder, settle

WRITERS = 2
PATIENCE_S = 1.0
"""How long an interrupted program waits for a file: a library that finds no folder to open it in says so by itself."""


class StagedFiles:
    """Writes files in threads of its own into a hidden folder within the target; `publish` moves them into place.

    The hidden folder is there from the first file on. As a context manager it waits for what is being written, where
    the program is interrupted for PATIENCE_S at most, and takes the hidden folder away; what was not published is gone
    then, and an earlier run's results are untouched.

    Parameters
    ----------
    folder
        The target, an existing folder.
    """

    def __init__(self, folder: Path):
        self._folder = Path(folder)
        self._owned: Path | None = None
        self._pool = ThreadPoolExecutor(WRITERS, thread_name_prefix="longct-write")
        self._writing: dict[str, Future] = {}

    def __enter__(self) -> StagedFiles:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        interrupted = kind is KeyboardInterrupt
        self._pool.shutdown(wait=not interrupted, cancel_futures=True)
        if interrupted:
            wait(self._writing.values(), PATIENCE_S)
        if self._owned is not None:
            remove_owned_folder(self._owned)

    def write(self, name: str, write: Callable[[Path], object]) -> Future:
        """Have `write` called with the path of a file of this name; what goes wrong is told by `publish`."""
        self._writing[name] = self._pool.submit(write, self.folder / name)
        return self._writing[name]

    @property
    def folder(self) -> Path:
        """The hidden folder; what is put into it is published with the rest."""
        if self._owned is None:
            self._owned = make_owned_folder(self._folder)
        staging = self._owned / "staging"
        staging.mkdir(exist_ok=True)
        return staging

    def wait(self) -> None:
        """Wait until all is written.

        Raises
        ------
        InputError
            If a file could not be written.
        """
        try:
            for written in self._writing.values():
                written.result()
        except InputError as error:
            raise InputError(str(error).replace(str(self.folder), str(self._folder))) from error

    def publish(self, earlier: Iterable[str] = ()) -> None:
        """Wait until all is written, remove an earlier run's files, and put these in their place.

        A process that is killed meanwhile leaves a folder that the next one in this place finishes (see sweep).

        Raises
        ------
        InputError
            If a file could not be written; nothing has changed in the target then.
        """
        self.wait()
        staging = self.folder
        assert self._owned is not None
        stale = sorted(set(earlier) - {path.name for path in staging.iterdir()})
        try:
            (self._owned / STALE).write_text("\n".join(stale), encoding="utf-8")
            staging.rename(self._owned / READY)
            settle(self._owned)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise InputError(f"{self._folder} could not be written ({reason}): check space and permissions.") from error
