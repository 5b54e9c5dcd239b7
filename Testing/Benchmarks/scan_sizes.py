"""Time and memory of `longct register` over scans of 512 x 512 pixels and more and more slices (Linux).

    python Testing/Benchmarks/scan_sizes.py [--slices 75 300 774 1500] [--method cost-volume] [--threads N]

Prints a table for docs/reliability.md. A scan is a synthetic patient's slices, there and back until there are enough.
Each size runs in a process of its own, all outputs written; its peak memory is what the system says at its end, in
GB, and in scans: 16 bits a voxel of one of the two.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

SIDE, MADE_SLICES = 512, 75
LENGTH_MM, LEAST_MM = 380.0, 0.8
STAGES = ("read", "body_mask", "load", "to_transform", "warp", "write")


@dataclass(frozen=True)
class Run:
    """slices: of each scan. wall_s: of the process. stages: seconds by name. peak_gb: of memory."""

    slices: int
    wall_s: float
    stages: dict[str, float]
    peak_gb: float

    @property
    def peak_scans(self) -> float:
        """The peak as a multiple of one scan's 16 bits a voxel."""
        return self.peak_gb * 1e9 / (2.0 * SIDE * SIDE * self.slices)


def write_scans(folder: Path, slices: int) -> None:
    """Write baseline.nii and followup.nii of so many slices.

    Parameters
    ----------
    folder
        That is there.
    slices
        How many.
    """
    from LongitudinalRegistrationLib.phantom import PhantomOptions, make_phantom

    made = make_phantom(1, PhantomOptions(size=SIDE, slices=MADE_SLICES))
    for name, image in (("baseline", made.baseline.image), ("followup", made.followup.image)):
        array = sitk.GetArrayViewFromImage(image).astype(np.int16)
        there_and_back = np.concatenate([array, array[::-1]])
        long = sitk.GetImageFromArray(there_and_back[np.arange(slices) % len(there_and_back)])
        long.SetSpacing((*image.GetSpacing()[:2], max(LEAST_MM, LENGTH_MM / slices)))
        sitk.WriteImage(long, str(folder / f"{name}.nii"))


def measure(folder: Path, slices: int, method: str, threads: int) -> Run:
    """Register the scans of a folder in a process of its own.

    Parameters
    ----------
    folder
        As from `write_scans`.
    slices
        How many they have.
    method, threads
        Of `longct register`.

    Returns
    -------
    Run
        What it took.
    """
    out = folder / "out"
    command = [sys.executable, "-m", "LongitudinalRegistrationLib.cli.main", "register", "--method", method]
    command += ["--fixed", f"{folder}/baseline.nii", "--moving", f"{folder}/followup.nii", "--out", str(out)]
    started = time.perf_counter()
    process = subprocess.Popen([*command, "--threads", str(threads)], stdout=subprocess.DEVNULL)
    _pid, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if status:
        raise SystemExit(f"{slices} slices: longct ended with {os.waitstatus_to_exitcode(status)}")
    stages = json.loads((out / "report.json").read_text(encoding="utf-8"))["seconds"]
    return Run(slices, wall, stages, usage.ru_maxrss * 1024 / 1e9)


def table(runs: list[Run]) -> str:
    """Return a table in Markdown."""
    names = [name for name in STAGES if any(name in run.stages for run in runs)]
    lines = [f"| slices | {' | '.join(f'{name}, s' for name in names)} | all, s | memory, GB | in scans |"]
    lines.append("| --- " * (len(names) + 4) + "|")
    for run in runs:
        stages = " | ".join(f"{run.stages.get(name, 0.0):.2f}" for name in names)
        lines.append(f"| {run.slices} | {stages} | {run.wall_s:.1f} | {run.peak_gb:.2f} | {run.peak_scans:.1f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure every size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, nargs="+", default=[75, 300, 774, 1500])
    parser.add_argument("--method", default="cost-volume")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    runs = []
    for slices in arguments.slices:
        with tempfile.TemporaryDirectory() as folder:
            write_scans(Path(folder), slices)
            runs.append(measure(Path(folder), slices, arguments.method, arguments.threads))
        print(runs[-1], flush=True)
    print(table(runs))


if __name__ == "__main__":
    main()
