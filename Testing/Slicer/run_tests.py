"""Runs the modules' own tests inside Slicer and ends it with exit code 0 or 1.

    Slicer --testing --no-splash --python-script Testing/Slicer/run_tests.py

The modules need not be installed: those of this source tree are loaded if Slicer has none of their name. NumPy and
SimpleITK come with Slicer; the test of Table Removal needs numba: `--install` installs it, as the panel's button does.
"""

import os
import sys
import time
import traceback

import qt
import slicer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODULES = ("TableRemoval", "LongitudinalRegistration")


def loadModules():
    """Load the modules of this tree that Slicer does not have yet, in the order of their dependencies."""
    sys.path[:0] = [os.path.join(ROOT, name) for name in MODULES]
    manager = slicer.app.moduleManager().factoryManager()
    for name in MODULES:
        if not hasattr(slicer.modules, name.lower()):
            manager.registerModule(qt.QFileInfo(os.path.join(ROOT, name, name + ".py")))
            manager.loadModules([name])


def installPackages():
    """Install what the modules need into the extension's own folder.

    Raises RuntimeError with what pip said where that fails.
    """
    from LongitudinalRegistrationSlicer.process.packages import PACKAGES
    from TableRemovalSlicer.packages import Packages

    packages = Packages(PACKAGES)
    if packages.missing:
        packages.install()
        while packages.running:
            packages.poll()
            time.sleep(0.1)
        if packages.missing:
            raise RuntimeError(packages.message)


def run():
    """Run every module's test and open its panel; return the names of those that failed."""
    failed = []
    for name in MODULES:
        try:
            slicer.util.getModuleWidget(name)
            slicer.selfTests[name]()
            print(f"{name}: passed")
        except Exception:
            traceback.print_exc()
            failed.append(name)
    return failed


if __name__ == "__main__":
    loadModules()
    if "--install" in sys.argv:
        installPackages()
    slicer.util.exit(1 if run() else 0)
