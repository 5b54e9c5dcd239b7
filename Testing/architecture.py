"""The rooms of LongitudinalRegistration, on which floor each stands, and the diagram made from their imports.

    python Testing/architecture.py [--write]

prints docs/architecture.svg, or writes it. `Testing/Python/repository/test_import_arrows.py` holds the floors.
"""

import argparse
import ast
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BASE = ROOT / "LongitudinalRegistration"
DIAGRAM = ROOT / "docs" / "architecture.svg"
FLOORS = {
    "LongitudinalRegistrationSlicer": (
        ("module",),
        ("changes",),
        ("process", "displacement"),
        ("vertebrae",),
        ("views",),
        ("results",),
    ),
    "LongitudinalRegistrationLib": (
        ("cli",),
        ("experiments",),
        ("cohort",),
        ("training", "pipeline"),
        ("phantom", "methods", "report", "dicom", "changes"),
        ("evaluation",),
        ("field",),
        ("scan",),
        ("system",),
    ),
}
"""The rooms of each package, the upper floor first. A room imports from lower floors and from itself."""


def module_files(folder):
    """Return the modules of a package's folder: full dotted name to file."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        found[".".join(parts[:-1] if path.name == "__init__.py" else parts)] = path
    return found


def imported_modules(name, path, known):
    """Return the modules among `known` that a module imports, at its top or within functions, relatively or not."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            members = {f"{base}.{alias.name}" for alias in node.names}
            found |= members & set(known) or {base}
    return (found & set(known)) - {name}


def import_graph(folder):
    """Return who imports whom among the modules of a package's folder."""
    files = module_files(folder)
    return {name: imported_modules(name, path, files) for name, path in files.items()}


def room_of(module):
    """Return the room of a module: the folder below its package, or nothing for a file beside the rooms."""
    parts = module.split(".")
    return parts[1] if len(parts) > 2 or (BASE / parts[0] / parts[-1]).is_dir() else ""


def room_graph(package):
    """Return who imports whom among the rooms of a package."""
    rooms = {room: set() for floor in FLOORS[package] for room in floor}
    for module, others in import_graph(BASE / package).items():
        rooms.setdefault(room_of(module), set()).update(room_of(other) for other in others)
    rooms.pop("", None)
    return {room: others - {room, ""} for room, others in rooms.items()}


def circle(graph):
    """Return a way along the arrows of a graph that ends where it begins, as a list; empty if there is none."""
    done = set()

    def search(node, way):
        if node in way:
            return [*way[way.index(node) :], node]
        if node in done:
            return []
        for other in sorted(graph.get(node, ())):
            if found := search(other, [*way, node]):
                return found
        done.add(node)
        return []

    return next(filter(None, (search(node, []) for node in sorted(graph))), [])


def without_implied(graph):
    """Return a graph without the arrows that other arrows imply; it must have no circle."""

    def reach(node):
        return set().union(*({other} | reach(other) for other in graph.get(node, ())))

    return {
        node: {other for other in others if not any(other in reach(third) for third in others - {other})}
        for node, others in graph.items()
    }


WIDTH, HEIGHT, GAP, ROW = 178, 62, 14, 96
LETTERS, LINES = 30, 3


def _wrapped(text):
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > LETTERS:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines if len(lines) <= LINES else [*lines[: LINES - 1], lines[LINES - 1] + " …"]


def _box(x, y, title, words):
    lines = [
        f'<rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="4" fill="#fff" stroke="#333"/>',
        f'<text x="{x + WIDTH / 2:g}" y="{y + 15:g}" class="name">{escape(title)}</text>',
    ]
    for number, line in enumerate(_wrapped(words)):
        lines.append(f'<text x="{x + WIDTH / 2:g}" y="{y + 29 + 12 * number:g}">{escape(line)}</text>')
    return lines


def _says(package, room):
    """Return what a room's __init__.py says that it holds."""
    text = ast.get_docstring(ast.parse((BASE / package / room / "__init__.py").read_text(encoding="utf-8"))) or ""
    return text.split("\n")[0].rstrip(".")


def _places(floors, left, width):
    """Return where each room's box stands: room to (x, y)."""
    places = {}
    for row, floor in enumerate(floors):
        free = width - len(floor) * WIDTH - (len(floor) - 1) * GAP
        for number, room in enumerate(floor):
            places[room] = left + free / 2 + number * (WIDTH + GAP), 46 + row * ROW
    return places


def diagram():
    """Return the diagram as SVG: the rooms on their floors, an arrow where one imports the other."""
    widths = {name: max(map(len, floors)) * (WIDTH + GAP) + GAP for name, floors in FLOORS.items()}
    total, height = sum(widths.values()), 46 + max(map(len, FLOORS.values())) * ROW
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {height}" font-family="sans-serif">',
        "<style>text { font-size: 10px; text-anchor: middle; fill: #444 } "
        ".name { font-size: 13px; font-weight: bold; fill: #000 }</style>",
        '<defs><marker id="head" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#456"/></marker></defs>',
        f'<rect width="{total}" height="{height}" fill="#fff"/>',
    ]
    left = 0
    for package, floors in FLOORS.items():
        lines += [
            f'<rect x="{left + 3}" y="3" width="{widths[package] - 6}" height="{30 + len(floors) * ROW}" rx="6" '
            'fill="#f2f5f8"/>',
            f'<text x="{left + widths[package] / 2:g}" y="24" class="name">{package}</text>',
        ]
        places = _places(floors, left, widths[package])
        arrows = without_implied(room_graph(package))
        for room in places:
            for other in sorted(arrows[room]):
                (x, y), (to_x, to_y) = places[room], places[other]
                aside = max(-1.0, min(1.0, (to_x - x) / WIDTH)) * WIDTH / 4
                lines.append(
                    f'<line x1="{x + WIDTH / 2 + aside:g}" y1="{y + HEIGHT:g}" x2="{to_x + WIDTH / 2 - aside:g}" '
                    f'y2="{to_y:g}" stroke="#456" marker-end="url(#head)"/>'
                )
        for room, (x, y) in places.items():
            lines += _box(x, y, room, _says(package, room))
        left += widths[package]
    return "\n".join([*lines, "</svg>"]) + "\n"


def main():
    """Print the diagram, or write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help=f"write {DIAGRAM.relative_to(ROOT)}")
    if parser.parse_args().write:
        DIAGRAM.write_text(diagram(), encoding="utf-8")
    else:
        print(diagram(), end="")


if __name__ == "__main__":
    main()
