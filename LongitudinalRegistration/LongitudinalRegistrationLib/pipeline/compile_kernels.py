"""Compile the kernels of a registration for this computer, on the cores there are.

    python -m LongitudinalRegistrationLib.pipeline.compile_kernels

does so once and says how far it is, a line each: that belongs to an installation. Numba keeps what it compiles on
disk; a mark beside it tells that all of it is there, for these sources and this processor.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import llvmlite.binding
import numba
import numpy as np
import SimpleITK as sitk
import TableRemovalLib
from TableRemovalLib.errors import InputError

from ..field.box_warp import sample
from ..field.inverse import inverse_of, resampled
from ..field.transforms import compose
from ..field.warp import warp_image
from ..methods.affine.align import align
from ..methods.network.model_store import find_model
from ..methods.network.predict import loaded_predictor
from ..methods.refinement.agreement import agreement
from ..methods.refinement.options import RefinementOptions
from ..methods.refinement.refine import refine
from ..scan import kernels as volume_kernels
from ..scan.body import find_body
from ..scan.pyramid import make_pyramid

COMPILING = "Compiling for this computer, the first time only"
FUNCTIONS = {"bodies": 35, "registration": 24, "network": 20, "resampling": 6}
"""The parts, each compiled in a process of its own, and how many functions of ours each has."""

Progress = Callable[[str, float], None]


def _ball() -> sitk.Image:
    """A ball of 80 mm with some texture, HU."""
    z, y, x = np.meshgrid(*(np.linspace(-1.2, 1.2, n) for n in (64, 40, 40)), indexing="ij")
    inside = x**2 + y**2 + z**2 < 1
    ball = sitk.GetImageFromArray(np.where(inside, 50 + 40 * np.sin(5 * x) * np.cos(4 * y), -1000).astype(np.int16))
    ball.SetSpacing((1.2, 1.2, 1.4))
    return ball


def run_bodies() -> None:
    """Run once what finds the body."""
    find_body(_ball())


def run_registration() -> None:
    """Run once what prepares and registers a scan whose body is known."""
    scan = make_pyramid(_ball(), table_removal=False)
    affine = align(scan, scan).transform
    field = refine(scan, scan, affine, None, RefinementOptions(effort="thorough", iterations=1)).field
    agreement(scan, scan, affine, field)


def run_network() -> None:
    """Run once the pass of the default network; nothing where its model is missing, which the method says."""
    try:
        model = find_model()
    except InputError:
        return
    loaded_predictor(model)


def run_resampling() -> None:
    """Run once what resamples scans and labels, and what inverts a transform."""
    ball, affine = _ball(), sitk.AffineTransform(3)
    field = sitk.Image([8, 8, 8], sitk.sitkVectorFloat64, 3)
    field.SetSpacing([12.0] * 3)
    warp_image(ball, ball, affine, field)
    for labels in (False, True):
        sample(ball, ball, compose(affine, field), labels=labels)
    back = inverse_of(compose(affine, field))
    for kind in (sitk.sitkInt16, sitk.sitkUInt8):
        resampled(sitk.Cast(ball, kind), ball, back, labels=kind == sitk.sitkUInt8)


RUNS = {
    "bodies": run_bodies,
    "registration": run_registration,
    "network": run_network,
    "resampling": run_resampling,
}


def is_compiled() -> bool:
    """Whether the kernels, as they are now, have been compiled for this processor."""
    return _mark().exists()


def compile_kernels(progress: Progress | None = None) -> None:
    """Compile all parts beside each other.

    What fails in its own process is compiled where it is first used, which is slower and says why.

    Parameters
    ----------
    progress
        Called with words and the part that is done, 0 to 1.
    """
    done = dict.fromkeys(RUNS, 0)

    def tell(part: str) -> None:
        done[part] = min(done[part] + 1, FUNCTIONS[part])
        if progress:
            progress(COMPILING, sum(done.values()) / sum(FUNCTIONS.values()))

    children = [_Child(part, tell) for part in RUNS]
    if all([child.succeeded() for child in children]):
        mark = _mark()
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


class _Child:
    """A process that compiles a part, says a line for each function, and ends with this one."""

    def __init__(self, part: str, tell: Callable[[str], None]):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "LongitudinalRegistrationLib.pipeline.compile_kernels", "--part", part],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, args=(part, tell), daemon=True)
        self._reader.start()

    def _read(self, part: str, tell: Callable[[str], None]) -> None:
        assert self._process.stdout is not None, "opened with a pipe"
        for _ in self._process.stdout:
            tell(part)

    def succeeded(self) -> bool:
        """Whether it did what it should; waits for its end."""
        self._reader.join()
        if self._process.stdin:
            self._process.stdin.close()
        return self._process.wait() == 0


def _mark() -> Path:
    """A file beside the compiled kernels whose name stands for the sources, the versions and the processor."""
    packages = Path(__file__).parents[1], Path(str(TableRemovalLib.__file__)).parent
    sources = sorted(path for package in packages for path in package.rglob("*.py"))
    state = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in sources]
    asked_for = getattr(numba.config, "CPU_NAME", None), getattr(numba.config, "CPU_FEATURES", None)
    processor = (llvmlite.binding.get_host_cpu_name(), llvmlite.binding.get_host_cpu_features().flatten(), *asked_for)
    content = repr((numba.__version__, sys.version, processor, state))
    cache = Path(str(volume_kernels.blur_slices.stats.cache_path))
    return cache / f"longct-{hashlib.sha256(content.encode()).hexdigest()[:16]}.compiled"


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


class _SaysEach(numba.core.event.Listener):
    """Says the name of each function of ours that has been compiled."""

    def on_start(self, event: numba.core.event.Event) -> None:
        pass

    def on_end(self, event: numba.core.event.Event) -> None:
        function = event.data["dispatcher"].py_func
        if "Lib." in function.__module__:
            print(function.__qualname__, flush=True)


def main() -> None:
    """Compile all, or one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=RUNS)
    part = parser.parse_args().part
    if part:
        threading.Thread(target=_end_with_parent, daemon=True).start()
        numba.core.event.register("numba:compile", _SaysEach())
        RUNS[part]()
        os._exit(0)
    shown = -1

    def say(words: str, fraction: float) -> None:
        nonlocal shown
        if int(10 * fraction) > shown:
            shown = int(10 * fraction)
            print(f"{words}: {100 * fraction:.0f} %", flush=True)

    if not is_compiled():
        compile_kernels(say)


if __name__ == "__main__":
    main()
