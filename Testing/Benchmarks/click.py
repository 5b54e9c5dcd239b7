"""From the click on Register to the repainted views: the panel in the stand-in host, with its real process.

    python Testing/Benchmarks/click.py [--out FOLDER]
    python Testing/Benchmarks/click.py --labels

Adds its figures to FOLDER/registration.json (see registration.py) and writes the page anew. The pair is the real one,
or, where it is missing, synthetic patient 101. With --labels: that patient with vertebra labels of 512 x 512 x 150, and
how long the window was blocked; only printed.
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
    """Time clicks with labels: medians over RUNS, the first not counted, and the longest block of the window."""
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
    begun = time.perf_counter()
    parameters.fixedVolume, parameters.movingVolume = volumes["Baseline"], volumes["Follow-up"]
    parameters.fixedLabels, parameters.movingLabels = volumes["Baseline labels"], volumes["Follow-up labels"]
    chosen = time.perf_counter() - begun
    letRun(panel, lambda: panel.logic._job.ready)
    runs = np.array([labelled_click(panel) for _ in range(LABELLED_RUNS + 1)])
    closePanel(panel)
    names = ("click", "transform", "scores", "block to transform", "block after it")
    first = dict(zip(names, runs[0].round(3).tolist(), strict=True))
    return {
        "chosen": round(chosen, 3),
        "first": first,
        "median": dict(zip(names, np.median(runs[1:], axis=0).round(3).tolist(), strict=True)),
    }


def labelled_click(panel) -> tuple[float, float, float, float, float]:
    """Seconds until the click returns, the transform is there, all is there; the longest turn of the timer before it,
    and after it, where the registered volume comes."""
    import slicer

    last, begun, turns = panel.logic.results, time.perf_counter(), [0.0]
    panel.ui.registerButton.click()
    click = time.perf_counter() - begun
    transform, before = None, 0.0
    while transform is None or panel.logic.needsPolling or panel.results._toCome:
        slicer.app.processEvents()
        turn = time.perf_counter()
        panel.onTimer()
        turns.append(time.perf_counter() - turn)
        if transform is None and panel.logic.results is not None and panel.logic.results is not last:
            transform, before, turns = time.perf_counter() - begun, max(turns), [0.0]
        time.sleep(0.005)
    return click, transform, time.perf_counter() - begun, before, max(turns)


def main() -> None:
    """Measure, and write the page anew."""
    from registration_report import write

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks", help="folder of the page")
    parser.add_argument("--labels", action="store_true", help="with labels, printed only")
    arguments = parser.parse_args()
    if arguments.labels:
        print(json.dumps(measure_labelled(), indent=2))
        return
    path = arguments.out / "registration.json"
    content = json.loads(path.read_text())
    content["click"] = measure()
    print(content["click"])
    write(content, arguments.out)


if __name__ == "__main__":
    main()
