"""Inputs of every kind, made at random: each gives the right answer, or one sentence that says what to do.

    python Testing/Soak/inputs.py [--rounds 20] [--seconds S] [--seed 1] [--kinds NAME ...] [--out FILE]

A round has inputs of each kind: files of the corpus through `longct`, grids of any geometry and type through the
reader, labels of any value, registrations of a small patient whose motion is known, changed bytes for our parsers.
What is right is judged by points: a registration that ends elsewhere must not be called good. Ends with 1 where
anything did not hold.
"""

from __future__ import annotations

import argparse
import collections
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "Python")]

RIGHT, REFUSED = "right", "refused"
HANG_SECONDS = 200
"""A single input that takes so long hangs."""
GOOD_MM = 3.0
"""A registration that is called good lies nearer than that, of 9.6 mm before."""


class FaultError(Exception):
    """What did not hold."""


@dataclass
class Tally:
    """How often a kind was tried, and what came of it."""

    outcomes: collections.Counter = field(default_factory=collections.Counter)
    faults: list[str] = field(default_factory=list)
    longest_s: float = 0.0


def corpus(rng: np.random.Generator, folder: Path) -> str:
    """One case of input_corpus through `longct remove-table`."""
    from input_corpus import DRAWN, KINDS, fault_of

    cases = [*KINDS, *DRAWN, *DRAWN, *DRAWN]
    case = cases[int(rng.integers(len(cases)))]
    fault = fault_of(case, folder, int(rng.integers(2**32)))
    if fault:
        raise FaultError(f"{case.name}: {fault}")
    return RIGHT if (folder / "clean.nii.gz").exists() else REFUSED


def _direction(rng: np.random.Generator) -> np.ndarray:
    """Axes in any order and flipped, oblique in two of three cases."""
    import SimpleITK as sitk
    from input_scans import axis_orders

    order = axis_orders()[int(rng.integers(48))]
    if rng.random() < 0.33:
        return order
    turn = sitk.Euler3DTransform()
    turn.SetRotation(*(rng.uniform(-1, 1, 3) * np.pi).tolist())
    return np.reshape(turn.GetMatrix(), (3, 3)) @ order


def geometry(rng: np.random.Generator, folder: Path) -> str:
    """A scan on any grid, sheared or not, in any format and type, through the reader: the ball lies where it should."""
    import SimpleITK as sitk
    from input_scans import (
        MARK_MM,
        grid_matrix,
        image_with,
        mark_of,
        values_on,
        write_enhanced,
        write_series,
        write_with_sform,
    )
    from LongitudinalRegistrationLib.scan.read import read_image
    from LongitudinalRegistrationLib.scan.straighten import LEAST_SHEAR, shear_of

    spacing = np.exp(rng.uniform(np.log(0.6), np.log(10), 3))
    spacing = np.maximum(spacing, (0.6 * spacing.max() / np.array([8.0, 8.0, 8.0])))
    size = np.clip(np.rint(150 / spacing), 12, 110).astype(int)
    centre, direction = rng.uniform(-4000, 4000, 3), _direction(rng)
    matrix = grid_matrix(size, spacing, direction, centre + MARK_MM)
    kind = ("nii", "nii.gz", "nrrd", "mha", "sheared", "DICOM", "tilted", "enhanced")[int(rng.integers(8))]
    if kind in ("sheared", "tilted"):
        axis, degrees = int(rng.integers(2)), rng.choice([np.rad2deg(1e-4), rng.uniform(-30, 30)])
        matrix[:3, 2] += direction[:, axis] * spacing[2] * np.tan(np.deg2rad(degrees))
        matrix[:3, 3] = centre + MARK_MM - matrix[:3, :3] @ (size - 1) / 2
    right_handed = np.linalg.det(matrix[:3, :3]) > 0
    values, path = values_on(size, matrix, centre), folder / f"scan.{kind}"
    if kind == "sheared":
        has_qform = rng.random() < 0.5 and right_handed
        qform = grid_matrix(size, spacing, direction, centre) if has_qform else None
        write_with_sform(path.with_suffix(".nii"), values, matrix, qform)
        path = path.with_suffix(".nii")
    elif kind in ("DICOM", "tilted"):
        write_series(path, values, matrix)
    elif kind == "enhanced":
        write_enhanced(path / "one.dcm", values, matrix, rng.permutation(size[2]))
    else:
        kinds = (sitk.sitkInt16, sitk.sitkInt32, sitk.sitkFloat32, sitk.sitkFloat64)
        sitk.WriteImage(sitk.Cast(image_with(values, matrix), kinds[int(rng.integers(4))]), str(path))
    image = read_image(path)
    apart = float(np.linalg.norm(mark_of(image) - centre - MARK_MM))
    if apart > 0.5 * max(spacing) or shear_of(_matrix(image)) > 2 * LEAST_SHEAR:
        raise FaultError(f"{kind}, {size} voxels of {spacing}: the ball is {apart:.2f} mm off")
    return RIGHT


def _matrix(image) -> np.ndarray:
    from LongitudinalRegistrationLib.scan.geometry import voxel_matrix

    return voxel_matrix(image)


def labels(rng: np.random.Generator, folder: Path) -> str:
    """Labels of any type and value through `longct apply` and `longct score`: kept to the last bit, and Dice 1."""
    import SimpleITK as sitk
    from input_corpus import run
    from small_patient import SHIFT_MM, scan

    dtype = (np.uint8, np.int16, np.uint16, np.int32, np.uint32)[int(rng.integers(5))]
    most = int(np.iinfo(dtype).max)
    values = np.unique([int(rng.integers(1, most)), most, most - 1, 300_000_000 % most + 1, (2**31 + 5) % most + 1])
    plain = sitk.GetArrayFromImage(scan()[1])
    array = np.zeros(plain.shape, dtype)
    for place, value in enumerate(rng.permutation(values)[:4]):
        array[plain == 20 + place] = value
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(scan()[1])
    sitk.WriteImage(image, str(folder / "labels.nii.gz"))
    shift = sitk.AffineTransform(3)
    shift.SetTranslation([2.5 * round(value / 2.5) for value in SHIFT_MM])
    sitk.WriteTransform(sitk.CompositeTransform([shift]), str(folder / "t.h5"))
    given = folder / "labels.nii.gz", folder / "there.nii.gz", "--transform", folder / "t.h5"
    code, _, err = run("apply", *given, "--reference", folder / "labels.nii.gz", "--labels")
    if code:
        raise FaultError(f"{dtype.__name__}, apply: {err}")
    there = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "there.nii.gz")))
    if set(np.unique(there)) != set(np.unique(array)):
        raise FaultError(f"{dtype.__name__}: {np.unique(array)} became {np.unique(there)}")
    pair = "--fixed-labels", folder / "there.nii.gz", "--moving-labels", folder / "labels.nii.gz"
    code, out, err = run("score", *pair, "--transform", folder / "t.h5", "--json")
    if code:
        raise FaultError(f"{dtype.__name__}, score: {err}")
    found = json.loads(out.splitlines()[-1])["result"]["dsc"]
    if set(found) != {str(value) for value in np.unique(array) if value} or any(
        r["after"] != 1 for r in found.values()
    ):
        raise FaultError(f"{dtype.__name__}: {found}")
    return RIGHT


def registration(rng: np.random.Generator, folder: Path) -> str:
    """A small patient on grids of any kind through `longct register`: near the truth, or not called good."""
    import SimpleITK as sitk
    from input_corpus import run, sentence_fault
    from input_scans import axis_orders
    from small_patient import SIZE, points_within, scan, taken, true_points, turned

    def noise(hu: np.ndarray) -> np.ndarray:
        return hu + rng.uniform(0, 80) * np.random.default_rng(3).standard_normal(hu.shape)

    def metal(hu: np.ndarray) -> np.ndarray:
        k, j, i = np.indices(hu.shape)
        return np.where(np.hypot(j - hu.shape[1] / 2, i - hu.shape[2] / 2) < 2, 3071, hu)

    def padding(hu: np.ndarray) -> np.ndarray:
        k, j, i = (np.abs(2 * n / (size - 1) - 1) for n, size in zip(np.indices(hu.shape), hu.shape, strict=True))
        return np.where(np.hypot(i, j) > 1.05, -3024, hu)

    change = (None, noise, metal, padding)[int(rng.integers(4))]
    direction = axis_orders()[int(rng.integers(48))]
    spacing = rng.choice([1.6, 2.5, 4.0], 3)
    extent = np.abs(direction.T @ (np.array(SIZE) * 2.5))
    moving, moving_labels = scan(
        True, spacing, np.rint(extent / spacing).astype(int).tolist(), direction, change=change
    )
    fixed, fixed_labels = scan()
    if rng.random() < 0.3:
        cut = int(rng.integers(6, 14))
        fixed, fixed_labels = (each[:, :, cut : SIZE[2] - cut] for each in (fixed, fixed_labels))
    degrees, shift = rng.uniform(-25, 25, 3) * (rng.random() < 0.5), rng.uniform(-2000, 2000, 3)
    (fixed, motion), (moving, _) = (turned(each, degrees, shift) for each in (fixed, moving))
    fixed_labels, moving_labels = (turned(each, degrees, shift)[0] for each in (fixed_labels, moving_labels))
    for name in ("fixed", "moving", "fixed_labels", "moving_labels"):
        sitk.WriteImage(locals()[name], str(folder / f"{name}.nii.gz"))
    method = ("refinement", "cost-volume")[int(rng.integers(2))]
    words = ["--method", method, "--fixed", folder / "fixed.nii.gz", "--moving", folder / "moving.nii.gz"]
    words += ["--fixed-labels", folder / "fixed_labels.nii.gz", "--moving-labels", folder / "moving_labels.nii.gz"]
    code, _, err = run("register", *words, "--out", folder / "result")
    if code == 2 and not sentence_fault(err):
        return REFUSED
    if code:
        raise FaultError(f"exit code {code}: {err[-300:]}")
    report = json.loads((folder / "result" / "report.json").read_text(encoding="utf-8"))
    transform, points = sitk.ReadTransform(str(folder / "result" / "transform.h5")), points_within()
    truth = taken(motion, true_points(points))
    error = float(np.linalg.norm(taken(transform, taken(motion, points)) - truth, axis=1).mean())
    if error > GOOD_MM and report["verdict"]["level"] == "good":
        raise FaultError(f"{method}, {error:.1f} mm off and called good: {report['verdict']['reasons']}")
    return RIGHT if error <= GOOD_MM else "doubted"


def parsers(rng: np.random.Generator, folder: Path) -> str:
    """Each parser of our own once, with bytes changed anywhere."""
    from parsers import changed, fault_of, seeds

    for name, data in seeds(folder).items():
        spoilt = changed(data, rng)
        fault = fault_of(name, spoilt, folder)
        if fault:
            raise FaultError(f"{name}: {fault} of {spoilt[:2000]!r}")
    return "no traceback"


KINDS: dict[str, tuple[Callable[[np.random.Generator, Path], str], int]] = {
    "corpus": (corpus, 10),
    "geometry": (geometry, 5),
    "labels": (labels, 2),
    "registration": (registration, 1),
    "parsers": (parsers, 2),
}
"""Name to what tries one input, and how many of them a round has."""


def _stop(signum: int, frame: object) -> None:
    raise FaultError(f"nothing after {HANG_SECONDS} s")


def _try(name: str, seed: list[int], tally: Tally) -> None:
    rng, begun = np.random.default_rng(seed), time.monotonic()
    signal.alarm(HANG_SECONDS)
    try:
        with tempfile.TemporaryDirectory() as folder:
            tally.outcomes[KINDS[name][0](rng, Path(folder))] += 1
    except Exception as error:
        tally.outcomes["fault"] += 1
        tally.faults.append(f"{name}, seed {seed}: {type(error).__name__}: {error}")
        print(tally.faults[-1], file=sys.stderr, flush=True)
    finally:
        signal.alarm(0)
    tally.longest_s = max(tally.longest_s, time.monotonic() - begun)


def table(tallies: dict[str, Tally]) -> str:
    """Return the summary as lines."""
    lines = [f"{'kind':<14}{'tried':>7}  {'longest, s':>10}  outcomes"]
    for name, tally in tallies.items():
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in tally.outcomes.most_common())
        lines.append(f"{name:<14}{tally.outcomes.total():>7}  {tally.longest_s:>10.1f}  {outcomes}")
    return "\n".join(lines)


def main(words: list[str] | None = None) -> int:
    """Run the rounds; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin nothing after so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--out", type=Path, help="JSON file with what was tried")
    arguments = parser.parse_args(words)
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    signal.signal(signal.SIGALRM, _stop)
    tallies, begun = {name: Tally() for name in arguments.kinds}, time.monotonic()
    for number in range(arguments.rounds):
        for name, tally in tallies.items():
            for which in range(KINDS[name][1]):
                if time.monotonic() - begun < arguments.seconds:
                    _try(name, [arguments.seed, number, which, list(KINDS).index(name)], tally)
        print(f"round {number + 1}, {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
        if time.monotonic() - begun > arguments.seconds:
            break
    print(table(tallies))
    faults = [fault for tally in tallies.values() for fault in tally.faults]
    if arguments.out:
        told = {name: {**tally.outcomes, "longest_s": round(tally.longest_s, 1)} for name, tally in tallies.items()}
        content = {"seed": arguments.seed, "seconds": round(time.monotonic() - begun), **told, "faults": faults}
        arguments.out.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
