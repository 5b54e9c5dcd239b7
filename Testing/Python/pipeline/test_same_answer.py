"""One number everywhere: the field does not depend on how many cores there are, nor on the processor's kind."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.methods.method import Problem
from LongitudinalRegistrationLib.pipeline.choice import solve
from LongitudinalRegistrationLib.pipeline.options import RegistrationOptions
from LongitudinalRegistrationLib.pipeline.registration import prepare
from LongitudinalRegistrationLib.pipeline.stages import Stages
from LongitudinalRegistrationLib.system.parallel import bound_threads, over_slices, sum_over_slices

intel = pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="these are Intel's processors")
REGISTER = """
import sys, SimpleITK as sitk
from LongitudinalRegistrationLib.methods.method import Problem
from LongitudinalRegistrationLib.methods.refinement.options import RefinementOptions
from LongitudinalRegistrationLib.pipeline.choice import solve
from LongitudinalRegistrationLib.pipeline.options import RegistrationOptions
from LongitudinalRegistrationLib.pipeline.registration import prepare
from LongitudinalRegistrationLib.pipeline.stages import Stages
options = RegistrationOptions(method="cost-volume", refinement_options=RefinementOptions(budget_seconds=600.0))
scans = [prepare(sitk.ReadImage(path), options) for path in sys.argv[1:3]]
sitk.WriteImage(solve(Problem(*scans, Stages()), options).candidate.field, sys.argv[3])
"""


def registered(phantom_folder, out, environment):
    """The field of the phantom, by a process of its own: [k, j, i, component], float64, mm."""
    scans = (str(phantom_folder / f"{scan}.nii.gz") for scan in ("baseline", "followup"))
    command = [sys.executable, "-c", REGISTER, *scans, str(out)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return sitk.GetArrayFromImage(sitk.ReadImage(str(out)))


def with_older_libraries():
    """An environment in which NumPy and its linear algebra do as on a processor with AVX2 alone."""
    wide = [name for name in np._core._multiarray_umath.__cpu_dispatch__ if name.startswith(("AVX512", "X86_V4"))]
    older = {"NPY_DISABLE_CPU_FEATURES": " ".join(wide), "OPENBLAS_CORETYPE": "Haswell", "PYTHONWARNINGS": "ignore"}
    return {**os.environ, **older}


def test_the_number_of_threads_changes_nothing(phantom_pair):
    fields = []
    for threads in (1, 2, 3):
        options = RegistrationOptions(method="cost-volume", threads=threads)
        scans = [prepare(scan.image, options) for scan in (phantom_pair.baseline, phantom_pair.followup)]
        candidate = solve(Problem(*scans, Stages()), options).candidate
        fields.append(sitk.GetArrayFromImage(candidate.field))
    assert np.abs(fields[0]).max() > 5.0
    for field in fields[1:]:
        np.testing.assert_array_equal(field, fields[0])


def test_sums_over_slices_are_rounded_alike_on_any_number_of_threads():
    values = np.random.default_rng(1).normal(size=(1000, 50))

    def kernel(first, stop):
        return values[first:stop].sum(), float(stop - first)

    fixed, free = set(), set()
    try:
        for threads in (1, 2, 3, 7):
            bound_threads(threads)
            fixed.add(sum_over_slices(kernel, slices=len(values)))
            free.add(sum(total for total, _count in over_slices(kernel, slices=len(values))))
    finally:
        bound_threads(None)
    assert len(fixed) == 1 < len(free) and {count for _total, count in fixed} == {1000.0}


@intel
def test_the_libraries_kernels_change_nothing(phantom_folder, tmp_path):
    """NumPy's and its linear algebra's for a processor with AVX2 alone; ours are compiled for the one at hand."""
    fields = [registered(phantom_folder, tmp_path / "own.nrrd", dict(os.environ))]
    fields.append(registered(phantom_folder, tmp_path / "older.nrrd", with_older_libraries()))
    assert np.abs(fields[0]).max() > 5.0
    np.testing.assert_array_equal(fields[1], fields[0])


@intel
@pytest.mark.slow
def test_the_processor_s_instructions_change_nothing(phantom_folder, tmp_path):
    """Ours too, compiled into caches of their own; and what was compiled before does as what was compiled just now."""
    own = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "own")}
    haswell = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": str(tmp_path / "haswell")}
    field = registered(phantom_folder, tmp_path / "own.nrrd", own)
    loaded = registered(phantom_folder, tmp_path / "loaded.nrrd", own)
    older = registered(phantom_folder, tmp_path / "older.nrrd", {**with_older_libraries(), **haswell})
    assert np.abs(field).max() > 5.0
    np.testing.assert_array_equal(loaded, field)
    np.testing.assert_array_equal(older, field)
