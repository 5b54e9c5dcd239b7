"""The panel's end of `TableRemovalLib.scan_worker`: starts the process, hands it scans and requests, looks for answers.

Nothing here waits for the process. Nothing it does can touch the scene: it works on a copy of the voxels.
"""

import contextlib
import dataclasses
import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from TableRemovalLib.owned_folders import PREFIX, make_owned_folder, remove_owned_folder

from TableRemovalSlicer.child_process import environmentWith

PATIENCE_S = 5.0
ANSWERS = ("labels-*", "base-*", "sheets-*", "done-*")


@dataclasses.dataclass(frozen=True)
class Answer:
    """The answer to a request: an error message, or records (SliceRecord), labels and base masks of the scan.

    labels: uint8 [k, j, i], see overlay_labels. base: uint8 [k, j, ceil(i / 8)], the masks without overrides as bits.
    sheets: uint8 [j, i]. axial: whether single slices can be edited. remark: a sentence about the whole scan, or empty.
    """

    request: int
    error: str = ""
    records: tuple = ()
    labels: object = None
    base: object = None
    sheets: object = None
    axial: bool = True
    seconds: float = 0.0
    remark: str = ""


class ScanWorkerProcess:
    """One process and its folder; `close` ends both."""

    def __init__(self):
        self._process, self._folder = None, None
        self._scan, self._request, self._answered = -1, 0, 0

    @property
    def busy(self):
        """Whether a request waits for its answer."""
        return self._answered < self._request

    def takeScan(self, array, geometry):
        """Hand over a scan: voxels in HU [k, j, i], and (spacing, origin, direction) in LPS and mm."""
        self._ensureRunning()
        self._remove("scan-*", "ready-*")
        self._scan += 1
        np.save(self._folder / f"scan-{self._scan}.npy", array)
        record = dict(zip(("spacing", "origin", "direction"), geometry, strict=True))
        self._write(f"scan-{self._scan}.json", record)

    def ask(self, state):
        """Ask for the mask of the scan handed over last under an EditState; replaces the request before."""
        self._ensureRunning()
        self._request += 1
        self._remove(*ANSWERS)
        options = dataclasses.asdict(state.options)
        record = {"id": self._request, "scan": self._scan, "options": options, "overrides": state.overrides.to_json()}
        self._write("request.json", record)

    def drop(self):
        """Take the request back; the process stays for the next scan."""
        if self._folder is None or not self.busy:
            return
        self._request += 1
        self._answered = self._request
        self._write("request.json", {"id": self._request, "scan": None})

    def compiled(self):
        """Whether the compiled code for the present scan's voxels is on disk."""
        return self._folder is not None and (self._folder / f"ready-{self._scan}").exists()

    def progress(self):
        """Return (stage, fraction): "starting", "compiling" or "computing"."""
        try:
            record = json.loads((self._folder / "progress.json").read_text(encoding="utf-8"))
        except (OSError, ValueError, TypeError):
            return "starting", 0.0
        return (record["stage"], record["fraction"]) if record["id"] == self._request else ("starting", 0.0)

    def poll(self):
        """Return the Answer to the last request once it is there, before that None."""
        if not self.busy:
            return None
        done = self._folder / f"done-{self._request}.json"
        if done.exists():
            self._answered = self._request
            return self._read(json.loads(done.read_text(encoding="utf-8")))
        if self._process.poll() is not None:
            self._answered = self._request
            return Answer(self._request, error=self._lastWords())
        return None

    def close(self):
        """End the process and remove its folder."""
        if self._process is not None:
            self._process.stdin.close()
            try:
                self._process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._folder is not None:
            remove_owned_folder(self._folder)
        self._process, self._folder = None, None
        self._answered = self._request

    def _ensureRunning(self):
        if self._process is not None and self._process.poll() is None:
            return
        keep = self._scan >= 0 and self._folder is not None
        if not keep:
            self._folder = make_owned_folder(Path(tempfile.gettempdir()), PREFIX)
        from TableRemovalSlicer.packages import libraryFolders, moduleCommand

        hidden = {"creationflags": subprocess.CREATE_NO_WINDOW} if os.name == "nt" else {}
        with open(self._folder / "errors.txt", "wb") as errors:
            self._process = subprocess.Popen(
                moduleCommand("TableRemovalLib.scan_worker", str(self._folder)),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=environmentWith(libraryFolders("TableRemovalLib")),
                **hidden,
            )

    def _read(self, record):
        if "error" in record:
            return Answer(self._request, error=record["error"])
        from TableRemovalLib.quality import SliceRecord

        records = tuple(SliceRecord(**{**entry, "flags": tuple(entry["flags"])}) for entry in record["records"])
        arrays = {name: np.load(self._folder / f"{name}-{self._request}.npy") for name in ("labels", "base", "sheets")}
        self._remove(*ANSWERS)
        told = {name: record[name] for name in ("axial", "seconds", "remark")}
        return Answer(self._request, "", records, **told, **arrays)

    def _remove(self, *patterns):
        for pattern in patterns:
            for old in self._folder.glob(pattern):
                with contextlib.suppress(OSError):
                    old.unlink()

    def _lastWords(self):
        lines = (self._folder / "errors.txt").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f"The computation stopped with code {self._process.returncode}: {lines[-1] if lines else 'no message'}"

    def _write(self, name, record):
        part = self._folder / f"{name}.new"
        part.write_text(json.dumps(record), encoding="utf-8")
        os.replace(part, self._folder / name)
