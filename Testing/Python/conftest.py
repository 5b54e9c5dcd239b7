"""What several test files share: the small phantom pair, written once; the real scans, where they are."""

import os
import sys
from functools import lru_cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = REPOSITORY.parent / "shared" / "data"

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@lru_cache
def renders(path):
    """Whether a test file has to do with Slicer, and so may render in the stand-in host."""
    return "slicer" in path.read_text(encoding="utf-8")


LEARNS = (
    "test_cli.py",
    "test_evaluation.py",
    "test_gradient_check.py",
    "test_network.py",
    "test_pyramid.py",
    "test_registration.py",
    "test_training.py",
)
"""The test files that load TensorFlow."""


def pytest_itemcollected(item):
    """Keep the tests that render in one process and those that load TensorFlow in another; the rest may run in either.

    TensorFlow and the software renderer bring their own copies of one library, and crash together. The groups begin in
    the order of their first files, so that the longest, with TensorFlow, does not begin last (pyproject.toml:
    --no-loadscope-reorder).
    """
    others = "network" if item.path.name in LEARNS else "libraries"
    item.add_marker(pytest.mark.xdist_group("host" if renders(item.path) else others))


@pytest.fixture(autouse=True)
def apart(request):
    """Fail a test that loads TensorFlow and is not in LEARNS."""
    loaded = "tensorflow" in sys.modules
    yield
    if request.path.name not in LEARNS:
        assert loaded or "tensorflow" not in sys.modules, f"{request.path.name} belongs in conftest.LEARNS"


@pytest.fixture(scope="session")
def ellipsoid():
    """A textured ellipsoid of 120 x 100 x 160 mm on 2 mm voxels, as a prepared scan."""
    import numpy as np
    import SimpleITK as sitk
    from LongitudinalRegistrationLib.training.samples import PreparedScan

    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in (88, 56, 68)), indexing="ij")
    body = (x**2 + y**2 + z**2 < 0.85).astype(np.uint8)
    noise = sitk.GetImageFromArray(np.random.default_rng(0).random(body.shape).astype(np.float32))
    texture = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(noise, 2.0))
    return PreparedScan("ellipsoid", (body * np.clip(0.8 + 3 * (texture - 0.5), 0, 1)).astype(np.float32), body)


@pytest.fixture(scope="session")
def phantom_pair():
    """A small phantom: 160 x 160 x 56 voxels."""
    from LongitudinalRegistrationLib.phantom import PhantomOptions, make_phantom

    return make_phantom(3, PhantomOptions(size=160, slices=56))


@pytest.fixture(scope="session")
def phantom_folder(phantom_pair, tmp_path_factory):
    """The small phantom's files."""
    from LongitudinalRegistrationLib.phantom import write_phantom

    folder = tmp_path_factory.mktemp("phantom")
    write_phantom(phantom_pair, folder)
    return folder


@pytest.fixture(scope="session")
def real_data():
    """The folder of real scans; the test is skipped where it is missing."""
    if not (DATA / "README.md").exists():
        pytest.skip("the real scans are not here")
    return DATA
