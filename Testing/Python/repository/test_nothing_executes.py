"""No data can make this code execute anything: no pickles, no code from files, no shell, nothing between fork, exec."""

import ast

import pytest
from places import ROOT

PACKAGES = (ROOT / "LongitudinalRegistration", ROOT / "TableRemoval")
FILES = sorted(path for package in PACKAGES for path in package.rglob("*.py"))
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
BUILTINS = {"eval", "exec", "compile", "__import__"}
CALLS = {"os.system", "os.popen"}
METHODS = {"load_model", "Lambda", "enable_unsafe_deserialization"}
OPTIONS = {"shell": True, "allow_pickle": True, "safe_mode": False}


def found_in(tree):
    """What a module does that it must not, in words."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            yield node.module
        elif isinstance(node, ast.Call):
            whole = ast.unparse(node.func)
            name = whole.split(".")[-1]
            if whole in BUILTINS | CALLS or name in METHODS:
                yield f"{whole}()"
            for option in node.keywords:
                value = getattr(option.value, "value", None)
                if option.arg == "preexec_fn" or (option.arg in OPTIONS and value is OPTIONS[option.arg]):
                    yield f"{name}({option.arg}={value})"
            if name in ("Popen", "run", "check_call", "check_output") and is_text(node.args[:1]):
                yield f"{name}() of a command in one string"


def is_text(arguments):
    return bool(arguments) and (
        isinstance(arguments[0], ast.JoinedStr) or isinstance(getattr(arguments[0], "value", None), str)
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_executed_that_came_as_data(path):
    assert not list(found_in(ast.parse(path.read_text(encoding="utf-8"))))


def test_what_must_not_be_is_seen():
    for code in (
        "import pickle",
        "np.load(f, allow_pickle=True)",
        "subprocess.run(f'rm {name}', shell=True)",
        "eval(x)",
        "subprocess.Popen(['a'], preexec_fn=g)",
        "keras.layers.Lambda(f)",
        "os.system('ls')",
        "compile(a, b, 'exec')",
    ):
        assert list(found_in(ast.parse(code))), code
    assert not list(found_in(ast.parse("re.compile('a'); np.savez(f, allow_pickle=False); subprocess.run([a, b])")))
