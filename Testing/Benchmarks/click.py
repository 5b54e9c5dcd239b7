"""From the click on Register to the repainted views: the panel in the stand-in host, with its real process.

    python Testing/Benchmarks/click.py [--out FOLDER]
    python Testing/Benchmarks/click.py --labels

Adds its figures to FOLDER/registration.json (see registration.py) and writes the page anew. The pair is the real one,
or, where it is missing, synthetic patient 101. With --labels: that patient with vertebra labels of 512 x 512 x 150,
beside what is aimed at; the longest turn of the event loop, and in which of our functions the time went; only printed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "Testing" / "Host")]
VIEW_PX, RUNS = 512, 9
LABELLED_PATIENT, LABELLED_RUNS = 101, 3
TARGETS_S = {
    "click": 0.05,
    "transform": 1.0,
    "volume": float("inf"),
    "scores": 3.0,
    "volume's arrival": float("inf"),
    "longest other block": 0.1,
}
"""What a click with labels of 512 x 512 x 150 is held to, seconds on two quiet cores."""
PHASES = ("chosen", "click", "transform", "volume", "scores", "other")


def one_click(panel, views) -> tuple[float, float]:
    """Seconds from the click to the transform in the scene, and from there to the last view repainted."""
    from slicerhost.application import letRun

    before, begun = panel.logic.results, time.perf_counter()
    panel.ui.registerButton.click()
    letRun(panel, lambda: panel.logic.results is not None and panel.logic.results is not before)
    applied = time.perf_counter()
    for view in views:
        view.render_window().Render()
    painted = time.perf_counter()
    letRun(panel, lambda: not panel.logic.needsPolling)
    return applied - begun, painted - applied


def measure() -> dict:
    """Medians over RUNS clicks, the first not counted."""
    from registration_pairs import pairs
    from slicerhost import boot

    host = boot()
    from LongitudinalRegistrationSlicer.views import layout
    from slicerhost.application import closePanel, letRun, makePanel
    from TableRemovalSlicer.volumes import addVolumeNode

    pair = next(iter(pairs(quick=False)))
    for name, image in (("Baseline", pair.fixed), ("Follow-up", pair.moving)):
        addVolumeNode(image, name)
    panel = makePanel(host.modules["LongitudinalRegistration"])
    letRun(panel, lambda: panel.logic._job.ready)
    panel.ui.registerButton.click()
    letRun(panel, lambda: panel.logic.results is not None and not panel.logic.needsPolling)
    panel.results.comparisonSection.ui.arrangeButton.click()
    for name in layout.viewNames():
        host.core.app_logic.GetSliceLogicByLayoutName(name).GetSliceNode().SetDimensions(VIEW_PX, VIEW_PX, 1)
    panel.results.comparisonSection.comparison.fit()
    shown = [v for v in host.core.view_manager.get_slice_views() if v.get_singleton_tag() in layout.viewNames()]
    for view in shown:
        view.render_window().SetSize(VIEW_PX, VIEW_PX)
        view.render_window().Render()
    found = np.array([one_click(panel, shown) for _ in range(RUNS + 1)][1:])
    closePanel(panel)
    total = found.sum(axis=1)
    return {
        "pair": pair.name,
        "views": len(shown),
        "px": VIEW_PX,
        "applied": round(float(np.median(found[:, 0])), 3),
        "repaint": round(float(np.median(found[:, 1])), 3),
        "total": round(float(np.median(total)), 3),
        "total_95": round(float(np.percentile(total, 95)), 3),
    }


def measure_labelled() -> dict:
    """Clicks with labels: medians over LABELLED_RUNS, the first not counted, and what blocked the window longest."""
    from event_loop import EventLoop
    from LongitudinalRegistrationLib.phantom import PhantomOptions, make_phantom
    from slicerhost import boot

    host = boot()
    from slicerhost.application import closePanel, letRun, makePanel
    from TableRemovalSlicer.volumes import addVolumeNode

    pair, volumes = make_phantom(LABELLED_PATIENT, PhantomOptions()), {}
    for name, side in (("Baseline", pair.baseline), ("Follow-up", pair.followup)):
        volumes[name] = addVolumeNode(side.image, name)
        volumes[f"{name} labels"] = addVolumeNode(side.vertebrae, f"{name} labels", "vtkMRMLLabelMapVolumeNode")
    panel = makePanel(host.modules["LongitudinalRegistration"])
    parameters = panel.logic.getParameterNode()
    with EventLoop() as loop:
        with loop.turn("chosen"):
            parameters.fixedVolume, parameters.movingVolume = volumes["Baseline"], volumes["Follow-up"]
            parameters.fixedLabels, parameters.movingLabels = volumes["Baseline labels"], volumes["Follow-up labels"]
        letRun(panel, lambda: panel.logic._job.ready)
        runs = [labelled_click(panel, loop) for _ in range(LABELLED_RUNS + 1)]
        closePanel(panel)
    seconds = {name: float(np.median([run[name] for run in runs[1:]])) for name in TARGETS_S}
    return {
        "first": {name: round(runs[0][name], 3) for name in TARGETS_S},
        "median": {name: round(value, 3) for name, value in seconds.items()},
        "target": TARGETS_S,
        "missed": [name for name, value in seconds.items() if value > TARGETS_S[name]],
        "longest": {phase: loop.longest(phase) for phase in PHASES},
    }


def labelled_click(panel, loop) -> dict:
    """Seconds from the click until it returns, until transform, volume and scores are there and shown, and the longest
    turn of the event loop with and without the one in which the volume comes."""
    import slicer

    last, begun, turns = panel.logic.results, time.perf_counter(), {}
    with loop.turn("click"):
        panel.ui.registerButton.click()
    found = {"click": time.perf_counter() - begun}
    while panel.logic.needsPolling or not panel.results.isComplete:
        before = panel.logic.results
        with loop.turn("other") as turn:
            slicer.app.processEvents()
            panel.onTimer()
            results = panel.logic.results
            if results is not None and results is not before and results is not last:
                turn.phase = _arrived(results, before)
        turns[turn.phase] = max(turns.get(turn.phase, 0.0), turn.seconds)
        if turn.phase in ("transform", "volume"):
            found[turn.phase] = time.perf_counter() - begun
        time.sleep(0.005)
    found["scores"] = time.perf_counter() - begun
    found["volume's arrival"] = turns.pop("volume", 0.0)
    return {**found, "longest other block": max(turns.values())}


def labelled_text(measured: dict) -> str:
    """Lay out what measure_labelled returns: a table, and a line for each kind of turn."""
    lines = [f"{'seconds':<22}{'first':>8}{'median':>8}{'target':>8}"]
    for name, target in measured["target"].items():
        wanted = f"{target:8.2f}" if np.isfinite(target) else " " * 8
        mark = "  MISSED" if name in measured["missed"] else ""
        lines.append(f"{name:<22}{measured['first'][name]:8.3f}{measured['median'][name]:8.3f}{wanted}{mark}")
    lines += ["", "Longest turn of the event loop (first run included), and where its time went:"]
    lines += [f"{phase:<10}{block}" for phase, block in measured["longest"].items() if block]
    return "\n".join(lines)


def _arrived(results, before) -> str:
    """Name what came with the nodes that are there now."""
    if before is None or before.transform is not results.transform:
        return "transform"
    return "volume" if results.registered is not before.registered else "scores"


def main() -> None:
    """Measure, and write the page anew."""
    from registration_report import write

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks", help="folder of the page")
    parser.add_argument("--labels", action="store_true", help="with labels, printed only")
    arguments = parser.parse_args()
    if arguments.labels:
        print(labelled_text(measure_labelled()))
        return
    path = arguments.out / "registration.json"
    content = json.loads(path.read_text())
    content["click"] = measure()
    print(content["click"])
    write(content, arguments.out)


if __name__ == "__main__":
    main()
