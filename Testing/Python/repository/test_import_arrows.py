"""The house's arrows: Widget to Logic to Lib, never back; read from the imports."""

import ast
import subprocess
import sys

import architecture  # noqa: E402
import pytest
from places import HOST, ROOT, TESTS

HOST_NAMES = {"slicer", "vtk", "vtkmodules", "qt", "ctk", "PySide6", "sitkUtils"}
ROOMS = {
    "TableRemoval/TableRemovalLib": HOST_NAMES
    | {"TableRemoval", "TableRemovalSlicer", "LongitudinalRegistration", "LongitudinalRegistrationLib"}
    | {"LongitudinalRegistrationSlicer", "onnxruntime", "tensorflow", "keras"},
    "LongitudinalRegistration/LongitudinalRegistrationLib": HOST_NAMES
    | {"TableRemoval", "TableRemovalSlicer", "LongitudinalRegistration", "LongitudinalRegistrationSlicer"},
    "TableRemoval/TableRemovalSlicer": {"qt", "ctk", "PySide6", "LongitudinalRegistrationLib", "numba"}
    | {"LongitudinalRegistrationSlicer", "TableRemoval", "LongitudinalRegistration"},
    "TableRemoval/TableRemovalWidgets": {
        "PySide6",
        "numba",
        "onnxruntime",
        "tensorflow",
        "keras",
        "SimpleITK",
        "scipy",
        "TableRemoval",
    }
    | {"TableRemovalLib", "LongitudinalRegistration", "LongitudinalRegistrationLib", "LongitudinalRegistrationSlicer"}
    | {"LongitudinalRegistrationWidgets"},
    "LongitudinalRegistration/LongitudinalRegistrationSlicer": {"qt", "ctk", "PySide6", "numba"}
    | {
        "onnxruntime",
        "tensorflow",
        "keras",
        "TableRemoval",
        "LongitudinalRegistration",
        "LongitudinalRegistrationWidgets",
    },
    "LongitudinalRegistration/LongitudinalRegistrationWidgets": {"PySide6", "numba", "onnxruntime", "tensorflow"}
    | {"keras", "SimpleITK", "scipy", "TableRemoval", "LongitudinalRegistration", "LongitudinalRegistrationLib"},
}
MODULES = ("TableRemoval/TableRemoval.py", "LongitudinalRegistration/LongitudinalRegistration.py")
HEAVY = {"numba", "onnxruntime", "tensorflow", "keras", "scipy", "SimpleITK"}


def imported(tree, top_level_only=False):
    """Return the first names of what a syntax tree imports absolutely."""
    nodes = tree.body if top_level_only else ast.walk(tree)
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def _tree(path):
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_downwards(room):
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    wrong = {str(f.relative_to(ROOT)): sorted(imported(_tree(f)) & ROOMS[room]) for f in files}
    assert not {name: names for name, names in wrong.items() if names}


@pytest.mark.parametrize("path", MODULES)
def test_a_module_file_imports_nothing_heavy_when_slicer_starts(path):
    assert not imported(_tree(ROOT / path), top_level_only=True) & HEAVY


@pytest.mark.parametrize("path", MODULES)
def test_a_logic_knows_no_qt(path):
    for node in _tree(ROOT / path).body:
        if isinstance(node, ast.ClassDef) and node.name.endswith("Logic"):
            used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} | imported(node)
            assert not used & {"qt", "ctk"}


def test_the_reader_sees_an_arrow_that_points_the_wrong_way():
    tree = ast.parse("def f():\n    from slicer.util import array\nimport vtk.util as v")
    assert imported(tree) == {"slicer", "vtk"} and imported(tree, top_level_only=True) == {"vtk"}


def test_no_test_file_loads_tensorflow_when_it_is_collected():
    """Every worker collects every file; one that renders must not hold TensorFlow."""
    files = sorted(TESTS.rglob("test_*.py"))
    names = [path.stem for path in files]
    folders = sorted({str(path.parent) for path in files})
    code = f"import sys; sys.path[:0] = {[*map(str, (TESTS, TESTS.parent, HOST)), *folders]}\n"
    code += f"for name in {names}:\n    __import__(name)\n    assert 'tensorflow' not in sys.modules, name\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


PACKAGES = (
    "TableRemoval/TableRemovalLib",
    "TableRemoval/TableRemovalSlicer",
    "LongitudinalRegistration/LongitudinalRegistrationLib",
    "LongitudinalRegistration/LongitudinalRegistrationSlicer",
    "LongitudinalRegistration/LongitudinalRegistrationWidgets",
)


@pytest.mark.parametrize("package", architecture.FLOORS)
def test_every_module_stands_in_a_room_and_every_room_on_a_floor(package):
    rooms = {architecture.room_of(module) for module in architecture.module_files(architecture.BASE / package)}
    floors = architecture.FLOORS[package]
    assert rooms == {""} | {room for floor in floors for room in floor}, "see FLOORS in Testing/architecture.py"
    beside = {path.name for path in (architecture.BASE / package).glob("*.py")}
    assert beside == {"__init__.py"}, "a module beside the rooms"


@pytest.mark.parametrize("package", architecture.FLOORS)
def test_a_floor_imports_only_from_lower_floors(package):
    height = {room: -row for row, floor in enumerate(architecture.FLOORS[package]) for room in floor}
    wrong = {
        (module, other)
        for module, others in architecture.import_graph(architecture.BASE / package).items()
        for other in others
        for room, theirs in [(architecture.room_of(module), architecture.room_of(other))]
        if room and theirs and room != theirs and height[theirs] >= height[room]
    }
    assert not wrong


def test_the_methods_do_not_know_each_other():
    """What stands beside their folders (what a method is, the registry) all may use."""
    package = architecture.BASE / "LongitudinalRegistrationLib"
    wrong = {
        (module, other)
        for module, others in architecture.import_graph(package).items()
        for other in others
        if architecture.room_of(module) == architecture.room_of(other) == "methods"
        and (own := module.split(".")[2:-1][:1])
        and (theirs := other.split(".")[2:-1][:1])
        and own != theirs
    }
    assert not wrong


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_import_each_other_in_a_circle(package):
    assert not architecture.circle(architecture.import_graph(ROOT / package))


def test_the_reader_sees_a_circle_and_an_implied_arrow():
    graph = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert not architecture.circle(graph)
    assert architecture.without_implied(graph) == {"a": {"b"}, "b": {"c"}, "c": set()}
    assert architecture.circle({**graph, "c": {"a"}}) == ["a", "b", "c", "a"]


def test_the_reader_sees_relative_lazy_and_member_imports(tmp_path):
    path = tmp_path / "module.py"
    path.write_text("from ..scan import grid\ndef f():\n    from . import other\n    from ...p.field.warp import g\n")
    known = {"p.scan.grid", "p.scan", "p.a.other", "p.field.warp", "p.field"}
    found = architecture.imported_modules("p.a.module", path, known)
    assert found == {"p.scan.grid", "p.a.other", "p.field.warp"}


def test_the_diagram_is_made_from_the_imports_as_they_are():
    hint = "run: python Testing/architecture.py --write"
    assert architecture.DIAGRAM.read_text(encoding="utf-8") == architecture.diagram(), hint
