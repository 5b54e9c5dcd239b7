"""Python packages that a module needs and Slicer does not bring along: what is missing, and its installation."""

import importlib.util

import slicer


def missingPackages(names):
    """Return those of the import names that are not installed; imports nothing."""
    return [name for name in names if importlib.util.find_spec(name) is None]


def installPackages(requirements, requester):
    """Install pip requirements (a list) into Slicer's Python; Slicer from 5.12 on asks the user first.

    Raises RuntimeError where the user declines, subprocess.CalledProcessError where pip fails.
    """
    try:
        from slicer.packaging import pip_ensure
    except ImportError:
        slicer.util.pip_install(list(requirements))
    else:
        pip_ensure(list(requirements), requester=requester)
    importlib.invalidate_caches()
