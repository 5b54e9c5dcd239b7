"""What a trained network runs on: ONNX Runtime where it is installed, else TensorFlow; both in float32."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from ...system.versions import package_version
from .model_store import Model

if TYPE_CHECKING:
    from .keras_passes import KerasPasses
    from .onnx_passes import OnnxPasses

INSTALL_RUNTIME = "pip install 'onnxruntime>=1.19'"
INSTALL_TENSORFLOW = "pip install tensorflow"


def has_onnx_runtime() -> bool:
    """Whether ONNX Runtime is installed."""
    return find_spec("onnxruntime") is not None


def tensorflow_missing() -> str:
    """Why nothing can be trained or converted here, in words; empty if TensorFlow and Keras are installed."""
    missing = [name for name in ("tensorflow", "keras") if find_spec(name) is None]
    return f"{' and '.join(missing)} not installed ({INSTALL_TENSORFLOW})" if missing else ""


def runtime_missing() -> str:
    """Why no network can run here, in words; empty if ONNX Runtime, or TensorFlow with Keras, is installed."""
    if has_onnx_runtime() or not tensorflow_missing():
        return ""
    return f"ONNX Runtime is not installed ({INSTALL_RUNTIME})"


def runtime_words() -> str:
    """What runs the shipped networks here, with its version: "ONNX Runtime 1.23.2"; empty where nothing does."""
    if has_onnx_runtime():
        return f"ONNX Runtime {package_version('onnxruntime')}"
    return "" if tensorflow_missing() else f"TensorFlow {package_version('tensorflow')}"


def load_passes(model: Model, threads: int | None) -> OnnxPasses | KerasPasses:
    """Load a model into the runtime that is here.

    Returns
    -------
    OnnxPasses or KerasPasses
        Called with a pair of images and `to_the_end`, it gives the flow.
    """
    if model.onnx and has_onnx_runtime():
        from .onnx_passes import OnnxPasses

        return OnnxPasses(model, threads)
    from .keras_passes import KerasPasses

    return KerasPasses(model, threads)
