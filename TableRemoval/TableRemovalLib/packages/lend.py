"""Lets a process import single packages from an installation, without the folder on its path.

The panel's previews are compiled code that runs in the panel's own process. Only the names that are lent are found, and
only where the application has none of that name. Nothing else in the folder is: no other numpy, for nobody.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

from TableRemovalLib.packages.folder import Installation


class LentPackages(MetaPathFinder):
    """The last place where Python looks for a package."""

    def __init__(self, installation: Installation) -> None:
        self._folder, self._names = str(installation.folder), frozenset(installation.lent)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is None and fullname in self._names:
            return PathFinder.find_spec(fullname, [self._folder])
        return None


def lend(installation: Installation | None) -> None:
    """Lend an installation's packages in place of those lent before; None: none any more."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, LentPackages)]
    if installation is not None and installation.lent:
        sys.meta_path.append(LentPackages(installation))
