"""Types of arrays and numbers in the signatures of compiled code."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Float32Array: TypeAlias = npt.NDArray[np.float32]
Float64Array: TypeAlias = npt.NDArray[np.float64]
UInt8Array: TypeAlias = npt.NDArray[np.uint8]
Int32Array: TypeAlias = npt.NDArray[np.int32]
Int64Array: TypeAlias = npt.NDArray[np.int64]
AnyArray: TypeAlias = npt.NDArray[Any]

Real: TypeAlias = Any
"""A number in the precision that the caller works in: numba compiles for each, Python's types do not tell them."""

Corners: TypeAlias = tuple[Real, Real, Real, Real, Real, Real, Real, Real]
"""The eight values around a position: 000, 001, 010, 011, 100, 101, 110, 111, indices k, j, i."""
