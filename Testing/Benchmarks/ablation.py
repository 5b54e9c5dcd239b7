"""What the trained weights do that nothing else here does: the same pairs by the trained network, by one whose weights
are random, from a zero field, and by the refinement alone, as well as that can.

    python Testing/Benchmarks/ablation.py [--quick]

prints the table; registration.py takes it into its page. Where the weights are an ornament, the exit status is 1.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

TRAINED, OTHERS = "trained", ("random weights", "zero field", "refinement alone")
LEAST_GAIN_PERCENT, MOST_LOSS_PERCENT = 25.0, 2.0
"""Against the refinement alone: the error over large displacements and lungs is at least so much lower; that of no
group is more than so much higher."""
POINTS = 20_000


@dataclass(frozen=True)
class Known:
    """A pair with known truth.

    group: which row of the table it belongs to; large: whether much moves; fixed, moving: HU; truth: fixed points and
    where they are in the moving scan, (n, 6), LPS mm, or the transform that takes them there.
    """

    group: str
    large: bool
    fixed: sitk.Image
    moving: sitk.Image
    truth: np.ndarray | sitk.Transform


class UntrainedPasses:
    """The network of a model as it is before any training (see methods.network.runtime.Passes)."""

    def __init__(self, model, threads):
        from LongitudinalRegistrationLib.methods.network.keras_passes import muted_stderr, quiet_tensorflow, traced

        quiet_tensorflow()
        with muted_stderr():
            import keras
            from LongitudinalRegistrationLib.methods.network.build import build_network

            keras.utils.set_random_seed(0)
            self._answers = traced(build_network(model.network, **model.options))

    def __call__(self, pair):
        answers = self._answers(pair)
        return answers["flow"].numpy()[0], answers["expected_error"].numpy()[0, ..., 0]


def fields(fixed, moving, affine, trained, untrained) -> dict[str, sitk.Image]:
    """The field of every way, of a pair of prepared scans after an affine; the ways differ by their start only."""
    from LongitudinalRegistrationLib.methods.network.predict import Prediction
    from LongitudinalRegistrationLib.methods.refinement.refine import refine

    level = fixed.levels[trained.model.spacing_mm]
    pair = fixed.normalised(level.grid.spacing_mm), moving.normalised_through(level.grid, affine)
    flow_grid = level.grid.coarser(2)
    nothing = flow_grid.image(np.zeros((*flow_grid.size[::-1], 3), np.float32))
    starts = trained.predict(*pair, level.grid), untrained.predict(*pair, level.grid), Prediction(nothing, None)
    found = {
        way: refine(fixed, moving, affine, start.field, expected_error=start.expected_error).field
        for way, start in zip((TRAINED, *OTHERS), starts, strict=False)
    }
    return {**found, OTHERS[-1]: refine(fixed, moving, affine).field}


def points_of(known: Known, fixed) -> np.ndarray:
    """Points of the fixed body that both scans show, and where they are in the moving scan: (n, 6), LPS mm."""
    if isinstance(known.truth, np.ndarray):
        return known.truth
    level = fixed.levels[4.0]
    voxels = np.argwhere((level.body > 0) & (level.seen > 0))[:, ::-1]
    voxels = np.random.default_rng(0).permutation(voxels)[:POINTS]
    here = np.array(level.grid.origin) + voxels * level.grid.spacing_mm
    there = np.array([known.truth.TransformPoint(point) for point in here.tolist()])
    place = np.array([known.moving.TransformPhysicalPointToContinuousIndex(point) for point in there.tolist()])
    shown = ((place >= 0) & (place <= np.array(known.moving.GetSize()) - 1)).all(axis=1)
    return np.column_stack([here, there])[shown]


def errors_mm(known: Known, trained, untrained) -> dict[str, float]:
    """The mean error of every way on a pair, mm."""
    from LongitudinalRegistrationLib.field.transforms import compose
    from LongitudinalRegistrationLib.methods.affine.align import align
    from LongitudinalRegistrationLib.scan.pyramid import make_pyramid

    fixed, moving = make_pyramid(known.fixed), make_pyramid(known.moving)
    affine, points = align(fixed, moving).transform, points_of(known, fixed)

    def error(transform: sitk.Transform) -> float:
        there = np.array([transform.TransformPoint(point) for point in points[:, :3].tolist()])
        return float(np.linalg.norm(there - points[:, 3:], axis=1).mean())

    found = fields(fixed, moving, affine, trained, untrained)
    return {"affine": error(affine), **{way: error(compose(affine, field)) for way, field in found.items()}}


def rows(pairs: Iterable[Known]) -> Iterator[dict]:
    """A row for each group of pairs: its name, n, whether much moves, and of every way the errors of the pairs."""
    from LongitudinalRegistrationLib.methods.network.model_store import find_model
    from LongitudinalRegistrationLib.methods.network.predict import Predictor

    model, threads = find_model(), os.cpu_count()
    trained, untrained = Predictor(model, threads), Predictor(model, threads, UntrainedPasses)
    found: dict[str, dict] = {}
    for known in pairs:
        row = found.setdefault(known.group, {"group": known.group, "large": known.large, "errors_mm": {}})
        for way, error in errors_mm(known, trained, untrained).items():
            row["errors_mm"].setdefault(way, []).append(round(error, 4))
        print(known.group, {way: errors[-1] for way, errors in row["errors_mm"].items()}, flush=True)
    yield from found.values()


def failures(table: list[dict]) -> list[str]:
    """Where the trained weights bring too little, in words."""
    said = []
    means = [{way: float(np.mean(errors)) for way, errors in row["errors_mm"].items()} for row in table]
    for row, mean in zip(table, means, strict=True):
        if mean[TRAINED] > (1 + MOST_LOSS_PERCENT / 100) * mean["refinement alone"]:
            said.append(f"{row['group']}: {mean[TRAINED]:.2f} mm, the refinement alone {mean['refinement alone']:.2f}")
    large = [mean for row, mean in zip(table, means, strict=True) if row["large"]]
    for other in OTHERS if large else ():
        ours, theirs = (float(np.mean([mean[way] for mean in large])) for way in (TRAINED, other))
        if ours > (1 - LEAST_GAIN_PERCENT / 100) * theirs:
            said.append(f"large displacements and lungs: {ours:.2f} mm, {other} {theirs:.2f}")
    return said


def text(table: list[dict]) -> list[str]:
    """The table, as lines of Markdown: mean error and, over several pairs, its standard deviation."""

    def cell(errors: list[float]) -> str:
        deviation = f" ± {np.std(errors, ddof=1):.2f}" if len(errors) > 1 else ""
        return f"{np.mean(errors):.2f}{deviation}"

    ways = ("affine", TRAINED, *OTHERS)
    lines = [f"| pairs | n | {' | '.join(ways)} |", "| --- " * (len(ways) + 2) + "|"]
    for row in table:
        errors = row["errors_mm"]
        cells = [cell(errors[way]) for way in ways]
        lines.append(f"| {row['group']} | {len(errors[TRAINED])} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Print the table, and what speaks against the weights."""
    from registration_pairs import known_pairs

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a small synthetic patient only")
    table = list(rows(known_pairs(parser.parse_args().quick)))
    print("\n".join(text(table)))
    if said := failures(table):
        sys.exit("The trained weights bring too little: " + "; ".join(said))


if __name__ == "__main__":
    main()
