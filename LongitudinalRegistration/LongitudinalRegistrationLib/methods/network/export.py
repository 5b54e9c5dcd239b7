"""A trained network as ONNX files, which ONNX Runtime executes without TensorFlow.

    python -m LongitudinalRegistrationLib.methods.network.export NETWORK

converts the weights that ship for a network, and enters the files in the model's card.
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
from .keras_passes import muted_stderr, quiet_tensorflow, traced_passes
from .model_store import MODELS_FOLDER, Model, find_model

OPSET = 17


def export_onnx(model: Model, folder: Path) -> dict:
    """Convert a model, each of its passes to a file of its own.

    The graphs are simplified by ONNX Runtime as far as every processor has it the same, which halves the time it takes
    to load them.

    Parameters
    ----------
    model
        With weights.
    folder
        Where the files go: NAME_flow.onnx and, where the network has one, NAME_head_start.onnx. Their input takes any
        size whose sides are multiples of 16.

    Returns
    -------
    dict
        What the card says of them: pass to file and SHA-256, and what converted it.
    """
    quiet_tensorflow()
    with muted_stderr():
        import tensorflow as tf
        import tf2onnx

        network = build_network(model.network, **model.options)
        network.load_weights(model.weights)
        signature = [tf.TensorSpec((1, None, None, None, 2), tf.float32, name="pair")]
        record = {"opset": OPSET, "converted_by": f"tf2onnx {package_version('tf2onnx')}"}
        for name, run in traced_passes(network).items():
            answer = tf.function(lambda pair, name=name, run=run: {name: run(pair)}, input_signature=signature)
            proto, _ = tf2onnx.convert.from_function(answer, input_signature=signature, opset=OPSET)
            path = folder / f"{model.name}_{name}.onnx"
            write_atomically(path, ".onnx", partial(_simplify, proto.SerializeToString()))
            record[name] = {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    return record


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
