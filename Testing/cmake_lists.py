"""The lists of files in each module's CMakeLists.txt, made from the tree.

    python Testing/cmake_lists.py [--write]

prints the lists as they should be, or puts them in. `Testing/Python/repository/test_cmake_lists.py` compares them.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULES = ("TableRemoval", "LongitudinalRegistration")
LISTS = {
    "MODULE_PYTHON_SCRIPTS": (
        "{module}.py",
        "{module}Lib/**/*.py",
        "{module}Slicer/**/*.py",
        "{module}Widgets/**/*.py",
    ),
    "MODULE_PYTHON_RESOURCES": (
        "Resources/Icons/*",
        "Resources/UI/*.ui",
        "Resources/Models/**/*",
        "Resources/Report/*",
    ),
}


def files_in_tree(module, name):
    """Return the files a list must name, relative to the module's folder, sorted, the module's own file first."""
    folder = ROOT / module
    found = [f for pattern in LISTS[name] for f in folder.glob(pattern.format(module=module))]
    kept = {f.relative_to(folder).as_posix() for f in found if f.is_file() and not f.name.startswith(".")}
    kept = {name for name in kept if "__pycache__" not in name}
    return sorted(kept, key=lambda name: (name.count("/") > 0, name))


def files_in_list(module, name):
    """Return the files that a CMakeLists.txt names, as they stand."""
    text = (ROOT / module / "CMakeLists.txt").read_text()
    body = re.search(rf"set\({name}\s+(.*?)\)", text, re.DOTALL).group(1)
    return body.replace("${MODULE_NAME}", module).split()


def with_lists_from_tree(module):
    """Return the text of a module's CMakeLists.txt with its lists as the tree wants them."""
    text = (ROOT / module / "CMakeLists.txt").read_text()
    for name in LISTS:
        lines = "".join(f"  {file}\n" for file in files_in_tree(module, name))
        text = re.sub(rf"set\({name}\s+.*?\)", lambda m, n=name, b=lines: f"set({n}\n{b}  )", text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    for moduleName in MODULES:
        content = with_lists_from_tree(moduleName)
        if "--write" in sys.argv:
            (ROOT / moduleName / "CMakeLists.txt").write_text(content)
        else:
            print(content)
