"""The methods by name: each is what the pipeline expects, and has a name wherever users meet it."""

import subprocess
import sys

import pytest
from LongitudinalRegistrationLib.methods.method import Answer, Method, Start
from LongitudinalRegistrationLib.methods.network import model_store
from LongitudinalRegistrationLib.methods.registry import (
    AUTO,
    FALLBACK,
    FIRST,
    METHODS,
    NAMES,
    Chain,
    make_method,
    title_of,
)
from LongitudinalRegistrationLib.pipeline.options import RegistrationOptions
from LongitudinalRegistrationLib.report import content


@pytest.mark.parametrize("name", METHODS)
def test_every_step_of_a_method_is_a_method(name):
    made = make_method(name, RegistrationOptions())
    assert isinstance(made, Method)
    assert all(isinstance(step, Method) for step in made._steps), METHODS[name].steps


def test_the_names_that_auto_takes_and_reports_say_are_those_of_the_registry():
    assert {FIRST, FALLBACK} <= set(METHODS) and AUTO not in METHODS
    assert list(content.METHODS) == [*METHODS, "voxelmorph"], "the last is what earlier reports say"
    assert not METHODS[FIRST].independent, "auto judges its first method"
    assert all(RegistrationOptions(method=name).isValid()[0] for name in NAMES)
    assert not RegistrationOptions(method="elastix").isValid()[0]


def test_a_former_name_is_taken_and_the_paper_s_method_takes_the_paper_s_network():
    options = RegistrationOptions(method="voxelmorph")
    assert options.method == FIRST and options.isValid()[0] and title_of("voxelmorph") == METHODS[FIRST].title
    models = {name: make_method(name, options)._steps[0]._options.network for name in (FIRST, "vxm2")}
    assert models == {FIRST: "cvpyramid", "vxm2": "vxm2"}


def test_naming_the_methods_imports_nothing_heavy():
    code = "import sys, LongitudinalRegistrationLib.methods.registry\n"
    code += "print({'numpy', 'SimpleITK', 'numba', 'onnxruntime'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


class _Step:
    """Notes its start, and answers with its own name as the field."""

    def __init__(self, name, missing="", **said):
        self.name, self.said, self._missing, self.start = name, said, missing, None

    def missing(self):
        return self._missing

    def register(self, problem, start):
        self.start = start
        return Answer(start.affine, self.name, **self.said)


def test_a_step_starts_where_the_one_before_ended_and_all_warnings_are_kept():
    first = _Step("first", network="net", known_mm=12.0, warnings=("one",))
    second = _Step("second", warnings=("two",))
    answer = Chain([first, second]).register(None, Start("affine"))
    assert first.start == Start("affine") and second.start == Start("affine", "first")
    assert answer == Answer("affine", "second", "net", 12.0, ("one", "two"))


def test_what_any_step_lacks_is_missing():
    assert Chain([_Step("a"), _Step("b", "no programs")]).missing() == "no programs"
    assert Chain([_Step("a"), _Step("b")]).missing() == ""


def test_a_model_s_files_are_read_once_and_again_when_they_changed(tmp_path, monkeypatch):
    path, card = tmp_path / "weights", tmp_path / "card.json"
    path.write_bytes(b"abc")
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    reads = []
    monkeypatch.setattr(model_store.Path, "read_bytes", lambda file: reads.append(file) or open(file, "rb").read())
    for _ in range(3):
        model_store._check_file(path, sha256, card)
    assert reads == [path]
    path.write_bytes(b"other")
    with pytest.raises(model_store.InputError, match="does not match its card"):
        model_store._check_file(path, sha256, card)
