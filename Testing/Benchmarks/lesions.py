"""Whether lesions keep their size, though nobody marks them: the volume that they have once they are registered.

    python Testing/Benchmarks/lesions.py [--seeds 101-110]

Synthetic patients, 256 x 256 x 100, two lesions each that have grown by 60 % of their diameter in the follow-up. The
follow-up's lesions are brought onto the baseline by what is found and by the true transform; the volume error is of the
one against the other. Prints a table: the default, and the refinement alone, which cannot tell growth from motion.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parent)]

from registration_pairs import phantom  # noqa: E402

SIZE, SLICES = 256, 100
METHODS = {"network + refinement": "cost-volume", "refinement alone": "refinement"}


@dataclass(frozen=True)
class Outcome:
    """Of a method on a patient: the lesions' volume errors, percent, signed; the mean DSC of the vertebrae."""

    volume_errors: tuple[float, ...]
    dsc: float


def outcome(patient, method: str) -> Outcome:
    """Register a synthetic patient's scans, and measure lesions and vertebrae."""
    from LongitudinalRegistrationLib.evaluation.scores import score_labels
    from LongitudinalRegistrationLib.methods.method import Problem
    from LongitudinalRegistrationLib.pipeline.options import RegistrationOptions
    from LongitudinalRegistrationLib.pipeline.registration import prepare, solve
    from LongitudinalRegistrationLib.pipeline.stages import Stages

    baseline, followup = patient.baseline, patient.followup
    options = RegistrationOptions(method=method)
    scans = (prepare(scan.image, options) for scan in (baseline, followup))
    found = solve(Problem(*scans, Stages()), options).candidate.transform
    steps = {"before": None, "truth": patient.true_transform, "found": found}
    lesions = score_labels(baseline.lesion, followup.lesion, steps)
    volumes = [(lesion.volume_ml["found"], lesion.volume_ml["truth"]) for lesion in lesions]
    errors = tuple(100 * (there / truth - 1) for there, truth in volumes if truth > 0)
    vertebrae = score_labels(baseline.vertebrae, followup.vertebrae, {"found": found})
    return Outcome(errors, float(np.nanmean([score.dsc["found"] for score in vertebrae])))


def text(outcomes: dict[str, list[Outcome]]) -> list[str]:
    """The table, as lines of Markdown."""
    lines = [
        "| | patients | lesions | volume error, mean | signed | largest | DSC of vertebrae |",
        "| --- " * 7 + "|",
    ]
    for method, found in outcomes.items():
        errors = np.array([error for each in found for error in each.volume_errors])
        signed, largest = errors.mean(), errors[np.argmax(np.abs(errors))]
        cells = len(found), errors.size, f"{np.abs(errors).mean():.1f} %", f"{signed:+.1f} %", f"{largest:+.1f} %"
        dsc = [each.dsc for each in found]
        deviation = f" ± {np.std(dsc, ddof=1):.3f}" if len(dsc) > 1 else ""
        lines.append(f"| {method} | {' | '.join(map(str, cells))} | {np.mean(dsc):.3f}{deviation} |")
    return lines


def seeds(words: str) -> range:
    """Parse "101-110"."""
    first, _, last = words.partition("-")
    return range(int(first), int(last or first) + 1)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=seeds, default=seeds("101-110"), help="of the patients (%(default)s)")
    outcomes: dict[str, list[Outcome]] = {name: [] for name in METHODS}
    for seed in parser.parse_args().seeds:
        patient = phantom(seed, SIZE, SLICES)
        for name, method in METHODS.items():
            outcomes[name].append(outcome(patient, method))
            print(seed, name, outcomes[name][-1], file=sys.stderr, flush=True)
    print("\n".join(text(outcomes)))


if __name__ == "__main__":
    main()
