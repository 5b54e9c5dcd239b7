"""The files of a result: written beside the work that goes on, put in place together at the end."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from TableRemovalLib.errors import InputError

from .files import remove_earlier

WRITERS = 2
PATIENCE_S = 10.0


class StagedFiles:
    """Writes files in threads of its own into a hidden folder within the target; `publish` moves them into place.

    The hidden folder is there from the first file on. As a context manager it waits for what is being written, except
    where the program is interrupted, and takes the hidden folder away; what was not published is gone then, and an
    earlier run's results are untouched.

    Parameters
    ----------
    folder
        The target, an existing folder.
    """

    def __init__(self, folder: Path):
        self._folder = Path(folder)
        self._staging: Path | None = None
        self._pool = ThreadPoolExecutor(WRITERS, thread_name_prefix="longct-write")
        self._writing: dict[str, Future] = {}

    def __enter__(self) -> StagedFiles:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self._pool.shutdown(wait=kind is not KeyboardInterrupt, cancel_futures=True)
        end = time.monotonic() + PATIENCE_S
        while self._staging and self._staging.exists() and time.monotonic() < end:
            shutil.rmtree(self._staging, ignore_errors=True)  # again where a thread put a file there meanwhile

    def write(self, name: str, write: Callable[[Path], object]) -> Future:
        """Have `write` called with the path of a file of this name; what goes wrong is told by `publish`."""
        self._writing[name] = self._pool.submit(write, self.folder / name)
        return self._writing[name]

    @property
    def folder(self) -> Path:
        """The hidden folder; what is put into it is published with the rest."""
        if self._staging is None:
            self._staging = Path(tempfile.mkdtemp(prefix=".longct-", dir=self._folder))
        return self._staging

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
            raise InputError(str(error).replace(str(self._staging), str(self._folder))) from error

    def publish(self, earlier: Iterable[str] = ()) -> None:
        """Wait until all is written, remove an earlier run's files, and put these in their place.

        Raises
        ------
        InputError
            If a file could not be written; nothing has changed in the target then.
        """
        self.wait()
        remove_earlier(self._folder, earlier)
        for path in sorted(self.folder.iterdir()):
            os.replace(path, self._folder / path.name)
