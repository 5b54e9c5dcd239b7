"""The two marks of compiled code: `kernel`, called from Python, and `inlined`, called from kernels of any file.

Numba keeps what it compiles on disk and looks, for whether that still holds, at the file that the function stands in.
What stands in kernels from other files (inlined functions, constants) would then be used in an old form after an
update. A kernel's entry in the cache is therefore stamped with the contents of all files that its compiled code can
come from, and with the constants it sees.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from numbers import Number
from pathlib import Path
from types import ModuleType
from typing import Any

from numba import njit
from numba.core.registry import CPUDispatcher

PACKAGE = __name__.split(".", maxsplit=1)[0]


def inlined(function: Callable) -> Callable:
    """Mark a function whose code numba writes into the kernels that call it, with their arithmetic.

    Parameters
    ----------
    function
        Of numbers, tuples and arrays.

    Returns
    -------
    callable
        From kernels and, compiled on its own, from Python.

    Examples
    --------
    >>> @inlined
    ... def square(x):
    ...     return x * x
    >>> square(3.0)
    9.0
    """
    return njit(inline="always")(function)


def kernel(fused: bool = False) -> Callable[[Callable], CPUDispatcher]:
    """Mark a function that numba compiles, keeps on disk and runs without the interpreter's lock.

    Sums and products keep the order in which they are written, and nothing is estimated: what comes out does not depend
    on how many numbers a processor takes at once. A division by zero gives what is not finite, for loops that look out
    for it are not done on many numbers at once.

    A kernel that others call becomes part of each of them. Otherwise each would bring a copy of it, with products fused
    as they were there, and which copy all of them ran would depend on the order in which they were compiled or loaded.

    Parameters
    ----------
    fused
        Whether a product may be fused with the sum that it goes into: faster, and the same on all processors that can.

    Returns
    -------
    callable
        The decorator. What the kernel calls from other files must be imported above it.
    """

    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"} if fused else False}
    options["forceinline"] = True

    def decorate(function: Callable) -> CPUDispatcher:
        dispatcher = njit(cache=True, **options)(function)
        index = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
        if index is None or not hasattr(index, "_source_stamp"):
            # A numba whose cache is built otherwise: compiling anew in every process is slow, an old kernel is wrong.
            return njit(**options)(function)
        index._source_stamp = stamp(function)
        return dispatcher

    return decorate


def stamp(function: Callable) -> str:
    """What a kernel's machine code depends on, as a checksum.

    Parameters
    ----------
    function
        The Python function that is compiled.

    Returns
    -------
    str
        Hexadecimal; another one where its file, a file with compiled functions that its file imports (and so on), or
        a number in their namespaces is another one.
    """
    digest = hashlib.sha256()
    namespaces: dict[str, dict[str, Any]] = {}
    _collect(function.__globals__, namespaces)
    for _, namespace in sorted(namespaces.items()):
        digest.update(_content(namespace["__file__"]))
        digest.update(repr(_numbers(namespace)).encode())
    return digest.hexdigest()


def _collect(namespace: dict[str, Any], found: dict[str, dict[str, Any]]) -> None:
    """Add a module's namespace, by the module's name, and those of our modules whose compiled functions it sees."""
    if namespace["__name__"] in found:
        return
    found[namespace["__name__"]] = namespace
    for value in list(namespace.values()):
        if isinstance(value, CPUDispatcher):
            _collect(value.py_func.__globals__, found)
        elif isinstance(value, ModuleType) and value.__name__.split(".")[0] == PACKAGE:
            _collect(vars(value), found)


def _numbers(namespace: dict[str, Any]) -> list[tuple[str, str]]:
    """The constants that a kernel may have been compiled with: numbers and tuples of numbers."""
    return sorted((name, repr(value)) for name, value in namespace.items() if _is_number(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, Number) or (isinstance(value, tuple) and all(_is_number(part) for part in value))


@cache
def _content(path: str) -> bytes:
    return hashlib.sha256(Path(path).read_bytes()).digest()
