"""What pyproject.toml asks for on every system and Python that we name, and whether the registry has wheels for it."""

import json
import urllib.error
import urllib.request
from functools import lru_cache

import pytest
from packaging import tags
from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion
from places import ROOT

try:
    import tomllib
except ModuleNotFoundError:
    import tomli as tomllib

INDEX = "https://pypi.org/simple/{}/"
PYTHONS = ((3, 10), (3, 11), (3, 12), (3, 13))
GLIBC, MACOS = 28, (13, 0)
SYSTEMS = {
    "Linux x86-64": ("linux", "x86_64"),
    "Linux arm64": ("linux", "aarch64"),
    "Windows": ("win32", "AMD64"),
    "Apple silicon": ("darwin", "arm64"),
    "Intel Mac": ("darwin", "x86_64"),
}
EXTRAS = ("network", "training", "cohort", "host", "dicom", "report", "bench", "soak", "audit", "test")
COMPILED = {"numba": ("llvmlite>=0.43",), "slicer-layer-dm": ("slicer-core==5.11.0.*",)}
"""What our requirements stand or fall with, beside themselves."""


@lru_cache
def project():
    path = ROOT / "pyproject.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))["project"]


def requirements(system, python, *extras):
    """The Requirements that hold on a system and Python: of longct itself, and of extras."""
    platform, machine = SYSTEMS[system]
    names = {"linux": ("posix", "Linux"), "win32": ("nt", "Windows"), "darwin": ("posix", "Darwin")}[platform]
    environment = {
        "sys_platform": platform,
        "platform_machine": machine,
        "os_name": names[0],
        "platform_system": names[1],
        "python_version": f"{python[0]}.{python[1]}",
        "python_full_version": f"{python[0]}.{python[1]}.1",
        "extra": "",
    }
    texts = project()["dependencies"] + [t for extra in extras for t in project()["optional-dependencies"][extra]]
    wanted = [Requirement(text) for text in texts]
    return [r for r in wanted if r.marker is None or r.marker.evaluate(environment)]


def names(system, python, *extras):
    own = {r.name for r in requirements(system, python)}
    return {r.name for r in requirements(system, python, *extras)} - own


def compatible(system, python):
    """The tags of wheels that a system and Python can install."""
    platform, machine = SYSTEMS[system]
    if platform == "linux":
        old = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
        found = [f"manylinux_2_{n}_{machine}" for n in range(GLIBC, 4, -1)]
        found += [f"{name}_{machine}" for name in old.values()]
    elif platform == "darwin":
        found = list(tags.mac_platforms(MACOS, machine))
    else:
        found = ["win_amd64"]
    return {
        *tags.cpython_tags(python, platforms=found),
        *tags.compatible_tags(python, f"cp{python[0]}{python[1]}", found),
    }


@lru_cache
def index(name):
    """The registry's files of a distribution; the test is skipped where it cannot be reached."""
    kind = {"Accept": "application/vnd.pypi.simple.v1+json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(INDEX.format(name), headers=kind), timeout=60) as page:
            return json.load(page)["files"]
    except (urllib.error.URLError, TimeoutError) as error:
        pytest.skip(f"the registry cannot be reached: {error}")


def wheel_for(requirement, system, python):
    """The newest version of a requirement for which there is a wheel, None where there is none."""
    fitting, best = compatible(system, python), None
    for file in index(canonicalize_name(requirement.name)):
        try:
            _name, version, _build, own = parse_wheel_filename(file["filename"])
        except (InvalidWheelFilename, InvalidVersion):
            continue
        asked = file.get("requires-python")
        if file.get("yanked") or (asked and not Requirement(f"x{_spaced(asked)}").specifier.contains(_full(python))):
            continue
        if requirement.specifier.contains(version) and fitting & own and (best is None or version > best):
            best = version
    return best


def _spaced(specifier):
    return specifier.replace(" ", "")


def _full(python):
    return f"{python[0]}.{python[1]}.1"


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_the_network_runs_without_tensorflow(system, python):
    assert names(system, python, "network") == {"onnxruntime"}


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_training_has_one_tensorflow_and_what_converts_where_there_is_one(system, python):
    found = [name for name in names(system, python, "training") if name.startswith("tensorflow")]
    light = "tensorflow-cpu" if system in ("Linux x86-64", "Windows") else "tensorflow"
    assert found == ([] if (system, python) == ("Intel Mac", (3, 13)) else [light])
    converts = {"tf2onnx", "onnx"} & names(system, python, "training")
    assert converts == ({"tf2onnx", "onnx"} if found else set())


def test_every_version_is_in_a_range():
    texts = project()["dependencies"] + [t for extra in EXTRAS for t in project()["optional-dependencies"][extra]]
    assert set(project()["optional-dependencies"]) == set(EXTRAS)
    for text in texts:
        operators = {specifier.operator for specifier in Requirement(text).specifier}
        assert ">=" in operators and (operators & {"<", "<="} or text.startswith("tomli")), text


@pytest.mark.slow
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_the_registry_has_a_wheel_for_all_that_is_asked_for(system, python):
    wanted = requirements(system, python, *EXTRAS)
    wanted += [Requirement(text) for r in wanted for text in COMPILED.get(r.name, ())]
    lacking = sorted({str(r) for r in wanted if wheel_for(r, system, python) is None})
    assert not lacking, f"no wheels on {system}, Python {python[0]}.{python[1]}: {lacking}"


@pytest.mark.slow
def test_why_some_are_not_asked_for_everywhere():
    """Should the registry come to have these wheels, the markers can go."""
    assert wheel_for(Requirement("tensorflow>=2.16"), "Intel Mac", (3, 13)) is None
    assert str(wheel_for(Requirement("tensorflow>=2.16"), "Intel Mac", (3, 12))) == "2.16.2"
    assert wheel_for(Requirement("tensorflow-cpu>=2.16"), "Apple silicon", (3, 12)) is None
    assert wheel_for(Requirement("tensorflow-cpu>=2.16"), "Linux arm64", (3, 12)) is None
    for system in ("Linux arm64", "Intel Mac"):
        assert wheel_for(Requirement("slicer-core"), system, (3, 12)) is None
