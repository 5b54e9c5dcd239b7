"""Docstrings are numpydoc's: a public function that takes or gives arrays or images says which, section by section.

Their examples give what they say.
"""

import ast
import doctest
import importlib
import re

import pytest
from places import ROOT

LIBS = ("TableRemoval/TableRemovalLib", "LongitudinalRegistration/LongitudinalRegistrationLib")
ARRAYS = re.compile(r"\b(ndarray|NDArray|\w+Array|sitk\.Image)\b")


def public_functions(tree):
    """Return the public functions of a module, and the public methods of its public classes."""
    found = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            found += [each for each in node.body if isinstance(each, ast.FunctionDef)]
        elif isinstance(node, ast.FunctionDef):
            found.append(node)
    return [node for node in found if not node.name.startswith("_")]


def is_property(function):
    """Whether a method is read like an attribute, which has no sections."""
    return any("property" in ast.unparse(decorator) for decorator in function.decorator_list)


def missing_sections(function):
    """Return the sections that a function's docstring lacks."""
    arguments = [each for each in (*function.args.args, *function.args.kwonlyargs) if each.arg not in ("self", "cls")]
    given = [ast.unparse(each.annotation) for each in arguments if each.annotation]
    returned = ast.unparse(function.returns) if function.returns else "None"
    if not any(ARRAYS.search(text) for text in (*given, returned)) or is_property(function):
        return []
    text = ast.get_docstring(function) or ""
    answer = "Yields" if "Iterator" in returned else "Returns"
    wanted = (["Parameters"] if arguments else []) + ([answer] if returned != "None" else [])
    return [section for section in wanted if f"\n{section}\n{'-' * len(section)}\n" not in text]


def name_of(path):
    """The full name of a module."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts[1:])


def files():
    return [path for folder in LIBS for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_functions_of_arrays_have_numpydoc_sections(path):
    functions = public_functions(ast.parse(path.read_text(encoding="utf-8")))
    missing = {f"{path.name}:{f.lineno} {f.name}": missing_sections(f) for f in functions}
    assert {name: sections for name, sections in missing.items() if sections} == {}


@pytest.mark.parametrize("path", [path for path in files() if ">>> " in path.read_text(encoding="utf-8")], ids=name_of)
def test_examples_give_what_they_say(path):
    """Read from the source: doctest itself does not see docstrings of compiled functions."""
    module = importlib.import_module(name_of(path))
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner()
    for function in public_functions(ast.parse(path.read_text(encoding="utf-8"))):
        text = ast.get_docstring(function) or ""
        runner.run(parser.get_doctest(text, dict(vars(module)), function.name, str(path), function.lineno))
    assert runner.summarize(verbose=False).failed == 0 and runner.tries > 0
