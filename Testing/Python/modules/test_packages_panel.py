"""The section about Python packages in both panels: missing, installing, installed, interrupted, removed.

pip is real, the wheels are small and made here; the packages are names that no base has.
"""

import os
import sys
import time
from pathlib import Path

import pytest
from jobs import STAND_IN
from places import ROOT
from wheels import make_wheel

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

COMPILES = "import tiny\nprint('compiling 1 of 1')\nprint(tiny.__file__)\n"
APPLY = {"TableRemoval": "applyButton", "LongitudinalRegistration": "registerButton"}


@pytest.fixture
def root(host, monkeypatch, tmp_path):
    """Where the packages go; nothing is there yet, and pip has a few small wheels."""
    shop = tmp_path / "shop"
    shop.mkdir()
    make_wheel(shop, "tiny", "1.2", ["helper"], "def answer():\n    return 42\n")
    make_wheel(shop, "helper")
    make_wheel(shop, "runtime", "2.0")
    (tmp_path / "made_ready").mkdir()
    (tmp_path / "made_ready" / "__init__.py").touch()
    (tmp_path / "made_ready" / "kernels.py").write_text(COMPILES)
    monkeypatch.setenv("LONGCT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PIP_FIND_LINKS", str(shop))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.syspath_prepend(tmp_path)
    from TableRemovalSlicer.packages import packagesRoot

    return packagesRoot()


@pytest.fixture(autouse=True)
def tiny_is_missing(root, host, monkeypatch, use_worker):
    """Both modules need "tiny", and the network "runtime"."""
    from TableRemovalSlicer import logic as table
    from TableRemovalSlicer.packages import Package

    tiny, runtime = Package("tiny>=1,<2", 64, 190), Package("runtime>=2", 28, 105, "The Runtime")
    registration = host.modules["LongitudinalRegistration"].python
    monkeypatch.setattr(table, "NUMBA", tiny)
    monkeypatch.setattr(registration, "PACKAGES", (tiny,))
    monkeypatch.setattr(registration, "ONNX_RUNTIME", runtime)
    monkeypatch.setattr(registration, "COMPILE", "made_ready.kernels")
    use_worker(STAND_IN)


def section(panel):
    """The panel's section, whether it stands first, and its widgets."""
    found = panel.packagesSection
    place = found.widget.parent().layout().indexOf(found.widget)
    return found, place == 0 and not found.widget.collapsed, found.ui


def wait(panel, until, seconds=60):
    import slicer

    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:
        slicer.app.processEvents()
        time.sleep(0.02)
    assert until(), panel.packagesSection.packages.log


@pytest.mark.parametrize("name", APPLY)
def test_one_button_installs_beside_the_base_and_one_removes(open_panel, root, name):
    import slicer

    environment, path = dict(os.environ), list(sys.path)
    panel = open_panel(name)
    found, isFirst, ui = section(panel)
    network = name == "LongitudinalRegistration"
    size = "about 92 MB to download, 295 MB on disk" if network else "about 64 MB to download, 190 MB on disk"
    assert isFirst and not found.widget.isHidden()
    assert all(words in ui.packagesLabel.text for words in ("tiny", size, "stay as they are"))
    assert ("The Runtime" in ui.packagesLabel.text) == network
    assert ui.removeButton.isHidden() and str(root) in ui.installButton.toolTip
    apply = getattr(panel.ui, APPLY[name])
    assert not apply.enabled and "Install" in apply.toolTip

    ui.installButton.click()
    assert ui.installButton.text == "Cancel" and not ui.packagesLogEdit.isHidden()
    slicer.app.processEvents()
    wait(panel, lambda: not found.packages.running)
    assert found.packages.message == "Installed.", found.packages.log
    text = ui.packagesLogEdit.toPlainText()
    assert "Successfully installed" in text and ("compiling 1 of 1" in text) == network
    found, isFirst, ui = section(panel)
    assert not isFirst and found.widget.collapsed and not found.widget.isHidden()
    assert "tiny 1.2" in ui.packagesLabel.text and ("The Runtime 2.0" in ui.packagesLabel.text) == network
    assert ui.installButton.isHidden() and not ui.removeButton.isHidden()
    assert "Install" not in apply.toolTip
    assert dict(os.environ) == environment and sys.path == path and str(root) not in str(path)

    ui.removeButton.click()
    assert "MB are free again" in ui.packagesMessageLabel.text and not list(root.glob("packages-*"))
    assert section(panel)[1] and not apply.enabled and "tiny" in ui.packagesLabel.text


def test_only_the_processes_that_work_have_the_folder_on_their_path(open_panel, root, monkeypatch):
    """The registering process is started again with the folder; it finds what was installed, as its sibling does."""
    import slicer
    from LongitudinalRegistrationSlicer.module import logic
    from TableRemovalSlicer.packages import moduleCommand

    path, environment = list(sys.path), dict(os.environ)
    panel = open_panel("LongitudinalRegistration")
    command = moduleCommand("LongitudinalRegistrationSlicer.process.stand_in_worker")
    assert "TableRemovalLib.packages.start" not in command
    monkeypatch.setattr(
        logic, "workerCommand", lambda: moduleCommand("LongitudinalRegistrationSlicer.process.stand_in_worker")
    )
    section(panel)[2].installButton.click()
    wait(panel, lambda: not panel.packagesSection.packages.running)
    folder = str(panel.packagesSection.packages.installation.folder)
    assert folder.startswith(str(root)) and folder in moduleCommand("TableRemovalLib.scan_worker", "x")
    wait(panel, lambda: panel.logic._job.ready)
    slicer.app.processEvents()
    if sys.platform == "linux":
        own = Path(f"/proc/{panel.logic._job._process._process.pid}/cmdline").read_text().split("\0")
        assert folder in own
    assert sys.path == path and dict(os.environ) == environment
    compiled = panel.packagesSection.packages.log[-1]
    assert compiled == os.path.join(folder, "tiny", "__init__.py")


def test_a_cancelled_installation_leaves_nothing_and_a_failed_one_says_why(open_panel, root, monkeypatch):
    panel = open_panel("LongitudinalRegistration")
    found, _isFirst, ui = section(panel)
    ui.installButton.click()
    wait(panel, lambda: list(root.glob("staging-*")))
    ui.installButton.click()
    assert "nothing was installed" in ui.packagesMessageLabel.text and ui.installButton.text == "Install packages"
    assert not list(root.glob("*-*")) and found.packages.missing
    monkeypatch.setenv("PIP_FIND_LINKS", str(root))
    ui.installButton.click()
    wait(panel, lambda: not found.packages.running)
    assert "tiny" in ui.packagesMessageLabel.text and "try again" in ui.packagesMessageLabel.text
    assert section(panel)[1] and not list(root.glob("*-*"))


def test_an_interrupted_installation_is_found_and_repaired_by_the_same_button(open_panel, root):
    (root / "staging-left").mkdir(parents=True)
    panel = open_panel("TableRemoval")
    found, isFirst, ui = section(panel)
    assert isFirst and "interrupted" in ui.packagesLabel.text and ui.installButton.text == "Repair"
    assert not ui.removeButton.isHidden()
    ui.installButton.click()
    wait(panel, lambda: not found.packages.running)
    assert found.packages.message == "Installed." and not (root / "staging-left").exists()
    assert not section(panel)[1]


def test_what_is_left_beside_a_whole_installation_is_removed_without_another(open_panel, root):
    panel = open_panel("TableRemoval")
    found, _isFirst, ui = section(panel)
    ui.installButton.click()
    wait(panel, lambda: not found.packages.running)
    (root / "staging-left").mkdir()
    found.enter()
    assert section(panel)[1] and ui.installButton.text == "Repair" and found.packages.installation is not None
    ui.installButton.click()
    assert not found.packages.running and not (root / "staging-left").exists() and not section(panel)[1]
    assert found.packages.installation is not None and panel.ui.applyButton.toolTip.startswith("Select")


def test_the_second_module_adds_to_what_the_first_has_installed(open_panel):
    first = open_panel("TableRemoval").packagesSection
    first.ui.installButton.click()
    panel = open_panel("LongitudinalRegistration")
    second = panel.packagesSection
    second.ui.installButton.click()
    wait(panel, lambda: not second.packages.running)
    if "wait until" in second.packages.message:
        wait(panel, lambda: not first.packages.running)
        second.enter()
        assert [package.name for package in second.packages.wanted] == ["runtime"]
        second.ui.installButton.click()
        wait(panel, lambda: not second.packages.running)
    assert second.packages.installation.requirements == ("tiny>=1,<2", "runtime>=2")
    first.enter()
    assert not first.packages.missing


def test_packages_made_for_another_numpy_are_to_be_installed_anew(open_panel, root, monkeypatch):
    """As where another extension has changed Slicer's numpy."""
    from TableRemovalLib.packages import folder

    panel = open_panel("TableRemoval")
    found, _isFirst, ui = section(panel)
    ui.installButton.click()
    wait(panel, lambda: not found.packages.running)
    monkeypatch.setattr(folder, "base_versions", lambda: {"numpy": "9.9", "scipy": None})
    found.enter()
    assert section(panel)[1] and "has changed" in ui.packagesLabel.text and "tiny" in ui.packagesLabel.text
    assert ui.installButton.text == "Repair" and not panel.ui.applyButton.enabled


def test_where_only_the_network_lacks_its_runtime_the_panel_names_it_and_registers_all_the_same(
    host, open_panel, monkeypatch
):
    from LongitudinalRegistrationSlicer.process.packages import ONNX_RUNTIME
    from TableRemovalLib.packages import folder

    monkeypatch.setattr(folder, "is_satisfied", lambda requirement: "onnxruntime" not in requirement)
    monkeypatch.setattr(host.modules["LongitudinalRegistration"].python, "ONNX_RUNTIME", ONNX_RUNTIME)
    panel = open_panel("LongitudinalRegistration")
    _found, isFirst, ui = section(panel)
    assert isFirst and not ui.installButton.isHidden()
    assert "Without ONNX Runtime, VoxelMorph (paper) cannot be used" in ui.packagesLabel.text
    assert "28 MB" in ui.packagesLabel.text and "Install" not in panel.ui.registerButton.toolTip


@pytest.mark.slow
def test_the_installation_ends_with_the_kernels_compiled(host, open_panel, monkeypatch, tmp_path):
    """The real module, which says how far it is; what it compiles goes into a folder of this test."""
    from LongitudinalRegistrationSlicer.process.packages import COMPILE

    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "kernels"))
    monkeypatch.setattr(host.modules["LongitudinalRegistration"].python, "COMPILE", COMPILE)
    panel = open_panel("LongitudinalRegistration")
    found, _isFirst, ui = section(panel)
    ui.installButton.click()
    wait(panel, lambda: not found.packages.running, 600)
    assert found.packages.message == "Installed." and list((tmp_path / "kernels").rglob("*.compiled"))
    assert found.packages.log[-1].endswith("100 %")


def test_the_panel_and_the_command_line_ask_for_the_same_versions():
    from LongitudinalRegistrationSlicer.process.packages import ONNX_RUNTIME, PACKAGES

    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for package in (*PACKAGES, ONNX_RUNTIME):
        assert f'"{package.requirement}' in text
