"""What a trained network runs on, always in float32.

The default network runs in compiled code of ours. The others run in ONNX Runtime where it is installed, else in
TensorFlow, and so does a network that was just trained.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Protocol

import numpy as np

from ...system.versions import package_version
from .architectures.catalogue import COMPILED_NETWORKS
from .model_store import Model, checked_content

INSTALL_RUNTIME = "pip install 'onnxruntime>=1.19'"
INSTALL_TENSORFLOW = "pip install tensorflow"


class Passes(Protocol):
    """A network in a runtime."""

    def __call__(self, pair: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """The flow [k, j, i, 3] of a pair (1, k, j, i, 2), float32, and how long its error is expected to be, [k, j, i]
        (None of a network that does not say so); voxels of the input."""
        ...


def has_onnx_runtime() -> bool:
    """Whether ONNX Runtime is installed."""
    return find_spec("onnxruntime") is not None


def tensorflow_missing() -> str:
    """Why nothing can be trained or converted here, in words; empty if TensorFlow and Keras are installed."""
    missing = [name for name in ("tensorflow", "keras") if find_spec(name) is None]
    return f"{' and '.join(missing)} not installed ({INSTALL_TENSORFLOW})" if missing else ""


def runtime_missing(network: str) -> str:
    """Why a shipped network cannot run here, in words; empty if what it needs is installed."""
    if network in COMPILED_NETWORKS or has_onnx_runtime() or not tensorflow_missing():
        return ""
    return f"ONNX Runtime is not installed ({INSTALL_RUNTIME})"


def runtime_words(network: str) -> str:
    """What runs a shipped network here, with its version: "ONNX Runtime 1.23.2"; empty where nothing does."""
    if network in COMPILED_NETWORKS:
        return f"compiled code, numba {package_version('numba')}"
    if has_onnx_runtime():
        return f"ONNX Runtime {package_version('onnxruntime')}"
    return "" if tensorflow_missing() else f"TensorFlow {package_version('tensorflow')}"


def load_passes(model: Model, threads: int | None) -> Passes:
    """Load a model into the runtime that is here.

    Parameters
    ----------
    threads
        Most threads at work; None: all cores. Compiled code runs on those that system.parallel is bound to.
    """
    if model.compiled:
        from .compiled.passes import CompiledPasses

        return CompiledPasses(checked_content(model, "compiled"))
    if model.onnx and has_onnx_runtime():
        from .onnx_passes import OnnxPasses

        return OnnxPasses(model, threads)
    from .keras_passes import KerasPasses

    return KerasPasses(model, threads)
