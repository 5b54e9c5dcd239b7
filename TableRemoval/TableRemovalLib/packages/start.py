"""Runs a Python module with an installation's folder first on its path.

    python -m TableRemovalLib.packages.start FOLDER MODULE [ARGUMENT ...]

PYTHONPATH would not do: Slicer's launcher puts its own folders before whatever stands there.
"""

from __future__ import annotations

import runpy
import sys


def main() -> None:
    """Run the module that the command line names."""
    folder, module = sys.argv[1:3]
    sys.path.insert(0, folder)
    sys.argv[:] = sys.argv[2:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
