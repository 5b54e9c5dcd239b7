"""Versions of what the results depend on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

CODE_VERSION = "0.1.0"
_PACKAGES = ("numpy", "scipy", "SimpleITK", "numba", "onnxruntime", "keras", "tensorflow")


def package_version(name: str) -> str | None:
    """Version of an installed package, None if it is not installed."""
    for candidate in (name, f"{name}-cpu"):
        try:
            return version(candidate)
        except PackageNotFoundError:
            continue
    return None


def versions() -> dict[str, str | None]:
    """Versions of this code, of Python and of the packages it uses."""
    return {
        "longct": CODE_VERSION,
        "python": platform.python_version(),
        **{name: package_version(name) for name in _PACKAGES},
    }
