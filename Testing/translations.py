"""What users read in the panels, and whether a translation can take its place.

Slicer's tool takes the texts out of the sources: literals in `_("...")`, no variables, and all of the .ui files.

    python Testing/translations.py              # what is shown and cannot be translated; nothing where all can
    python Testing/translations.py --ts FOLDER  # a .ts file for each module, as lupdate makes it
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
MODULES = ("TableRemoval", "LongitudinalRegistration")
MARKS = ("_", "translate")
SHOWN_PROPERTIES = {"text", "toolTip", "title", "windowTitle", "placeholderText", "statusTip", "specialValueText"}
SHOWN_BY = {
    *("setText", "setToolTip", "setWindowTitle", "setTitle", "setHorizontalHeaderLabels", "addItem", "addItems"),
    *("appendPlainText", "setPlainText", "errorDisplay", "infoDisplay", "warningDisplay", "confirmOkCancelDisplay"),
    *("tryWithErrorDisplay", "getSaveFileName", "getExistingDirectory", "QLabel", "QPushButton", "QCheckBox", "addRow"),
    *("InputError", "QTableWidgetItem", "QListWidgetItem", "fail"),
}
"""Functions whose arguments users read."""
WORD = re.compile(r"[A-Za-z]{3,}")
SENTENCE = re.compile(r"(?:'?\{\}'?|[A-Z])[^_\n]*\s[^\n]*[a-z)}'\"][.:!?]", re.DOTALL)
MARKUP = re.compile(r"<[^>]*>|&\w+;|#[0-9a-fA-F]{6}|\{[^}]*\}|%\w")


def sources() -> list[Path]:
    """List the Python files that show something: a module's own, and those of its rooms but the Lib."""
    return sorted(
        path
        for module in MODULES
        for path in (ROOT / module).rglob("*.py")
        if not any(part.endswith("Lib") for part in path.parts) and path.name != "module_test.py"
    )


def problems(path: Path) -> list[str]:
    """Find the texts of a file that are shown and that no translation can take the place of.

    Parameters
    ----------
    path
        A Python file.

    Returns
    -------
    list of str
        "file:line: what is wrong: text"; empty where there are none.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    found = []
    for node in ast.walk(tree):
        for text, reason in _wrong(node, parents):
            found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {reason}: {text!r}")
    return found


def _wrong(node: ast.AST, parents: dict) -> list[tuple[str, str]]:
    """The texts of a node that cannot be translated, each with why."""
    if isinstance(node, ast.Call) and _name(node.func) == "_":
        isLiteral = len(node.args) == 1 and isinstance(node.args[0], ast.Constant)
        return [] if isLiteral else [(ast.unparse(node), "no literal, which cannot be taken out")]
    text = _text(node, parents)
    if text and not _isMarked(node, parents):
        if _isShown(node, parents) and WORD.search(MARKUP.sub("", text)):
            return [(text, "shown, but not marked")]
        if SENTENCE.fullmatch(text.strip()) and not isinstance(parents.get(node), ast.Expr):
            return [(text, "a sentence that is not marked")]
    return []


def _text(node: ast.AST, parents: dict) -> str:
    """The text of a literal or an f-string, whose values are {}; "" for all else, and for the parts of an f-string."""
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    isText = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return node.value if isText and not isinstance(parents.get(node), ast.JoinedStr) else ""


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _isMarked(node: ast.AST, parents: dict) -> bool:
    return any(isinstance(above, ast.Call) and _name(above.func) in MARKS for above in _above(node, parents))


def _isShown(node: ast.AST, parents: dict) -> bool:
    """Whether a text is set as a property that is shown, or given to a function that shows it."""
    below = node
    for above in _above(node, parents):
        if isinstance(above, ast.Assign):
            return any(isinstance(to, ast.Attribute) and to.attr in SHOWN_PROPERTIES for to in above.targets)
        if isinstance(above, ast.Call):
            return _name(above.func) in SHOWN_BY and below is not above.func
        if isinstance(above, (ast.Compare, ast.Subscript, ast.stmt, ast.Lambda)):
            return False
        below = above
    return False


def _above(node: ast.AST, parents: dict):
    while node in parents:
        node = parents[node]
        yield node


def texts(module: str) -> list[tuple[str, str, Path, int]]:
    """List what a translation of a module is made of.

    Parameters
    ----------
    module
        One of MODULES.

    Returns
    -------
    list of tuple
        Context (as slicer.i18n takes it: the file's name; of a .ui file its class), text, file, line.
    """
    found = []
    for path in [each for each in sources() if each.is_relative_to(ROOT / module)]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _name(node.func) == "_" and isinstance(node.args[0], ast.Constant):
                found.append((_context(path), node.args[0].value, path, node.lineno))
    for path in sorted((ROOT / module / "Resources" / "UI").glob("*.ui")):
        tree = ElementTree.parse(path)
        for string in tree.iter("string"):
            if string.text and string.get("notr") != "true":
                found.append((tree.findtext("class") or path.stem, string.text, path, 0))
    return found


def _context(path: Path) -> str:
    """Name the context of a file as slicer.i18n.getContext does: its stem, behind its folder's name in a package."""
    inPackage = (path.parent / "__init__.py").exists()
    return f"{path.parent.name}.{path.stem}" if inPackage else path.stem


def ts(module: str) -> ElementTree.ElementTree:
    """Make the .ts document of a module, every text unfinished.

    Parameters
    ----------
    module
        One of MODULES.

    Returns
    -------
    xml.etree.ElementTree.ElementTree
        As Qt Linguist reads it.
    """
    document = ElementTree.Element("TS", version="2.1", sourcelanguage="en")
    contexts: dict = {}
    for context, text, path, line in texts(module):
        if context not in contexts:
            contexts[context] = ElementTree.SubElement(document, "context"), set()
            ElementTree.SubElement(contexts[context][0], "name").text = context
        element, known = contexts[context]
        if text in known:
            continue
        known.add(text)
        message = ElementTree.SubElement(element, "message")
        ElementTree.SubElement(message, "location", filename=path.relative_to(ROOT).as_posix(), line=str(line))
        ElementTree.SubElement(message, "source").text = text
        ElementTree.SubElement(message, "translation", type="unfinished")
    ElementTree.indent(document)
    return ElementTree.ElementTree(document)


def main() -> None:
    """Say what cannot be translated, or write the .ts files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ts", type=Path, metavar="FOLDER", help="write a .ts file for each module")
    arguments = parser.parse_args()
    if arguments.ts:
        arguments.ts.mkdir(parents=True, exist_ok=True)
        for module in MODULES:
            ts(module).write(arguments.ts / f"{module}_en-US.ts", encoding="utf-8", xml_declaration=True)
        return
    found = [problem for path in sources() for problem in problems(path)]
    print("\n".join(found))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
