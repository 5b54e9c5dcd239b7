"""How many new lesions are found, and how many findings are false: a curve over the threshold, on synthetic patients.

    python -m LongitudinalRegistrationLib.experiments.change_detection --out docs/changes

makes follow-ups with new lesions of known size and contrast, registers them, and writes counts.json, curve.md and
curve.png. The scans have slices of 2.5 mm, each the mean over its thickness; the mean of each two of them makes those
of 5 mm. Seeds that counts.json has already are not done again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import distance_transform_edt

from ..changes.change_map import ChangeMap, change_map
from ..changes.findings import changed_places
from ..changes.options import FindingOptions
from ..field.box_warp import sample
from ..phantom import PhantomScan
from ..system.files import ready_folder, write_atomically, write_json, write_text
from .detection_pairs import SLICES_MM, RegisteredPair, pairs_of

SEEDS = range(201, 221)
THRESHOLDS = (3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0)
NEAR_MM = 4.0


@dataclass(frozen=True)
class Truth:
    """What has changed, on the baseline's grid.

    Attributes
    ----------
    new
        Vertebra to the mask of its new lesion, [k, j, i], bool.
    denser
        Vertebra to whether its new lesion is denser than bone.
    changed
        [k, j, i], bool: within 4 mm of any lesion, grown ones too; what is found elsewhere is false.
    """

    new: dict[int, np.ndarray]
    denser: dict[int, bool]
    changed: np.ndarray


@dataclass(frozen=True)
class Count:
    """One pair at one threshold: new lesions, how many of them are found, findings that are false."""

    seed: int
    slice_mm: float
    threshold: float
    lesions: int
    found: int
    false: int


def truth_of(baseline: PhantomScan, followup: PhantomScan, transform: sitk.Transform) -> Truth:
    """Find what has changed between two scans of a phantom.

    Parameters
    ----------
    baseline, followup
        The scans.
    transform
        The true one, baseline points to follow-up points, LPS mm.

    Returns
    -------
    Truth
        On the baseline's grid.
    """
    reference = baseline.image
    lesion = sample(followup.lesion, reference, transform, labels=True)
    vertebra = sample(followup.vertebrae, reference, transform, labels=True)
    old = sitk.GetArrayViewFromImage(baseline.lesion) > 0
    with_old = set(np.unique(sitk.GetArrayViewFromImage(baseline.vertebrae)[old]).tolist())
    values = [value for value in np.unique(vertebra[lesion > 0]).tolist() if value and value not in with_old]
    new = {value: (lesion > 0) & (vertebra == value) for value in values}
    denser = {value: bool(np.median(lesion[mask]) == 1) for value, mask in new.items()}
    spacing = reference.GetSpacing()[::-1]
    changed = distance_transform_edt(~(old | (lesion > 0)), sampling=spacing) <= NEAR_MM
    return Truth(new, denser, changed)


def count_findings(found: ChangeMap, truth: Truth, reference: sitk.Image, threshold: float) -> tuple[int, int]:
    """Count new lesions that are found, and findings that are false.

    Parameters
    ----------
    found
        The change map.
    truth
        On the baseline's grid.
    reference
        The baseline.
    threshold
        Of the findings.

    Returns
    -------
    found, false
        A lesion is found where a finding of its sign meets it.
    """
    change = sitk.GetArrayViewFromImage(found.change_hu)
    numbers, denser = np.zeros(change.shape, np.uint16), [False]
    for number, voxels in enumerate(changed_places(found, FindingOptions(threshold=threshold)), start=1):
        numbers[tuple(voxels.T)] = number
        denser.append(bool(change[tuple(voxels.T)].mean() > 0))
    image = sitk.GetImageFromArray(numbers)
    image.CopyInformation(found.region)
    on = sample(image, reference, labels=True)
    hit = {
        value
        for value, mask in truth.new.items()
        for number in np.unique(on[mask])
        if number and denser[number] == truth.denser[value]
    }
    true = set(np.unique(on[truth.changed]).tolist())
    return len(hit), sum(number not in true for number in range(1, len(denser)))


def counts_of(seed: int, slice_mm: float, pair: RegisteredPair) -> list[Count]:
    """Count one pair's findings at every threshold.

    Parameters
    ----------
    seed, slice_mm
        Which pair.
    pair
        The scans and their registration.

    Returns
    -------
    list of Count
        One for each of THRESHOLDS.
    """
    baseline, followup = pair.baseline, pair.followup
    truth = truth_of(baseline, followup, pair.true)
    bodies = baseline.body, followup.body
    found = change_map(baseline.image, followup.image, pair.transform, None, *bodies, pair.expected_error)
    return [
        Count(seed, slice_mm, each, len(truth.new), *count_findings(found, truth, baseline.image, each))
        for each in THRESHOLDS
    ]


def count_seed(seed: int, kept: Path | None) -> list[Count]:
    """Make, register and count the pairs of a synthetic patient, with slices of 2.5 and of 5 mm."""
    counts = []
    for slice_mm, pair in pairs_of(seed, kept).items():
        counts += counts_of(seed, slice_mm, pair)
    return counts


@dataclass(frozen=True)
class Point:
    """A point of the curve: part of the lesions that are found, false findings a scan, and how many pairs."""

    threshold: float
    sensitivity: float
    false: float
    pairs: int


def curve_of(counts: Sequence[Count], slice_mm: float) -> list[Point]:
    """Sum the counts of all pairs of a slice thickness at each threshold.

    Parameters
    ----------
    counts
        Of any pairs.
    slice_mm
        Which of them count.

    Returns
    -------
    list of Point
        By rising threshold.

    Examples
    --------
    >>> curve_of([Count(1, 5.0, 3.0, 4, 3, 2), Count(2, 5.0, 3.0, 4, 4, 0)], 5.0)
    [Point(threshold=3.0, sensitivity=0.875, false=1.0, pairs=2)]
    """
    points = []
    for threshold in sorted({each.threshold for each in counts if each.slice_mm == slice_mm}):
        own = [each for each in counts if (each.slice_mm, each.threshold) == (slice_mm, threshold)]
        lesions, found, false = (sum(getattr(each, name) for each in own) for name in ("lesions", "found", "false"))
        points.append(Point(threshold, found / lesions, false / len(own), len(own)))
    return points


def write_curve(counts: Sequence[Count], folder: Path) -> None:
    """Write the table and the figure of the curve.

    Parameters
    ----------
    counts
        Of all pairs.
    folder
        For curve.md and curve.png.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6, 4.0), layout="constrained")
    axes = figure.subplots()
    lines = [
        "| slices, mm | threshold | lesions found | false findings a scan | pairs |",
        "| --- | --- | --- | --- | --- |",
    ]
    for slice_mm, marker, beside in zip(SLICES_MM, "os", ((-14, 5), (4, -11)), strict=True):
        points = curve_of(counts, slice_mm)
        x, y = [each.false for each in points], [100 * each.sensitivity for each in points]
        axes.plot(x, y, marker=marker, label=f"slices of {slice_mm:g} mm")
        for each, px, py in zip(points, x, y, strict=True):
            axes.annotate(f"{each.threshold:g}", (px, py), beside, textcoords="offset points", fontsize=8)
            row = (
                f"{slice_mm:g} | {each.threshold:g} | {100 * each.sensitivity:.0f} % | {each.false:.2f} | {each.pairs}"
            )
            lines.append(f"| {row} |")
    axes.axvline(1, color="#bbb", linewidth=1)
    axes.set(xlabel="false findings a scan", ylabel="new lesions found, %", ylim=(-3, 103))
    axes.margins(x=0.08)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="lower right")
    write_text("\n".join(lines) + "\n", folder / "curve.md")
    write_atomically(folder / "curve.png", ".png", lambda name: figure.savefig(name, dpi=120))


def main() -> None:
    """Count what is not counted yet, and draw the curve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--seeds", type=int, nargs="*", default=list(SEEDS), metavar="N", help="patients (201 to 220)")
    parser.add_argument(
        "--kept", type=Path, metavar="DIR", help="keep the registered pairs here, or take them from here"
    )
    arguments = parser.parse_args()
    folder = ready_folder(arguments.out)
    path = folder / "counts.json"
    counts = [Count(**each) for each in json.loads(path.read_text(encoding="utf-8"))["counts"]] if path.exists() else []
    for seed in arguments.seeds:
        if seed in {each.seed for each in counts}:
            continue
        counts += count_seed(seed, arguments.kept)
        write_json({"counts": [asdict(each) for each in counts]}, path)
        print(f"patient {seed}: done", flush=True)
    write_curve(counts, folder)


if __name__ == "__main__":
    main()
