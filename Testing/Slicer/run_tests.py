"""Runs the modules' own tests and a user's story inside Slicer; prints a table, leaves pictures, ends with code 0 or 1.

    Slicer --testing --no-splash --python-script Testing/Slicer/run_tests.py [--out FOLDER] [--size WxH] [--install]

It needs a main window (where there is no display: under xvfb-run) and no network: the scans are a phantom that is
made on the spot. The modules need not be installed: those of this source tree are loaded if Slicer has none of their
name. NumPy and SimpleITK come with Slicer; `--install` installs what else is missing, as the panels' buttons do.
"""

import argparse
import pathlib
import sys
import tempfile
import time
import traceback

import qt
import slicer

# Slicer deletes `os` from __main__, which is this file, when it loads a module: nothing here may lean on that name.
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MODULES = ("TableRemoval", "LongitudinalRegistration")
BUNDLE = "story.mrb"
# ctkErrorLogAbstractModel's LogLevelColumn and DescriptionColumn.
LOG_COLUMNS = 2, 4
RED_LEVELS = ("Warning", "Error", "Critical", "Fatal")


class Application:
    """What the story asks of Slicer."""

    def open(self, name):
        """Enter a module; return its widget."""
        slicer.util.selectModule(name)
        slicer.app.processEvents()
        return slicer.util.getModuleWidget(name)

    def saveScene(self, folder):
        """Save the scene with its data in a folder: a bundle, for a .mrml file alone has none."""
        assert slicer.util.saveScene(str(folder / BUNDLE)), f"{folder / BUNDLE} could not be written"

    def loadScene(self, folder):
        """Close the scene and load the one that was saved; a failure raises, success returns no node."""
        slicer.mrmlScene.Clear(0)
        slicer.util.loadScene(str(folder / BUNDLE))

    def picture(self, path):
        """Write a picture of the main window."""
        slicer.util.forceRenderAllViews()
        slicer.util.mainWindow().grab().save(str(path))


def loadModules():
    """Load the modules of this tree that Slicer does not have yet, in the order of their dependencies."""
    sys.path[:0] = [str(ROOT / name) for name in MODULES]
    manager = slicer.app.moduleManager().factoryManager()
    for name in MODULES:
        if not hasattr(slicer.modules, name.lower()):
            manager.registerModule(qt.QFileInfo(str(ROOT / name / f"{name}.py")))
            manager.loadModules([name])


def installPackages():
    """Install what is missing into the extension's own folder; raises RuntimeError with what pip said."""
    from LongitudinalRegistrationSlicer.process.packages import COMPILE, ONNX_RUNTIME, PACKAGES
    from TableRemovalSlicer.packages import NUMBA, Packages

    for packages in (Packages([NUMBA]), Packages(PACKAGES, (ONNX_RUNTIME,), COMPILE)):
        if not packages.missing:
            continue
        packages.install()
        while packages.running:
            packages.poll()
            time.sleep(0.1)
        if packages.missing:
            raise RuntimeError(packages.message)


def ownTests():
    """Run every module's own test; return rows as story.run does."""
    rows = []
    for name in MODULES:
        begun, problem = time.monotonic(), ""
        try:
            slicer.selfTests[name]()
        except Exception:
            problem = traceback.format_exc().splitlines()[-1]
            traceback.print_exc()
        rows.append((name, time.monotonic() - begun, "own tests passed", problem))
    return rows


def logEntries():
    """Return (level, text) of all entries of Slicer's error log."""
    log = slicer.app.errorLogModel()
    return [tuple(str(log.data(log.index(row, column))) for column in LOG_COLUMNS) for row in range(log.rowCount())]


def loggedRow(entries):
    """Return the row, as story.run's, about log entries: a warning or an error makes Slicer's icon red."""
    problems = [text.splitlines()[0] for level, text in entries if level in RED_LEVELS]
    problem = f"{len(problems)} in the error log, the first: {problems[0]}" if problems else ""
    return ("errorLog", 0.0, f"{len(entries)} entries, no warning", problem)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path, help="folder for pictures and table; made where there is none")
    parser.add_argument("--size", default="1600x900", help="the main window's width and height in pixels")
    parser.add_argument("--install", action="store_true", help="install what is missing of the Python packages")
    return parser.parse_known_args()[0]


def main():
    """Run everything; return the exit code."""
    options = arguments()
    folder = options.out or pathlib.Path(tempfile.mkdtemp(prefix="slicer-story-"))
    folder.mkdir(parents=True, exist_ok=True)
    loadModules()
    if options.install:
        installPackages()
    sys.path.insert(0, str(HERE))
    import story

    window = slicer.util.mainWindow()
    window.resize(*map(int, options.size.split("x")))
    slicer.app.processEvents()
    application, before = Application(), len(logEntries())
    rows = ownTests()
    rows += story.run(
        story.Story(application, folder),
        lambda number, name: application.picture(folder / f"{number:02} {name}.png"),
    )
    rows.append(loggedRow(logEntries()[before:]))
    text = story.table(rows)
    (folder / "table.txt").write_text(text + "\n", encoding="utf-8")
    print(f"\nSlicer {slicer.app.applicationVersion}, window {window.width} x {window.height}")
    print(f"{text}\n\nPictures: {folder}")
    return 1 if any(problem for *_, problem in rows) else 0


if __name__ == "__main__":
    slicer.util.exit(main())
