"""What several test files share: the small phantom pair, written once; the real scans, where they are."""

import os
import sys
from functools import lru_cache

import pytest
from failure_data import random_data_of
from places import DATA

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # two processes on two cores: whoever waits must not spin


@lru_cache
def renders(path):
    """Whether a test file has to do with Slicer, and so may render in the stand-in host."""
    return "slicer" in path.read_text(encoding="utf-8")


LEARNS = ("test_training.py", "test_network.py", "test_cvpyramid.py", "test_gradient_check.py", "test_ablation.py")
"""The test files that load TensorFlow."""
LONG = (
    "test_niftyreg.py",
    "test_evaluation.py",
    "test_registration.py",
    "test_cli.py",
    "test_worker.py",
    "test_cohort.py",
)
"""The longest files of the rest."""


def group_of(path):
    """What must stay in one process: a name for each of two kinds, the file's own name for all others."""
    if path.name in LEARNS:
        return "network"
    return "host" if renders(path) else path.name


def pytest_itemcollected(item):
    """Keep the tests that render in one process and those that load TensorFlow in another; the rest, file by file, fill
    up whichever is free: they may run in either.

    TensorFlow and the software renderer bring their own copies of one library, and crash together. ONNX Runtime does
    not mind either.
    """
    item.add_marker(pytest.mark.xdist_group(group_of(item.path)))


def pytest_collection_modifyitems(items):
    """Begin with what takes longest (pyproject.toml: --no-loadscope-reorder), so that it is not what ends last."""
    order = ("network", "host", *LONG)
    place = {name: number for number, name in enumerate(order)}
    items.sort(key=lambda item: place.get(group_of(item.path), len(order)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Add what was random to the report of a test that failed: seeds, and the shapes of its arrays."""
    report = yield
    if report.failed and call.excinfo is not None:
        report.sections.append(("random data", "\n".join(random_data_of(call.excinfo.traceback))))
    return report


_learnt = False


@pytest.fixture(autouse=True)
def apart(request):
    """Fail a test that loads TensorFlow, itself or by its fixtures, and is not in LEARNS."""
    global _learnt
    _learnt = _learnt or request.path.name in LEARNS
    yield
    assert _learnt or "tensorflow" not in sys.modules, f"{request.path.name} belongs in conftest.LEARNS"


@pytest.fixture(scope="session")
def ellipsoid():
    """A textured ellipsoid of 120 x 100 x 160 mm on 2 mm voxels, as a prepared scan."""
    import numpy as np
    import SimpleITK as sitk
    from LongitudinalRegistrationLib.training.simulation.samples import PreparedScan

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
def thin_pair():
    """A patient in thin slices: 160 x 160 x 224 voxels of 2.5 x 2.5 x 2.1 mm, where phantom_pair has 7.6 mm."""
    from LongitudinalRegistrationLib.phantom import PhantomOptions, make_phantom

    return make_phantom(4, PhantomOptions(size=160, slices=224))


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


@pytest.fixture(scope="session")
def host():
    """The stand-in for Slicer, without the two modules."""
    from slicerhost import boot

    return boot(loadModules=False)


@pytest.fixture
def scene(host):
    """The stand-in's scene, empty."""
    host.core.scene.Clear(0)
    return host.core.scene
