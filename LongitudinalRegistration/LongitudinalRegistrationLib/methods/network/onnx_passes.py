"""Passes of a network by ONNX Runtime: the shipped form, any size of input, no tracing, no TensorFlow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from .model_store import Model


class OnnxPasses:
    """A network in ONNX Runtime; each pass is loaded when it is first asked for.

    Parameters
    ----------
    model
        With ONNX files.
    threads
        Most threads at work; None: all cores.
    """

    def __init__(self, model: Model, threads: int | None = None):
        onnxruntime.disable_telemetry_events()
        self._files, self._threads = model.onnx, threads
        self._sessions: dict[str, onnxruntime.InferenceSession] = {}

    def __call__(self, pair: np.ndarray, to_the_end: bool = True) -> np.ndarray:
        """The flow [k, j, i, 3], voxels of the input, of a pair (1, k, j, i, 2), float32."""
        name = "head_start" if "head_start" in self._files and not to_the_end else "flow"
        if name not in self._sessions:
            self._sessions[name] = _session(self._files[name], self._threads)
        return self._sessions[name].run([name], {"pair": pair})[0][0]


def _session(path: Path, threads: int | None) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
