"""Registration, ours beside NiftyReg, greedy, ITK demons and a B-spline: seconds, memory, accuracy, in one run.

    python Testing/Benchmarks/registration.py [--out docs/benchmarks] [--runs 15] [--quick] [--peers niftyreg,...]

Writes registration.md, registration.json and two plots, and the tables of README.md. Ours runs in the product's warm
process; the clock goes from the request to the transform in hand, with both scans prepared, as they are when they are
chosen. Peers get scans without table on 2 mm voxels; what that takes is not counted against them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE)]

import ablation  # noqa: E402
from registration_pairs import Pair, known_pairs, pairs, sweep  # noqa: E402
from registration_report import write, write_readme  # noqa: E402

OURS = {
    "network": {"method": "cost-volume", "refinement": False},
    "network + refinement": {"method": "cost-volume"},
    "refinement alone": {"method": "refinement"},
}
PEERS = ("niftyreg", "greedy", "demons", "bspline")
STAGES = ("affine", "grid", "network", "refinement", "judge")


@dataclass(frozen=True)
class Registered:
    """seconds: to the transform; report: its own; volume_seconds, score_seconds: until these follow."""

    seconds: float
    report: dict
    transform: sitk.Transform
    volume_seconds: float
    score_seconds: float


class Worker:
    """Our registration in its own process, as the panel uses it."""

    def __init__(self):
        from LongitudinalRegistrationLib.system.private_folder import private_folder

        self._folder = private_folder()
        command = [sys.executable, "-m", "LongitudinalRegistrationLib.pipeline.worker", str(self._folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._jobs = 0
        self.warm_seconds = self._wait("ready")["seconds"]

    def _send(self, **command) -> None:
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def _wait(self, *events) -> dict:
        for line in self._process.stdout:
            said = json.loads(line)
            if said["event"] in ("failed", "refused"):
                raise RuntimeError(said["message"])
            if said["event"] in events:
                return said
        raise RuntimeError("the worker has ended")

    def prepare(self, pair: Pair) -> float:
        """Have both scans prepared; the seconds of the slower one."""
        from LongitudinalRegistrationLib.system.shared_arrays import save_image

        seconds = []
        for key, image in (("fixed", pair.fixed), ("moving", pair.moving)):
            record = save_image(image, self._folder, f"{key}.npy")
            self._send(do="prepare", scan=key, image=record, table_removal=True, fixed=key == "fixed")
            seconds.append(self._wait("prepared")["seconds"])
        return max(seconds)

    def register(self, options: dict) -> Registered:
        """Register the pair that is prepared."""
        from LongitudinalRegistrationLib.field.transforms import compose
        from LongitudinalRegistrationLib.system.shared_arrays import take_image

        self._jobs += 1
        begun = time.perf_counter()
        self._send(do="register", job=self._jobs, fixed="fixed", moving="moving", options=options)
        said = self._wait("transform")
        matrix = np.reshape(said["affine"], (4, 4))
        affine = sitk.AffineTransform(3)
        affine.SetMatrix(matrix[:3, :3].ravel().tolist())
        affine.SetTranslation(matrix[:3, 3].tolist())
        transform = compose(affine, take_image(self._folder, said["field"]))
        seconds = time.perf_counter() - begun
        (self._folder / self._wait("registered")["image"]["file"]).unlink()
        volume_seconds = time.perf_counter() - begun
        self._wait("result")
        return Registered(seconds, said["report"], transform, volume_seconds, time.perf_counter() - begun)

    def peak_gb(self) -> float:
        """The most memory the process ever had (Linux)."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 2**20

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait()


class Judge:
    """Scores of a transform for a pair, the same for everyone: on 2 mm voxels, within the fixed body."""

    def __init__(self, pair: Pair):
        from LongitudinalRegistrationLib.evaluation.scores import Scorer
        from LongitudinalRegistrationLib.scan.pyramid import make_pyramid

        self._pair = pair
        self.scans = [make_pyramid(image) for image in (pair.fixed, pair.moving)]
        self._scorer = Scorer(*self.scans)
        level = self.scans[0].levels[4.0]
        self._reference, self._body = level.grid.reference(), (level.body > 0) & (level.seen > 0)

    def two_millimetres(self, side: int) -> sitk.Image:
        """A scan without table on 2 mm voxels, for the peers."""
        level = self.scans[side].levels[2.0]
        return level.grid.image(np.where(level.seen > 0, level.values, np.float32(-1024)))

    def scores(self, transform: sitk.Transform) -> dict[str, float]:
        """DSC (mean over vertebrae), bone overlap, SSIM, NCC, end-point error in mm, NDV in percent."""
        from LongitudinalRegistrationLib.evaluation.metrics import bone_overlap
        from LongitudinalRegistrationLib.evaluation.scores import score_labels
        from LongitudinalRegistrationLib.field.jacobian import ndv_percent
        from LongitudinalRegistrationLib.scan.grid import resample

        pair, found = self._pair, self._scorer.scores(transform)
        result = {"ssim": found.ssim, "ncc": found.ncc}
        fixed, moving = (
            sitk.GetArrayFromImage(resample(image, self._reference, t, outside=-1024.0))
            for image, t in ((pair.fixed, None), (pair.moving, transform))
        )
        seen = self._body & (moving > -1000)
        result["bone"] = bone_overlap(np.where(seen, fixed, -1000), np.where(seen, moving, -1000))
        if pair.labels:
            found = score_labels(*pair.labels, {"after": transform})
            overlaps = [score.dsc["after"] for score in found]
            result["dsc"], result["dsc_sd"] = float(np.nanmean(overlaps)), float(np.nanstd(overlaps, ddof=1))
        field = self._field(transform)
        if pair.truth is not None:
            away = sitk.GetArrayFromImage(field) - sitk.GetArrayFromImage(self._field(pair.truth))
            lengths = np.linalg.norm(away, axis=-1)[self._body]
            result["error_mm"], result["error_mm_sd"] = float(lengths.mean()), float(lengths.std())
        result["ndv_percent"] = ndv_percent(field, self._body.astype(np.uint8))
        return {name: round(float(value), 4) for name, value in result.items()}

    def _field(self, transform: sitk.Transform) -> sitk.Image:
        grid = self._reference
        return sitk.TransformToDisplacementField(
            transform, sitk.sitkVectorFloat64, grid.GetSize(), grid.GetOrigin(), grid.GetSpacing(), grid.GetDirection()
        )


def run_peer(name: str, judge: Judge, folder: Path) -> tuple[dict, sitk.Transform]:
    """Seconds and memory of a peer in its own process, and its transform."""
    for side, word in enumerate(("fixed", "moving")):
        sitk.WriteImage(judge.two_millimetres(side), str(folder / f"{word}_2mm.nii"))
    command = [sys.executable, str(HERE / "peers.py"), name, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    measured = json.loads(done.stdout.splitlines()[-1])
    return measured, sitk.ReadTransform(str(folder / f"{name}.h5"))


def row(method: str, runs: list[float], stages: dict[str, float], peak_gb: float, scores: dict) -> dict:
    """One line of the table."""
    return {
        "method": method,
        "runs": len(runs),
        "seconds": round(float(np.median(runs)), 3),
        "seconds_95": round(float(np.percentile(runs, 95)), 3),
        "stages": {name: round(value, 3) for name, value in stages.items()},
        "peak_gb": round(peak_gb, 2),
        **scores,
    }


def ours(worker: Worker, pair: Pair, judge: Judge, runs: int) -> list[dict]:
    """Our three ways on a pair; the first run of each is not counted."""
    prepared, rows = worker.prepare(pair), []
    for method, options in OURS.items():
        found = [worker.register(options) for _ in range(runs + 1)][1:]
        stages = {name: float(np.median([each.report["seconds"][name] for each in found])) for name in STAGES}
        seconds = [each.seconds for each in found]
        line = row(method, seconds, stages, worker.peak_gb(), judge.scores(found[-1].transform))
        line["prepare"] = prepared
        line["volume_follows"] = round(float(np.median([each.volume_seconds for each in found])), 2)
        line["scores_follow"] = round(float(np.median([each.score_seconds for each in found])), 2)
        rows.append(line)
    return rows


def compare(pair: Pair, worker: Worker, peers: tuple[str, ...], runs: int) -> dict:
    """All methods on a pair."""
    judge = Judge(pair)
    size = " x ".join(str(n) for n in pair.fixed.GetSize())
    result = {"pair": pair.name, "size": size, "before": judge.scores(sitk.AffineTransform(3))}
    result["rows"] = ours(worker, pair, judge, runs)
    for name in peers if pair.peers else ():
        with tempfile.TemporaryDirectory() as folder:
            measured, transform = run_peer(name, judge, Path(folder))
        line = row(
            name, [sum(measured["seconds"].values())], measured["seconds"], measured["peak_gb"], judge.scores(transform)
        )
        result["rows"].append(line)
    for line in result["rows"]:
        print(f"{pair.name}: {line}", flush=True)
    return result


def sweep_scores(worker: Worker, quick: bool) -> list[dict]:
    """DSC and error of our ways over the size of the displacement."""
    found = []
    for delta, pair in sweep(quick):
        judge = Judge(pair)
        worker.prepare(pair)
        line = {"delta_mm": delta, "before": judge.scores(sitk.AffineTransform(3))}
        line.update({method: judge.scores(worker.register(options).transform) for method, options in OURS.items()})
        print(line, flush=True)
        found.append(line)
    return found


def main() -> None:
    """Run everything and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks", help="folder for the page")
    parser.add_argument("--runs", type=int, default=15, help="timed runs of ours a pair (peers run once)")
    parser.add_argument("--quick", action="store_true", help="two small pairs only, to see that it works")
    parser.add_argument("--peers", default=",".join(PEERS), help="which peers, with commas (empty: none)")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    peers = tuple(name for name in arguments.peers.split(",") if name)
    machine = f"{os.cpu_count()} cores, {_processor()}, Python {platform.python_version()}"
    worker = Worker()
    content = {"machine": machine, "warm_seconds": worker.warm_seconds, "pairs": [], "sweep": [], "ablation": []}
    try:
        for pair in pairs(arguments.quick):
            content["pairs"].append(compare(pair, worker, peers, arguments.runs))
            write(content, arguments.out)
        content["sweep"] = sweep_scores(worker, arguments.quick)
    finally:
        worker.close()
    content["ablation"] = list(ablation.rows(known_pairs(arguments.quick)))
    write(content, arguments.out)
    if not arguments.quick:
        write_readme(content, ROOT / "README.md")
    if said := ablation.failures(content["ablation"]):
        sys.exit("The trained weights bring too little: " + "; ".join(said))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


if __name__ == "__main__":
    main()
