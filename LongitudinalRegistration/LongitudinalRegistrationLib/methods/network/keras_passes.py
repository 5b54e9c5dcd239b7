"""A network in Keras on TensorFlow: what training leaves, and the reference of the shipped form."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from .model_store import Model

if TYPE_CHECKING:
    import keras


@contextmanager
def muted_stderr() -> Iterator[None]:
    """Send this process's standard error nowhere for a while; TensorFlow's C++ start-up logs there regardless."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def quiet_tensorflow() -> None:
    """Keep TensorFlow's messages off the terminal; to be called before its first import."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    logging.getLogger("absl").setLevel(logging.ERROR)


class KerasPasses:
    """A network with its weights in Keras, traced once for every size of input.

    Parameters
    ----------
    model
        With weights.
    threads
        Most threads TensorFlow may use; it counts only before TensorFlow has run the first time.
    """

    def __init__(self, model: Model, threads: int | None = None) -> None:
        quiet_tensorflow()
        with muted_stderr():
            import tensorflow as tf

            _bound_threads(tf, threads)
            tf.zeros(())
        from .build import build_network

        network = build_network(model.network, **model.options)
        network.load_weights(model.weights)
        self._answers = traced(network)

    def __call__(self, pair: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """See runtime.Passes."""
        answers = self._answers(pair)
        error = answers.get("expected_error")
        return answers["flow"].numpy()[0], None if error is None else error.numpy()[0, ..., 0]


def traced(network: keras.Model) -> Callable[[Any], dict[str, Any]]:
    """A network as a function of TensorFlow.

    Returns
    -------
    function
        Takes a pair of images (1, k, j, i, 2), float32, of any size; gives the "flow" (1, k, j, i, 3) and, where the
        network says so, the "expected_error" (1, k, j, i, 1); voxels of the input.
    """
    import tensorflow as tf

    def answers(pair: tf.Tensor) -> dict[str, tf.Tensor]:
        if hasattr(network, "with_expected_error"):
            return dict(zip(("flow", "expected_error"), network.with_expected_error(pair), strict=True))
        return {"flow": network(pair, training=False)}

    return tf.function(answers, input_signature=[tf.TensorSpec((1, None, None, None, 2), tf.float32, name="pair")])


def _bound_threads(tf: ModuleType, threads: int | None) -> None:
    if not threads:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(max(1, threads // 2))
    except RuntimeError:
        pass
