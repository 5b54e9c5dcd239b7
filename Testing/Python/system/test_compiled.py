"""Kernels' entries in numba's cache hold for all files that their code comes from."""

import ast
import os
import subprocess
import sys
import textwrap
from importlib import import_module

import LongitudinalRegistrationLib
import pytest
from LongitudinalRegistrationLib.methods.refinement.kernels import columns_of
from LongitudinalRegistrationLib.scan import kernels
from LongitudinalRegistrationLib.system import compiled
from LongitudinalRegistrationLib.system.compiled import stamp
from places import ROOT

LIB = ROOT / "LongitudinalRegistration" / "LongitudinalRegistrationLib"


def write_package(folder, factor="2.0", helper="x * FACTOR", bias="1.0", offset="0.0"):
    """A package with a kernel that takes code from two files and a constant from a third."""
    files = {
        "__init__": "",
        "constants": f"BIAS = {bias}",
        "deep": f"""
            from LongitudinalRegistrationLib.system.compiled import inlined
            OFFSET = {offset}
            @inlined
            def shifted(x):
                return x + OFFSET
            """,
        "helpers": f"""
            from LongitudinalRegistrationLib.system.compiled import inlined
            from .deep import shifted
            FACTOR = {factor}
            @inlined
            def scaled(x):
                return shifted({helper})
            """,
        "kernels": """
            from LongitudinalRegistrationLib.system.compiled import kernel
            from .constants import BIAS
            from .helpers import scaled
            @kernel()
            def answer(x):
                return scaled(x) + BIAS
            """,
    }
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
        os.utime(folder / f"{name}.py", (1e9, 1e9))  # what an update brings may be as old as what was there


def run(tmp_path):
    """The kernel's answer in a process of its own, and whether it came from the cache."""
    code = "from package.kernels import answer; print(answer(10.0), sum(answer.stats.cache_hits.values()))"
    paths = os.pathsep.join([str(tmp_path), str(LIB.parent), str(ROOT / "TableRemoval")])
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    environment = {**os.environ, "PYTHONPATH": paths, **cache}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    value, hits = done.stdout.split()
    return float(value), int(hits)


def test_after_an_update_no_old_kernel_is_run(tmp_path):
    """Other code in a file that a file imports that the kernel's file imports; of equal size and age."""
    write_package(tmp_path / "package")
    assert run(tmp_path) == (21.0, 0)
    assert run(tmp_path) == (21.0, 1)
    write_package(tmp_path / "package", offset="5.0")
    assert run(tmp_path) == (26.0, 0)


def test_a_stamp_tells_any_change_and_nothing_else(tmp_path, monkeypatch):
    """Code and constants, in files that the kernel's file imports."""
    monkeypatch.syspath_prepend(tmp_path)
    changes = ({}, {}, {"helper": "x + FACTOR"}, {"factor": "3.0"}, {"offset": "5.0"}, {"bias": "7.0"})
    stamps = []
    for number, change in enumerate(changes):
        write_package(tmp_path / f"package{number}", **change)
        answer = import_module(f"package{number}.kernels").answer
        stamps.append(stamp(answer.py_func))
        assert answer._cache._cache_file._source_stamp == stamps[-1]
    assert stamps[0] == stamps[1] and len(set(stamps)) == len(changes) - 1


def marked(tree):
    """The names of the functions of a file that are compiled, and of all decorators."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                yield node.name, ast.unparse(decorator)


def test_kernels_that_take_code_from_other_files_are_marked_so():
    """Numba's own mark looks at one file only: who uses it imports no compiled function."""
    names, imported, plain = set(), {}, set()
    for path in LIB.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found = [
            (name, mark) for name, mark in marked(tree) if mark.startswith(("kernel", "inlined", "njit", "numba."))
        ]
        names |= {name for name, _ in found}
        plain |= {path for _, mark in found if mark.startswith(("njit", "numba."))}
        nodes = (node for node in tree.body if isinstance(node, ast.ImportFrom) and node.level)
        imported[path] = {alias.name for node in nodes for alias in node.names}
    assert len(names) > 40 and LongitudinalRegistrationLib.__file__.startswith(str(LIB))
    for path in plain:
        assert not imported[path] & names, path


def test_no_kernel_lets_the_compiler_change_the_order_of_sums():
    """Compilers do so as suits a processor; see pipeline/test_same_answer.py. Fusing with products is no such."""
    folders = LIB, ROOT / "TableRemoval"
    asking = [path for folder in folders for path in folder.rglob("*.py") if "fastmath" in path.read_text("utf-8")]
    assert asking == [LIB / "system" / "compiled.py"]
    assert kernels.blur_slices.targetoptions["fastmath"] == {"contract"}
    assert columns_of.targetoptions["fastmath"] is False


def test_kernels_become_part_of_those_that_call_them():
    """Else which copy of one runs depends on what was compiled or loaded first; see pipeline/test_same_answer.py."""
    assert all(each.targetoptions["forceinline"] for each in (columns_of, kernels.blur_slices))


def test_a_numba_with_another_cache_compiles_anew(monkeypatch):
    made = []

    def njit(**options):
        made.append(options)
        return lambda function: function

    monkeypatch.setattr(compiled, "njit", njit)
    compiled.kernel()(lambda x: x)
    assert made == [{"cache": True, **made[1]}] + made[1:] and "cache" not in made[1]


def test_a_stamp_does_not_depend_on_the_process():
    code = (
        "from LongitudinalRegistrationLib.scan.kernels import blur_slices as b;"
        "from LongitudinalRegistrationLib.system.compiled import stamp; print(stamp(b.py_func))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == stamp(kernels.blur_slices.py_func), done.stderr


@pytest.mark.parametrize("name", ["scan", "methods.affine", "methods.refinement", "field", "training.simulation"])
def test_the_shipped_kernels_are_stamped_with_the_sampler(name):
    found = {}
    compiled._collect(vars(import_module(f"LongitudinalRegistrationLib.{name}.kernels")), found)
    assert "LongitudinalRegistrationLib.scan.sampling" in found
