"""A process that computes whole scans for a panel, so that neither computing nor compiling ever freezes it.

    python -m TableRemovalLib.scan_worker FOLDER

It talks through files in FOLDER, each written under another name and then renamed, so that the panel only ever looks
whether a file is there:

- `scan-N.npy` [k, j, i] in HU and `scan-N.json` (spacing, origin, direction: LPS, mm): written by the panel;
- `request.json` {id, scan: N, options, overrides}: written by the panel; a new one ends the work on the old one; one
  whose scan is null asks for nothing;
- `progress.json` {id, stage, fraction}: stage is "compiling" or "computing";
- `ready-N`: the compiled code for this scan's voxel type is on disk, the panel may call it without a wait;
- `done-ID.json`: {records, remark, axial, seconds} or {error}; before it `labels-ID.npy` (see overlay_labels),
  `base-ID.npy` (the masks without overrides, eight pixels of a row in a byte) and `sheets-ID.npy` (where the
  table's sheets lie).

The process ends when its standard input is closed, thus also when the panel's process dies.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import numpy as np
import SimpleITK as sitk

from TableRemovalLib.body_mask import BodyMaskResult, compute_body_mask
from TableRemovalLib.borders import tissue_of
from TableRemovalLib.columns import column_statistics
from TableRemovalLib.components import apply_clicks
from TableRemovalLib.edit_state import EditState, with_paper_values
from TableRemovalLib.edited_mask import compute_edited_mask, is_axial
from TableRemovalLib.errors import InputError
from TableRemovalLib.options import TableRemovalOptions
from TableRemovalLib.overlay_labels import REMOVED_ABOVE_HU, label_overlay
from TableRemovalLib.overrides import KEEP, ScanOverrides, overrides_from_json
from TableRemovalLib.preview import SlicePreview, ct_view, same_mask
from TableRemovalLib.slice_workers import for_slice_ranges
from TableRemovalLib.table_sheet import table_sheets

IDLE_S = 0.02


class _Superseded(Exception):
    """There is a newer request."""


@dataclass
class _HeldScan:
    """A scan that was read, and what has been computed of it.

    number: as in the names of its files. whole: the last pass over it, with the options that it was made with. sheets:
    uint8 [j, i], where the table's sheets lie.
    """

    number: int
    image: sitk.Image
    axial: bool
    whole: tuple[TableRemovalOptions, BodyMaskResult] | None = None
    sheets: np.ndarray | None = None

    def array(self) -> np.ndarray:
        """Return the voxels in HU [k, j, i], int16 or float32."""
        return ct_view(sitk.GetArrayViewFromImage(self.image))

    def table_sheets(self) -> np.ndarray:
        """Return where the table's sheets lie, uint8 [j, i]; found once."""
        if self.sheets is None:
            array = self.array()
            columns = column_statistics(array, tissue_of(array).borders(None).air_hu)
            self.sheets = table_sheets(columns, self.image.GetSpacing(), self.image.GetSize()[2])
        return self.sheets


class ScanWorker:
    """Holds the scan that was asked for last and its last result.

    Parameters
    ----------
    folder
        Where panel and worker leave files for each other: see the top of this file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: _HeldScan | None = None
        self._answered = -1

    def serve(self) -> None:
        """Answer requests until the process is ended."""
        while True:
            request = self._request()
            if request is None or request["id"] == self._answered:
                time.sleep(IDLE_S)
                continue
            self._answer(request)

    def _request(self) -> dict | None:
        try:
            return json.loads((self._folder / "request.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, PermissionError):
            return None

    def _answer(self, request: dict) -> None:
        number = self._answered = request["id"]
        try:
            scan = self._take_scan(request["scan"], number)
            state = EditState(
                options_from_dict(request["options"]), overrides_from_json(request["overrides"], scan.image.GetSize())
            )
            reply = self._compute(scan, state, number)
        except (_Superseded, FileNotFoundError):
            return
        except InputError as error:
            reply = {"error": str(error)}
        except MemoryError:
            reply = {"error": "the memory does not suffice: close other programs, or crop the scan"}
        write_whole(self._folder / f"done-{number}.json", lambda file: file.write(json.dumps(reply).encode()))

    def _take_scan(self, scan: int | None, number: int) -> _HeldScan:
        if scan is None:
            raise _Superseded
        if self._held is not None and self._held.number == scan:
            return self._held
        self._held = None
        geometry = json.loads((self._folder / f"scan-{scan}.json").read_text(encoding="utf-8"))
        image = sitk.GetImageFromArray(np.load(self._folder / f"scan-{scan}.npy", mmap_mode="r"))
        image.SetSpacing(geometry["spacing"])
        image.SetOrigin(geometry["origin"])
        image.SetDirection(geometry["direction"])
        taken = _HeldScan(scan, image, is_axial(image))
        self._say(number, "compiling", 0.0)
        warm_up(taken.array()[:1], image.GetSpacing())
        write_whole(self._folder / f"ready-{scan}", lambda file: None)
        self._held = taken
        return taken

    def _compute(self, scan: _HeldScan, state: EditState, number: int) -> dict:
        self._say(number, "computing", 0.0)
        started = time.perf_counter()
        if scan.whole is None or not same_mask(scan.whole[0], state.options):
            result = compute_body_mask(scan.image, state.options, lambda done: self._say(number, "computing", done))
            scan.whole = (state.options, result)
        whole = scan.whole[1]
        edited = compute_edited_mask(scan.image, state, whole=whole)
        self._save_labels(scan.array(), sitk.GetArrayViewFromImage(edited.mask), number)
        self._save(f"base-{number}.npy", np.packbits(sitk.GetArrayViewFromImage(whole.mask), axis=2))
        self._save(f"sheets-{number}.npy", scan.table_sheets())
        return {
            "records": [asdict(record) for record in edited.records],
            "remark": edited.remark,
            "axial": scan.axial,
            "seconds": time.perf_counter() - started,
        }

    def _save_labels(self, array: np.ndarray, mask: np.ndarray, number: int) -> None:
        labels = np.empty(mask.shape, dtype=np.uint8)

        def work(first: int, stop: int) -> None:
            for k in range(first, stop):
                label_overlay(array[k], mask[k], REMOVED_ABOVE_HU, labels[k])

        for_slice_ranges(work, mask.shape[0])
        self._save(f"labels-{number}.npy", labels)

    def _say(self, number: int, stage: str, fraction: float) -> None:
        request = self._request()
        if request is not None and request["id"] != number:
            raise _Superseded
        text = json.dumps({"id": number, "stage": stage, "fraction": fraction})
        write_whole(self._folder / "progress.json", lambda file: file.write(text.encode()))

    def _save(self, name: str, array: np.ndarray) -> None:
        write_whole(self._folder / name, lambda file: np.save(file, array))


def warm_up(array: np.ndarray, spacing_mm: tuple[float, float, float]) -> None:
    """Run everything a preview runs once, so that its compiled code is on disk.

    Parameters
    ----------
    array
        One slice in HU, [1, j, i].
    spacing_mm
        Voxel size along i, j, k, mm.
    """
    preview = SlicePreview(array, spacing_mm)
    state = EditState(TableRemovalOptions(), ScanOverrides(array.shape[::-1]))
    for each in (state, with_paper_values(state)):
        mask = preview.slice_mask(0, each).mask
        label_overlay(array[0], mask, REMOVED_ABOVE_HU, np.empty_like(mask))
    apply_clicks(array[0], np.zeros(array.shape[1:], dtype=np.uint8), [(KEEP, 0, 0)])


def options_from_dict(record: dict) -> TableRemovalOptions:
    """Return the options that `dataclasses.asdict` and JSON made into a dictionary."""
    seed = record["seed_ij"]
    return TableRemovalOptions(**{**record, "seed_ij": None if seed is None else tuple(seed)})


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Call write(binary file) and give the file its name when it is complete."""
    part = path.with_name(path.name + ".part")
    with open(part, "wb") as file:
        write(file)
    os.replace(part, path)


def _end_with_panel() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    """Serve the folder named on the command line."""
    threading.Thread(target=_end_with_panel, daemon=True).start()
    ScanWorker(Path(sys.argv[1])).serve()


if __name__ == "__main__":
    main()
