"""A trained network in the form in which registrations run it, without TensorFlow.

    python -m LongitudinalRegistrationLib.methods.network.export NETWORK

converts the weights that ship for a network, and enters the file in the model's card: weights for the compiled code of
the default network, an ONNX file for ONNX Runtime of the others.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...system.files import write_atomically, write_json
from ...system.versions import package_version
from .architectures.catalogue import COMPILED_NETWORKS
from .build import build_network
from .keras_passes import muted_stderr, quiet_tensorflow, traced
from .model_store import CONVERTED, MODELS_FOLDER, Model, find_model

if TYPE_CHECKING:
    import keras

OPSET = 17


def export_compiled(model: Model, folder: Path) -> dict:
    """Take the weights out of Keras for compiled code.

    Parameters
    ----------
    model
        With weights.
    folder
        Where NAME_compiled.npz goes: an array for each weight, float32, by the names of its layers.

    Returns
    -------
    dict
        What the card says of it: the file and its SHA-256.
    """
    quiet_tensorflow()
    with muted_stderr():
        network = build_network(model.network, **model.options)
        network.load_weights(model.weights)
    arrays = named_weights(network)
    path = folder / f"{model.name}_compiled.npz"
    write_atomically(path, ".npz", partial(_save, arrays))
    return _record(path)


def named_weights(network: keras.Model) -> dict[str, np.ndarray]:
    """List a network's weights by the names of the layers they lie in.

    Parameters
    ----------
    network
        Built, with its weights.

    Returns
    -------
    dict
        Arrays, float32, by names such as "search/describe0/kernel".
    """
    found: dict[str, np.ndarray] = {}

    def collect(layer: keras.layers.Layer, prefix: str) -> None:
        inner = layer._layers
        shared = {id(weight) for part in inner for weight in part.weights}
        for weight in layer.weights:
            if id(weight) not in shared:
                found[prefix + weight.name] = np.asarray(weight, np.float32)
        for part in inner:
            collect(part, f"{prefix}{part.name}/")

    collect(network, "")
    return found


def export_onnx(model: Model, folder: Path) -> dict:
    """Convert a model to ONNX.

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
    return {"opset": OPSET, "converted_by": f"tf2onnx {package_version('tf2onnx')}", **_record(path)}


def _save(arrays: dict[str, Any], path: str) -> None:
    np.savez(path, **arrays)


def _record(path: Path) -> dict:
    return {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def _simplify(graph: bytes, path: str) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = path
    onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def main() -> None:
    """Convert the shipped weights of a network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network")
    model = find_model(parser.parse_args().network)
    card = MODELS_FOLDER / f"{model.name}.json"
    content = json.loads(card.read_text(encoding="utf-8"))
    kept = {name: value for name, value in content.items() if name not in CONVERTED}
    if model.network in COMPILED_NETWORKS:
        print(write_json({**kept, "compiled": export_compiled(model, MODELS_FOLDER)}, card))
    else:
        print(write_json({**kept, "onnx": export_onnx(model, MODELS_FOLDER)}, card))


if __name__ == "__main__":
    main()
