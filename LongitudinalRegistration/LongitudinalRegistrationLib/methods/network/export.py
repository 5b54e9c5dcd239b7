"""A trained network as an ONNX file, which ONNX Runtime executes without TensorFlow.

    python -m LongitudinalRegistrationLib.methods.network.export NETWORK

converts the weights that ship for a network, and enters the file in the model's card.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from functools import partial
from pathlib import Path

import onnxruntime

from ...system.files import write_atomically, write_json
from ...system.versions import package_version
from .build import build_network
from .keras_passes import muted_stderr, quiet_tensorflow, traced
from .model_store import MODELS_FOLDER, Model, find_model

OPSET = 17


def export_onnx(model: Model, folder: Path) -> dict:
    """Convert a model.

    The graph is simplified by ONNX Runtime as far as every processor has it the same, which halves the time it takes to
    load it.

    Parameters
    ----------
    model
        With weights.
    folder
        Where NAME_flow.onnx goes. Its input takes any size whose sides are multiples of 16; its outputs are those of
        keras_passes.traced.

    Returns
    -------
    dict
        What the card says of it: the file, its SHA-256, and what converted it.
    """
    quiet_tensorflow()
    with muted_stderr():
        import tensorflow as tf
        import tf2onnx

        network = build_network(model.network, **model.options)
        network.load_weights(model.weights)
        signature = [tf.TensorSpec((1, None, None, None, 2), tf.float32, name="pair")]
        proto, _ = tf2onnx.convert.from_function(traced(network), input_signature=signature, opset=OPSET)
        path = folder / f"{model.name}_flow.onnx"
        write_atomically(path, ".onnx", partial(_simplify, proto.SerializeToString()))
    return {
        "opset": OPSET,
        "converted_by": f"tf2onnx {package_version('tf2onnx')}",
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def _simplify(graph: bytes, path: str) -> None:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = path
    onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def main() -> None:
    """Convert the shipped weights of a network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network")
    model = find_model(parser.parse_args().network)
    record = export_onnx(model, MODELS_FOLDER)
    card = MODELS_FOLDER / f"{model.name}.json"
    print(write_json({**json.loads(card.read_text(encoding="utf-8")), "onnx": record}, card))


if __name__ == "__main__":
    main()
