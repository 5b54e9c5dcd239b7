"""How long one waits before a registration can begin, and for `longct register` and the demo as a whole.

    python Testing/Benchmarks/start.py [--fixed F --moving M] [--runs 5] [--out docs/benchmarks]

Writes start.md. "Compiled" is every start but the first on a machine; the first is tried with an empty folder for what
numba compiles. The pair is the real one, or, where it is missing, synthetic patient 101.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE)]


def worker_ready(environment: dict[str, str]) -> float:
    """Seconds from the start of the panel's process until it says that it is ready."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "LongitudinalRegistrationLib.pipeline.worker", folder]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        begun = time.perf_counter()
        with subprocess.Popen(command, env={**os.environ, **environment}, **pipes) as process:
            while json.loads(process.stdout.readline())["event"] != "ready":
                pass
            seconds = time.perf_counter() - begun
            process.stdin.close()
    return seconds


def command_seconds(*command) -> float:
    """Wall time of a command that must succeed."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, *map(str, command)], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return time.perf_counter() - begun


def register_seconds(fixed: Path, moving: Path) -> float:
    """Wall time of `longct register` with all its outputs."""
    with tempfile.TemporaryDirectory() as folder:
        scans = ("--fixed", fixed, "--moving", moving, "--out", Path(folder) / "result")
        return command_seconds("-m", "LongitudinalRegistrationLib.cli.main", "register", *scans)


def measure(fixed: Path, moving: Path, runs: int) -> list[tuple[str, list[float]]]:
    """What was measured, and its seconds, one a run."""
    rows = []
    with tempfile.TemporaryDirectory() as cache:
        cold = [worker_ready({"NUMBA_CACHE_DIR": cache})]
    rows.append(("the panel's process is ready, first time on a machine (compiles)", cold))
    worker_ready({})
    rows.append(("the panel's process is ready, compiled", [worker_ready({}) for _ in range(runs)]))
    register_seconds(fixed, moving)
    rows.append(("`longct register`, all outputs", [register_seconds(fixed, moving) for _ in range(runs)]))
    with tempfile.TemporaryDirectory() as folder:
        demo = [command_seconds(ROOT / "Testing" / "Host" / "demo.py", "--out", folder) for _ in range(3)]
    rows.append(("the demo, its sample pair to be made", demo[:1]))
    rows.append(("the demo, second time", demo[1:]))
    return rows


def page(pair: str, rows: list[tuple[str, list[float]]]) -> str:
    """The page, Markdown."""
    lines = [
        "# Until it begins",
        "",
        f"`python Testing/Benchmarks/start.py` on {os.cpu_count()} cores; the pair: {pair}.",
        "",
        "| what | seconds, median | least to most | n |",
        "| --- | --- | --- | --- |",
    ]
    for name, seconds in rows:
        spread = f"{min(seconds):.1f} to {max(seconds):.1f}"
        lines.append(f"| {name} | {statistics.median(seconds):.1f} | {spread} | {len(seconds)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and write the page."""
    from registration_pairs import pairs

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fixed", type=Path)
    parser.add_argument("--moving", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks", help="folder of the page")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fixed, moving, name = arguments.fixed, arguments.moving, f"{arguments.fixed}, {arguments.moving}"
        if fixed is None or moving is None:
            import SimpleITK as sitk

            pair = next(iter(pairs(quick=False)))
            name = f"{pair.name}, {' x '.join(str(n) for n in pair.fixed.GetSize())}"
            fixed, moving = Path(folder) / "fixed.nii.gz", Path(folder) / "moving.nii.gz"
            for image, path in ((pair.fixed, fixed), (pair.moving, moving)):
                sitk.WriteImage(image, str(path))
        text = page(name, measure(fixed, moving, arguments.runs))
    (arguments.out / "start.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
