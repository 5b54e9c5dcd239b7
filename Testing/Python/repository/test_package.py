"""The archive for the Extensions Manager: its layout, and the modules run from it as it is installed."""

import json
import os
import subprocess
import sys
import tarfile
import zipfile

import pytest
from places import HOST, ROOT

sys.path.insert(0, str(ROOT / "Testing"))

import package  # noqa: E402

INSIDE = """
import sys
from pathlib import Path
from slicerhost import boot
folder, files = Path(sys.argv[1]), sys.modules["slicerhost.boot"].MODULE_FILES
files.update({name: folder / f"{name}.py" for name in files})
host = boot()
from slicerhost.application import closePanel, makePanel
for name in host.modules:
    closePanel(makePanel(host.modules[name]))
import LongitudinalRegistrationLib, TableRemovalLib
from LongitudinalRegistrationLib.methods.network.model_store import MODELS_FOLDER
from LongitudinalRegistrationLib.report.html import FOLDER
places = [LongitudinalRegistrationLib.__file__, TableRemovalLib.__file__, MODELS_FOLDER, FOLDER]
places += [host.modules[name].python.__file__ for name in host.modules]
assert all(folder in Path(place).parents for place in places), places
assert list(MODELS_FOLDER.glob("*.onnx")) and list(MODELS_FOLDER.glob("*_compiled.npz")) and list(FOLDER.glob("*.j2"))
print("both opened")
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return package.build(tmp_path_factory.mktemp("package"))


def test_modules_and_description_lie_where_the_extensions_manager_looks(archive, tmp_path):
    with tarfile.open(archive) as file:
        names = file.getnames()
    top = archive.name.removesuffix(".tar.gz")
    assert all(name.startswith(f"{top}/") for name in names)
    inside = {name.removeprefix(f"{top}/") for name in names}
    assert f"share/Slicer-{package.SLICER}/LongitudinalRegistration.s4ext" in inside
    for name in ("TableRemoval.py", "LongitudinalRegistration.py", "Resources/UI/TableRemoval.ui"):
        assert f"lib/Slicer-{package.SLICER}/qt-scripted-modules/{name}" in inside
    with zipfile.ZipFile(package.build(tmp_path, system="win")) as file:
        assert {name.split("/", 1)[1] for name in file.namelist()} == inside


def test_the_description_has_what_the_catalog_shows():
    said = dict(line.split(" ", 1) for line in package.description().splitlines())
    assert {"scm", "scmurl", "scmrevision", *package.FIELDS} <= said.keys()
    assert all(said[name].startswith("https://") for name in ("scmurl", "homepage", "iconurl", "screenshoturls"))
    pictures = [said["iconurl"], *said["screenshoturls"].split()]
    assert all((ROOT / url.split("/main/", 1)[1]).is_file() for url in pictures)


def test_the_file_for_the_extensions_index_agrees_with_the_metadata():
    entry = json.loads((ROOT / "LongitudinalRegistration.json").read_text(encoding="utf-8"))
    known = {"$schema", "build_dependencies", "build_subdirectory", "category", "scm_revision", "scm_url", "tier"}
    assert set(entry) <= known and entry["tier"] in (1, 3, 5) and entry["build_dependencies"] == []
    said = package.metadata()
    assert entry["category"] == said["category"] and said["depends"] == "NA"
    repository = entry["scm_url"].removesuffix(".git")
    assert said["homepage"].startswith(repository) and repository.rsplit("/", 1)[1].startswith("Slicer")
    assert repository.removeprefix("https://github.com/") in said["iconurl"]


def test_both_modules_open_from_the_unpacked_archive(archive, tmp_path):
    pytest.importorskip("trame_slicer")
    pytest.importorskip("PySide6")
    with tarfile.open(archive) as file:
        file.extractall(tmp_path, filter="data")
    folder = next(tmp_path.rglob("qt-scripted-modules"))
    paths = os.pathsep.join([str(folder), str(HOST)])
    environment = {**os.environ, "PYTHONPATH": paths, "LONGCT_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-c", INSIDE, str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=300)
    assert "both opened" in ran.stdout, ran.stderr[-3000:]
