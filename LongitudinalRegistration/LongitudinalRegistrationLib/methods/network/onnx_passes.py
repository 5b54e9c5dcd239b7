"""A network in ONNX Runtime: the shipped form, any size of input, no tracing, no TensorFlow."""

from __future__ import annotations

import numpy as np
import onnxruntime

from .model_store import Model, checked_content


class OnnxPasses:
    """A network in ONNX Runtime.

    Parameters
    ----------
    model
        With an ONNX file.
    threads
        Most threads at work; None: all cores.

    Raises
    ------
    InputError
        If the file is not the one that the model's card names.
    """

    def __init__(self, model: Model, threads: int | None = None):
        onnxruntime.disable_telemetry_events()
        assert model.onnx is not None, "see runtime.load_passes"
        self._session = _session(checked_content(model, "onnx"), threads)

    def __call__(self, pair: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """See runtime.Passes."""
        names = [output.name for output in self._session.get_outputs()]
        answers = dict(zip(names, self._session.run(names, {"pair": pair}), strict=True))
        error = answers.get("expected_error")
        return answers["flow"][0], None if error is None else error[0, ..., 0]


def _session(content: bytes, threads: int | None) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
