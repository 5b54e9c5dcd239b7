"""One gradient step, the same on every backend of Keras: the network, its loss and its optimiser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from ..methods.network.architectures.fields import double, halve
from ..methods.network.architectures.losses import diffusion_loss, inverse_consistency_loss, local_ncc_loss, mean_length
from ..methods.network.architectures.spatial_transformer import warp
from ..methods.network.architectures.tensor import Tensor
from .config import LossOptions

OUTSIDE_WEIGHT = 0.05
EARLIER_STEPS = 0.5
CLIP_NORM = 1.0

Estimate = tuple[Tensor, Tensor | None]
"""A flow (batch, k, j, i, 3), and the length of its error that the network expects (batch, k, j, i, 1) or None; both in
voxels of the input."""


def estimates_of(network: keras.Model, pair: Tensor) -> list:
    """All flows a network gives, (batch, k, j, i, 3), the last one its answer, each with the length of its error that
    the network expects, (batch, k, j, i, 1), or None; voxels of the input."""
    if hasattr(network, "estimates"):
        return network.estimates(pair)
    flows = network.flows(pair) if hasattr(network, "flows") else [network(pair)]
    return [(flow, None) for flow in flows]


def on_grid_of(values: Tensor, flow: Tensor) -> Tensor:
    """Means of values (batch, k, j, i, channels) over the voxels of a coarser flow."""
    while values.shape[1] > flow.shape[1]:
        values = halve(values)
    return values


class TrainingModel(keras.Model):
    """A network with the loss that LossOptions asks for."""

    def __init__(self, network: keras.Model, options: LossOptions, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.network, self.options = network, options
        self.error = keras.metrics.Mean(name="end_point_error")
        self.total = keras.metrics.Mean(name="total")
        self.built = True

    def call(self, pair: Tensor, training: bool | None = None) -> list[Estimate]:
        return estimates_of(self.network, pair)

    @staticmethod
    def _at_full_size(flow: Tensor, pair: Tensor) -> Tensor:
        while flow.shape[1] < pair.shape[1]:
            flow = double(flow)
        return flow

    def _end_point(self, flows: list[Tensor], truth: Tensor) -> Tensor:
        """Mean distance in the body, with a little of what lies outside; every step counts, the last one most."""
        loss = 0.0
        for number, flow in enumerate(flows):
            here = on_grid_of(truth, flow)
            weight = OUTSIDE_WEIGHT + (1.0 - OUTSIDE_WEIGHT) * here[..., 3:]
            share = 1.0 if number == len(flows) - 1 else EARLIER_STEPS / len(flows)
            loss += share * mean_length(here[..., :3] - flow, weight)
        return loss

    @staticmethod
    def _expected_error(estimates: Sequence[Estimate], truth: Tensor) -> Tensor:
        """Negative log-likelihood of the error's length, exponentially distributed around what is expected."""
        loss = 0.0
        for flow, expected in estimates:
            here = on_grid_of(truth, flow)
            weight = OUTSIDE_WEIGHT + (1.0 - OUTSIDE_WEIGHT) * here[..., 3:]
            length = ops.sqrt(ops.sum(ops.square(here[..., :3] - ops.stop_gradient(flow)), axis=-1, keepdims=True))
            likelihood = length / expected + ops.log(expected)
            loss += ops.sum(weight * likelihood) / (ops.sum(weight) * len(estimates))
        return loss

    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensor = None,
        y_pred: Sequence[Estimate] = (),
        sample_weight: Tensor = None,
        training: bool = True,
    ) -> Tensor:
        options, flows = self.options, [flow for flow, _ in y_pred]
        x, y, final, loss = ops.cast(x, "float32"), ops.cast(y, "float32"), flows[-1], 0.0
        if options.end_point:
            loss += options.end_point * self._end_point(flows, y)
        if options.expected_error and y_pred[-1][1] is not None:
            loss += options.expected_error * self._expected_error(y_pred, y)
        if options.diffusion:
            loss += options.diffusion * diffusion_loss(final)
        if options.ncc:
            warped = warp(x[..., 1:], self._at_full_size(final, x))
            loss += options.ncc * local_ncc_loss(x[..., :1], warped)
        if options.inverse_consistency:
            backward = estimates_of(self.network, ops.flip(x, axis=-1))[-1][0]
            voxels = x.shape[1] // final.shape[1]
            loss += options.inverse_consistency * inverse_consistency_loss(final / voxels, backward / voxels)
        here = on_grid_of(y, final)
        self.error.update_state(mean_length(here[..., :3] - final, here[..., 3:]))
        self.total.update_state(loss)
        return loss


def compiled_model(network: keras.Model, options: LossOptions, optimizer: keras.optimizers.Optimizer) -> TrainingModel:
    """The network with its loss as it is trained: on TensorFlow without XLA, whose kernels are others."""
    model = TrainingModel(network, options)
    compiled = {"jit_compile": False} if keras.backend.backend() == "tensorflow" else {}
    model.compile(optimizer=optimizer, **compiled)
    return model


class Stepper:
    """Network, optimiser and loss; what must survive is weights() and optimizer_state().

    Parameters
    ----------
    network
        As from build_network.
    """

    def __init__(self, network: keras.Model, options: LossOptions) -> None:
        self.network = network
        self.optimizer = keras.optimizers.Adam(1e-4, clipnorm=CLIP_NORM)
        self._model = compiled_model(network, options, self.optimizer)
        self.optimizer.build(network.trainable_variables)

    def step(self, images: np.ndarray, truth: np.ndarray, learning_rate: float) -> dict[str, float]:
        """One step on a batch (see batch_of); loss, and mean end-point error in the body, voxels."""
        self.optimizer.learning_rate = learning_rate
        self._model.reset_metrics()
        return self._scores(self._model.train_on_batch(images, truth, return_dict=True))

    def evaluate(self, images: np.ndarray, truth: np.ndarray) -> dict[str, float]:
        """The same without a step."""
        self._model.reset_metrics()
        return self._scores(self._model.test_on_batch(images, truth, return_dict=True))

    @staticmethod
    def _scores(logs: dict[str, float]) -> dict[str, float]:
        return {"loss": float(logs["total"]), "error": float(logs["end_point_error"])}

    def weights(self) -> list[np.ndarray]:
        """Copies of the network's weights."""
        return [np.copy(ops.convert_to_numpy(v.value)) for v in self.network.variables]

    def set_weights(self, values: list[np.ndarray]) -> None:
        """Put weights back."""
        for variable, value in zip(self.network.variables, values, strict=True):
            variable.assign(value)

    def optimizer_state(self) -> list[np.ndarray]:
        """Copies of the optimiser's variables."""
        return [np.copy(ops.convert_to_numpy(v.value)) for v in self.optimizer.variables]

    def set_optimizer_state(self, values: list[np.ndarray]) -> None:
        """Put the optimiser's variables back."""
        for variable, value in zip(self.optimizer.variables, values, strict=True):
            variable.assign(value)
