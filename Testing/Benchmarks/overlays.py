"""How long the overlays' own work takes for a frame of 512 x 512 pixels, per mode, beside the whole render.

    python Testing/Benchmarks/overlays.py [--frames 60]

Prints a table of medians in ms. "Own work" is the painter with the two layers' window and level; "render" is a slice
view of the stand-in host scrolled by one step, drawn in software where there is no graphics card, with our work in it.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
for folder in ("Testing/Host", "LongitudinalRegistration", "TableRemoval"):
    sys.path.insert(0, str(ROOT / folder))
SIZE_PX, SIZE_MM = 512, 300.0


def addScan(name, seed):
    """A scan of 150 x 150 x 60 voxels of smooth texture, 2 mm and 4 mm."""
    import SimpleITK as sitk
    from TableRemovalSlicer.volumes import addVolumeNode

    noise = np.random.default_rng(seed).normal(0, 1, (60, 150, 150)).astype(np.float32)
    smooth = sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(noise), 4.0) * 10000
    image = sitk.Cast(smooth, sitk.sitkInt16)
    image.SetSpacing((2.0, 2.0, 4.0))
    image.SetOrigin((-150.0, -150.0, -120.0))
    node = addVolumeNode(image, name)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetAutoWindowLevel(False)
    node.GetDisplayNode().SetWindowLevel(1800, 400)
    return node


class Watch:
    """A painter that notes how long another takes, in ms, window and level of both layers included."""

    def __init__(self, painter):
        self.painter, self.spent = painter, []

    def __call__(self, frame, picture):
        for layer in (frame.background, frame.foreground):
            layer.__dict__.pop("grey", None)
        start = time.perf_counter()
        picture = self.painter(frame, picture)
        self.spent.append(1000 * (time.perf_counter() - start))
        return picture


def timeMode(view, overlay, painter, mode, frames):
    """Return the medians of own work and render, in ms, while scrolling."""
    from slicerhost.views import renderArray

    painter.mode = mode
    watch = Watch(painter)
    overlay.painters[:] = [watch]
    overlay.refresh()
    renderArray(view)
    watch.spent.clear()
    renders = []
    for step in range(frames):
        view.get_view_node().SetSliceOffset(-60.0 + 120.0 * step / frames)
        start = time.perf_counter()
        view.render_window().Render()
        renders.append(1000 * (time.perf_counter() - start))
    return statistics.median(watch.spent), statistics.median(renders)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=60)
    frames = parser.parse_args().frames

    from slicerhost import boot, views

    host = boot(loadModules=False)
    from LongitudinalRegistrationSlicer.views.comparison_painter import MODES, ComparisonPainter
    from LongitudinalRegistrationSlicer.views.slice_overlay import SliceOverlay

    view = views.makeSliceView(host, "Red", views.AXIAL)
    views.place(view, views.Frame((0.0, 0.0, 0.0), SIZE_MM, SIZE_MM, SIZE_PX, SIZE_PX))
    composite = view._logic.GetSliceCompositeNode()
    composite.SetBackgroundVolumeID(addScan("Baseline", 1).GetID())
    composite.SetForegroundVolumeID(addScan("FollowUp", 2).GetID())
    overlay, painter = SliceOverlay("Red"), ComparisonPainter()
    overlay.setEnabled(True)
    print("| mode | own work, ms | render with it, ms |\n| --- | --- | --- |")
    for mode in MODES:
        own, render = timeMode(view, overlay, painter, mode, frames)
        print(f"| {mode} | {own:.1f} | {render:.1f} |")


if __name__ == "__main__":
    main()
