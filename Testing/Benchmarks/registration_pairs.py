"""The pairs that registrations are compared on: synthetic patients, simulated follow-ups of real scans, a real pair."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

sys.path[:0] = [str(Path(__file__).resolve().parent)]

from ablation import Known  # noqa: E402

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SEED = 2026


@dataclass(frozen=True)
class Pair:
    """fixed, moving: scans in HU; truth: fixed to moving points (LPS, mm), or None; labels: of both scans, or None;
    peers: whether others, which take minutes, register it too."""

    name: str
    fixed: sitk.Image
    moving: sitk.Image
    truth: sitk.Transform | None = None
    labels: tuple[sitk.Image, sitk.Image] | None = None
    peers: bool = True


def simulated(name: str, scan: sitk.Image, delta_mm: float, labels: sitk.Image | None = None) -> Pair:
    """A scan (moving) and its simulated follow-up (fixed; van Eijnatten et al., section 3.2.2)."""
    from LongitudinalRegistrationLib.training.simulation.simulated_scan import simulate_scans
    from LongitudinalRegistrationLib.training.simulation.simulator import SimulatorOptions

    rng = np.random.default_rng([SEED, int(10 * delta_mm)])
    found = next(iter(simulate_scans(scan, SimulatorOptions(delta_mm=delta_mm), [rng], labels)))
    both = None if labels is None else (found.labels, labels)
    return Pair(f"{name}, simulated, {delta_mm:g} mm", found.image, scan, found.transform, both)


def phantom(seed: int, size: int, slices: int):
    """A synthetic patient that no network was trained on."""
    from LongitudinalRegistrationLib.phantom import PhantomOptions, make_phantom

    return make_phantom(seed, PhantomOptions(size=size, slices=slices))


def pairs(quick: bool) -> Iterator[Pair]:
    """All pairs, one by one; those whose scans are missing are left out. `quick`: small, synthetic ones only."""
    scan = None
    if not quick and DATA.exists():
        scan = sitk.ReadImage(str(DATA / "hcc007_baseline.nii.gz"))
        yield Pair("HCC_007, real follow-up", scan, sitk.ReadImage(str(DATA / "hcc007_followup.nii.gz")))
    size, slices = (160, 56) if quick else (512, 150)
    patient = phantom(101, size, slices)
    both = patient.baseline.vertebrae, patient.followup.vertebrae
    yield Pair("phantom 101, follow-up", patient.baseline.image, patient.followup.image, patient.true_transform, both)
    baseline = phantom(102, size, slices).baseline
    yield replace(simulated("phantom 102", baseline.image, 11.0, baseline.vertebrae), peers=quick)
    for delta in (11.0, 6.0) if scan is not None else ():
        yield replace(simulated("HCC_007", scan, delta), peers=delta == 11.0)


def known_pairs(quick: bool) -> Iterator[Known]:
    """Pairs with known truth that no training saw; those whose scans are missing are left out.

    Simulated follow-ups of every scan, and breaths with landmarks. `quick`: of one small synthetic patient only.
    """
    size, slices = (160, 56) if quick else (256, 100)
    scans = [phantom(104, size, slices).baseline.image]
    if not quick and DATA.exists():
        scans += [sitk.ReadImage(str(DATA / f"hcc007_{which}.nii.gz")) for which in ("baseline", "followup")]
    for delta in (6.0, 25.0) if quick else (6.0, 11.0, 18.0, 25.0):
        for scan in scans:
            pair = simulated("", scan, delta)
            yield Known(f"simulated, {delta:g} mm", delta >= 18, pair.fixed, pair.moving, pair.truth)
    for points in () if quick else sorted((DATA / "lung4dct").glob("case*_landmarks_LPS.csv")):
        case = points.name.split("_")[0]
        fixed, moving = (sitk.ReadImage(str(points.parent / f"{case}_{phase}.nii.gz")) for phase in ("T00", "T50"))
        landmarks = np.genfromtxt(points, delimiter=",")
        landmarks = landmarks[np.isfinite(landmarks).all(axis=1)]
        yield Known(f"lung 4DCT {case}, {len(landmarks)} landmarks", True, fixed, moving, landmarks)


def sweep(quick: bool) -> Iterator[tuple[float, Pair]]:
    """Displacement sweep (figure 11 of the paper): delta in mm, and the pair."""
    baseline = phantom(103, *((160, 56) if quick else (256, 100))).baseline
    for delta in (0.0, 10.0) if quick else np.arange(0.0, 25.1, 5.0):
        yield float(delta), simulated("phantom 103", baseline.image, float(delta), baseline.vertebrae)
