"""Learn2Reg tasks with pairs of CT scans: the pairs that the task's own JSON file names."""

from __future__ import annotations

import json
from pathlib import Path

from TableRemovalLib.errors import InputError

from .cohort_files import write_manifest

PAIRS = ("registration_val", "registration_test", "training_paired_images")


def import_learn2reg(source: Path, out: Path) -> tuple[Path, list[str]]:
    """Write a manifest of a task's pairs; its files stay where they are.

    Parameters
    ----------
    source
        Folder of the task, with its *_dataset.json.
    out
        For the manifest.

    Returns
    -------
    manifest, notes
        Its path; a sentence for each pair that could not be taken.

    Raises
    ------
    InputError
        If there is no such JSON file, or none of its pairs is there.
    """
    files = sorted(source.glob("*dataset*.json"))
    if not files:
        raise InputError(f"{source} has no *_dataset.json: give the folder of one Learn2Reg task.")
    content = json.loads(files[0].read_text(encoding="utf-8"))
    pairs = [pair for name in PAIRS for pair in content.get(name, []) if {"fixed", "moving"} <= set(pair)]
    rows, notes = [], []
    for pair in {(pair["fixed"], pair["moving"]): pair for pair in pairs}.values():
        scans = [(source / pair[role]).resolve() for role in ("fixed", "moving")]
        patient = f"{scans[0].name.removesuffix('.nii.gz')} {scans[1].name.removesuffix('.nii.gz')}"
        if not all(scan.exists() for scan in scans):
            notes.append(f"{patient}: a scan is missing")
            continue
        labels = [scan.parent.parent / scan.parent.name.replace("images", "labels") / scan.name for scan in scans]
        known = all(label.exists() for label in labels)
        for number, (scan, label) in enumerate(zip(scans, labels, strict=True)):
            row = {"patient": patient, "time_point": str(number), "image": str(scan)}
            rows.append({**row, "labels": str(label)} if known else row)
    if not rows:
        raise InputError(f"{files[0].name} names no pair whose scans are there: check the download.")
    out.mkdir(parents=True, exist_ok=True)
    return write_manifest(out, rows), notes
