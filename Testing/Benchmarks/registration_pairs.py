"""The pairs that registrations are compared on: synthetic patients, simulated follow-ups of real scans, a real pair."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SEED = 2026


@dataclass(frozen=True)
class Pair:
    """fixed, moving: scans in HU; truth: fixed to moving points (LPS, mm), or None; labels: of both scans, or None."""

    name: str
    fixed: sitk.Image
    moving: sitk.Image
    truth: sitk.Transform | None = None
    labels: tuple[sitk.Image, sitk.Image] | None = None


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
    yield simulated("phantom 102", baseline.image, 11.0, baseline.vertebrae)
    for delta in (11.0, 6.0) if scan is not None else ():
        yield simulated("HCC_007", scan, delta)


def sweep(quick: bool) -> Iterator[tuple[float, Pair]]:
    """Displacement sweep (figure 11 of the paper): delta in mm, and the pair."""
    baseline = phantom(103, *((160, 56) if quick else (256, 100))).baseline
    for delta in (0.0, 10.0) if quick else np.arange(0.0, 25.1, 5.0):
        yield float(delta), simulated("phantom 103", baseline.image, float(delta), baseline.vertebrae)
