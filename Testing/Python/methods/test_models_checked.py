"""What is run is what was checked: models against their cards, NiftyReg against the pinned checksums."""

import os
import shutil

import pytest
from LongitudinalRegistrationLib.methods.network.model_store import MODELS_FOLDER, find_model
from LongitudinalRegistrationLib.methods.network.runtime import load_passes
from LongitudinalRegistrationLib.methods.niftyreg.binaries import find_programs, install_folder
from TableRemovalLib.errors import InputError


@pytest.fixture
def models(tmp_path):
    """The shipped models, in a folder of the test's own."""
    return shutil.copytree(MODELS_FOLDER, tmp_path / "models")


@pytest.mark.parametrize("part", ["weights", "compiled"])
def test_a_model_cut_off_or_swapped_is_refused(models, part):
    model = find_model("cvpyramid", models)
    path = getattr(model, part)
    content = path.read_bytes()
    for other in (content[: len(content) // 2], b"", content[::-1]):
        path.write_bytes(other)
        with pytest.raises(InputError, match="does not match its card cvpyramid.json: reinstall"):
            find_model("cvpyramid", models)
    path.write_bytes(content)
    os.utime(path, (1e9, 1e9))
    assert find_model("cvpyramid", models).sha256 == model.sha256


@pytest.mark.parametrize("network, form", [("cvpyramid", "compiled"), ("lkpyramid", "onnx")])
def test_a_model_that_is_swapped_after_it_was_checked_is_not_loaded(models, network, form):
    if form == "onnx":
        pytest.importorskip("onnxruntime")
    model = find_model(network, models)
    path = getattr(model, form)
    state = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    find_model(network, models)  # whose memory of checksums goes by size and time
    with pytest.raises(InputError, match=f"does not match its card {network}.json"):
        load_passes(model, 1)
    path.unlink()
    with pytest.raises(InputError, match="is missing"):
        load_passes(model, 1)


def test_niftyreg_that_is_not_what_was_installed_is_not_run(tmp_path, monkeypatch):
    monkeypatch.delenv("LONGCT_NIFTYREG", raising=False)
    programs = find_programs()
    if programs["reg_f3d"].parent != install_folder():
        pytest.skip("NiftyReg was not installed by `longct install`")
    monkeypatch.setenv("LONGCT_HOME", str(tmp_path))
    shutil.copytree(programs["reg_f3d"].parent, install_folder())
    assert find_programs()["reg_f3d"].parent == install_folder()
    with open(install_folder() / "reg_transform", "ab") as program:
        program.write(b"more")
    with pytest.raises(InputError, match="reg_transform is not the program that was installed"):
        find_programs()
