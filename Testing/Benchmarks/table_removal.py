"""Table removal against its targets, and beside the recipe of RemoveCtTable (SlicerSandbox) made with SimpleITK.

    python Testing/Benchmarks/table_removal.py [--size 512] [--slices 150] [--seeds 20] [--out docs/benchmarks]

Writes table_removal.md. The parts: Dice on phantoms of ten scenarios; time and memory for 300 slices of 512 x 512;
time of a slice's preview from the moved slider to the updated overlay node, in the stand-in for Slicer.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count, sysconf
from pathlib import Path

import numpy as np
import SimpleITK as sitk

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = (
    ("routine", {}),
    ("off-centre", {"off_centre_mm": (70.0, 30.0)}),
    ("arms down", {"arms": "down"}),
    ("legs apart", {"legs_apart": True}),
    ("prone", {"position": "prone"}),
    ("truncated field of view", {"truncated_fov": True}),
    ("thin chest wall", {"coverage": "chest", "thin_chest_wall": True}),
    ("prosthesis on the skin", {"prosthesis_on_skin": True}),
    ("table contact", {"table_contact": True}),
    ("padding of -3024", {"padding_hu": -3024}),
)
GOOD_DICE, LEAST_DICE, DEPTH_MM = 0.995, 0.98, 3.0
TIMED_SLICES, TIMED_SIZE = 300, 512
REPEATS = 3
PREVIEWS = 60
FLAGS_BEGIN = "<!-- flags -->"
PEER_THRESHOLD_HU, PEER_CLOSING_MM = -300.0, 6.0


@dataclass(frozen=True)
class Score:
    """One method on one phantom: Dice, seconds, patient voxels deeper than 3 mm that were lost."""

    scenario: str
    method: str
    dice: float
    seconds: float
    deep_lost: int


def peer_recipe(image: sitk.Image) -> sitk.Image:
    """Threshold, largest island, closing, holes filled slice by slice."""
    tissue = sitk.Cast(image > PEER_THRESHOLD_HU, sitk.sitkUInt8)
    largest = sitk.RelabelComponent(sitk.ConnectedComponent(tissue), sortByObjectSize=True) == 1
    radius = [max(1, round(PEER_CLOSING_MM / s)) for s in image.GetSpacing()]
    closed = sitk.BinaryMorphologicalClosing(largest, radius)
    slices = [sitk.BinaryFillhole(closed[:, :, k]) for k in range(image.GetSize()[2])]
    mask = sitk.JoinSeries(slices)
    mask.CopyInformation(image)
    return mask


def our_method(name: str) -> Callable[[sitk.Image], sitk.Image]:
    """Return compute_body_mask with a method, as a function from image to mask."""
    from TableRemovalLib.body_mask import compute_body_mask
    from TableRemovalLib.options import TableRemovalOptions

    return lambda image: compute_body_mask(image, TableRemovalOptions(method=name)).mask


def score(method: Callable, image: sitk.Image, truth: sitk.Image) -> tuple[float, float, int]:
    """Return (Dice, seconds, deep voxels lost) of a method on a scan whose body is known."""
    started = time.perf_counter()
    mask = method(image)
    seconds = time.perf_counter() - started
    found, body = sitk.GetArrayViewFromImage(mask) > 0, sitk.GetArrayViewFromImage(truth) > 0
    dice = 2 * np.count_nonzero(found & body) / max(1, np.count_nonzero(found) + np.count_nonzero(body))
    depth = sitk.SignedMaurerDistanceMap(truth, insideIsPositive=True, squaredDistance=False, useImageSpacing=True)
    deep = sitk.GetArrayViewFromImage(depth) > DEPTH_MM
    return dice, seconds, int(np.count_nonzero(deep & ~found))


def phantom_scores(size: int, slices: int, seeds: int) -> list[Score]:
    """Score the methods on `seeds` phantoms, the scenarios in turn."""
    from LongitudinalRegistrationLib.phantom import PhantomOptions, make_phantom

    methods = {"robust": our_method("robust"), "paper": our_method("paper"), "peer": peer_recipe}
    scores = []
    for seed in range(1, seeds + 1):
        scenario, switches = SCENARIOS[(seed - 1) % len(SCENARIOS)]
        scan = make_phantom(seed, PhantomOptions(size=size, slices=slices, **switches)).baseline
        for name, method in methods.items():
            scores.append(Score(scenario, name, *score(method, scan.image, scan.body)))
        print(f"seed {seed}: {scenario}: " + ", ".join(f"{s.method} {s.dice:.4f}" for s in scores[-3:]), flush=True)
    return scores


def long_scan(path: Path) -> None:
    """Write a scan of 300 slices of 512 x 512: a phantom's slices there and back."""
    from LongitudinalRegistrationLib.phantom import PhantomOptions, make_phantom

    half = sitk.GetArrayFromImage(
        make_phantom(1, PhantomOptions(size=TIMED_SIZE, slices=TIMED_SLICES // 2)).baseline.image
    )
    image = sitk.GetImageFromArray(np.concatenate([half, half[::-1]]))
    image.SetSpacing((0.9, 0.9, 2.0))
    sitk.WriteImage(image, str(path))


def time_whole_scan(path: Path, method: str) -> dict:
    """Return seconds (best of some runs) and memory over the volume's size, measured in a process of its own."""
    command = [sys.executable, str(Path(__file__).resolve()), "--measure", str(path), method]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def measure(path: str, method: str) -> None:
    """Print, as JSON, what `time_whole_scan` returns: runs in a process of its own."""
    run = peer_recipe if method == "peer" else our_method(method)
    image = sitk.ReadImage(path)
    run(image[:, :, :16])
    volume = 2.0 * float(np.prod(image.GetSize()))
    best, peak = (float("inf"), 0.0), 0.0
    for _attempt in range(1 if method == "peer" else REPEATS):
        with ThreadPoolExecutor(max_workers=1) as pool:
            before, wall, processor = resident_bytes(), time.perf_counter(), time.process_time()
            future = pool.submit(run, image)
            while not future.done():
                peak = max(peak, resident_bytes() - before)
                time.sleep(0.005)
            best = min(best, (time.perf_counter() - wall, time.process_time() - processor))
    print(json.dumps({"seconds": best[0], "processor_seconds": best[1], "memory_in_volumes": peak / volume}))


def resident_bytes() -> int:
    """Return this process's memory (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * sysconf("SC_PAGE_SIZE")


def preview_times() -> dict[str, tuple[float, float, float]]:
    """Return (median, 95th percentile, rendering) in ms of one slice's preview, by what was changed."""
    sys.path.insert(0, str(ROOT / "Testing" / "Host"))
    from slicerhost import boot

    host = boot()
    from LongitudinalRegistrationLib.phantom import PhantomOptions, make_phantom
    from slicerhost import views
    from slicerhost.application import closePanel, makePanel

    view = views.makeSliceView(host, "Red", views.AXIAL)
    panel = makePanel(host.modules["TableRemoval"])
    from TableRemovalSlicer.volumes import addVolumeNode

    scan = make_phantom(1, PhantomOptions(size=512, slices=60)).baseline.image
    panel.ui.inputSelector.setCurrentNode(addVolumeNode(scan, "phantom"))
    _wait(panel)
    times = {}
    ui = panel.ui
    ui.automaticThresholdCheckBox.checked = False
    for method in ("Robust", "Paper"):
        ui.methodComboBox.setCurrentIndex(ui.methodComboBox.findText(method))
        times[f"threshold slider, {method.lower()}"] = _time(panel, view, _set(ui.thresholdSlider, 0.10, 0.002))
        times[f"seed, {method.lower()}"] = _time(panel, view, _set(ui.seedColumnSpinBox, 200, 1))
        times[f"scrolling, {method.lower()}"] = _time(panel, view, _set(ui.sliceSlider, 0, 1))
    ui.scopeComboBox.setCurrentIndex(1)
    ui.automaticThresholdCheckBox.checked = False
    times["threshold slider, one slice (override)"] = _time(panel, view, _set(ui.thresholdSlider, 0.10, 0.002))
    closePanel(panel)
    return times


def _set(widget, first, step):
    def change(number):
        widget.value = first + number * step

    return change


def _wait(panel) -> None:
    import slicer

    while not (panel.logic.session.ready and panel.logic.session.current):
        slicer.app.processEvents()
        panel.poll()
        time.sleep(0.02)


def _time(panel, view, change) -> tuple[float, float, float]:
    from slicerhost import views

    panel.ui.automaticSeedCheckBox.checked = False
    change(0)
    _wait(panel)
    seconds, rendering = [], []
    for number in range(1, PREVIEWS):
        started = time.perf_counter()
        change(number % 59)
        seconds.append(time.perf_counter() - started)
        if number % 20 == 0:
            started = time.perf_counter()
            views.renderArray(view)
            rendering.append(time.perf_counter() - started)
    return tuple(1e3 * v for v in (np.median(seconds), np.percentile(seconds, 95), np.median(rendering)))


def ctcontour_note() -> str:
    """Return why ctcontour is, or is not, in the comparison."""
    try:
        return f"`ctcontour` {importlib.metadata.version('ctcontour')} is installed but was not run."
    except importlib.metadata.PackageNotFoundError:
        return (
            "`ctcontour` 1.2 (GPL-3.0) was not run: it pins numba 0.52, scipy 1.4.1 and numpy 1.23.4, which cannot be "
            "installed together, nor on Python 3.10 or later."
        )


def report(scores, whole, previews, arguments) -> str:
    """Return the page."""
    lines = [
        "# Table removal: figures",
        "",
        f"Written by `python Testing/Benchmarks/table_removal.py --size {arguments.size} --slices {arguments.slices} "
        f"--seeds {arguments.seeds}` on {cpu_count()} cores ({platform.machine()}, Python "
        f"{platform.python_version()}). `peer` is the recipe of RemoveCtTable (threshold {PEER_THRESHOLD_HU:.0f} HU, "
        f"largest island, closing of {PEER_CLOSING_MM:.0f} mm, holes filled) made with SimpleITK.",
        "",
        f"## Phantoms ({arguments.size} x {arguments.size} x {arguments.slices}, {arguments.seeds} seeds)",
        "",
        "| method | Dice, mean | Dice, least | below 0.98 | scans with patient lost deeper than 3 mm | seconds, mean |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for method in ("robust", "paper", "peer"):
        own = [s for s in scores if s.method == method]
        dice = [s.dice for s in own]
        failed = sum(d < LEAST_DICE for d in dice)
        deep, seconds = sum(s.deep_lost > 0 for s in own), np.mean([s.seconds for s in own])
        lines.append(
            f"| {method} | {np.mean(dice):.4f} | {min(dice):.4f} | {failed} | {deep} of {len(own)} | {seconds:.2f} |"
        )
    lines += ["", f"Target: mean {GOOD_DICE}, none below {LEAST_DICE}, nothing deeper than 3 mm lost.", ""]
    lines += ["| scenario | robust | paper | peer | deep voxels lost by robust |", "| --- | --- | --- | --- | --- |"]
    for scenario in dict.fromkeys(s.scenario for s in scores):
        own = {m: [s for s in scores if (s.scenario, s.method) == (scenario, m)] for m in ("robust", "paper", "peer")}
        dice = " | ".join(f"{min(s.dice for s in own[m]):.4f}" for m in own)
        lines.append(f"| {scenario} | {dice} | {max(s.deep_lost for s in own['robust'])} |")
    lines += ["", "Dice of the worse seed of each scenario.", "", f"## {TIMED_SLICES} slices of 512 x 512", ""]
    lines += ["| method | seconds | processor seconds, both cores | memory beside the volume, in volumes |"]
    lines += ["| --- | --- | --- | --- |"]
    lines += [
        f"| {m} | {v['seconds']:.2f} | {v['processor_seconds']:.2f} | {v['memory_in_volumes']:.2f} |"
        for m, v in whole.items()
    ]
    lines += [
        "",
        "Target: 1.5 s for `robust`, memory below 3 volumes; the fastest of three runs, compiled code cached.",
    ]
    lines += [
        "",
        "## Preview of one slice, 512 x 512",
        "",
        "From the moved widget to the updated overlay node, ms.",
        "",
    ]
    lines += ["| change | median | 95th percentile | rendering, apart |", "| --- | --- | --- | --- |"]
    lines += [f"| {name} | {a:.1f} | {b:.1f} | {c:.0f} |" for name, (a, b, c) in previews.items()]
    lines += ["", "Target: 50 ms at the 95th percentile.", "", ctcontour_note(), ""]
    return "\n".join(lines)


def flags_section(page: Path) -> str:
    """Return the section that table_removal_flags.py has put into a page; empty where there is none."""
    old = page.read_text(encoding="utf-8") if page.exists() else ""
    return "\n" + old[old.index(FLAGS_BEGIN) :] if FLAGS_BEGIN in old else ""


def main() -> None:
    """Run everything and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=512, help="pixels along a row of the phantoms")
    parser.add_argument("--slices", type=int, default=150, help="slices of the phantoms")
    parser.add_argument("--seeds", type=int, default=20, help="how many phantoms")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks", help="folder for table_removal.md")
    parser.add_argument("--measure", nargs=2, metavar=("FILE", "METHOD"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(*arguments.measure)
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    previews = preview_times()
    scores = phantom_scores(arguments.size, arguments.slices, arguments.seeds)
    scan = arguments.out / "long-scan.nrrd"
    try:
        long_scan(scan)
        whole = {method: time_whole_scan(scan, method) for method in ("robust", "paper", "peer")}
    finally:
        scan.unlink(missing_ok=True)
    page = report(scores, whole, previews, arguments)
    path = arguments.out / "table_removal.md"
    path.write_text(page + flags_section(path), encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
