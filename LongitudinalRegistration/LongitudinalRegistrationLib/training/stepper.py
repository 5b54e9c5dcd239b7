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

Estimate = tuple[Tensor, Tensor | None]
"""A flow (batch, k, j, i, 3), and the length of its error that the network expects (batch, k, j, i, 1) or None; both in
voxels of the input."""


def estimates_of(network: keras.Model, pair: Tensor) -> list:
    """Run a network, and keep what it estimates on the way.

    Parameters
    ----------
    network
        Any that build_network makes.
    pair
        [batch, k, j, i, 2], [0, 1]: fixed, moving.

    Returns
    -------
    list
        Flows, [batch, k, j, i, 3], voxels of the input, the last one its answer; each with the length of its error that
        the network expects, [batch, k, j, i, 1], or None.
    """
    if hasattr(network, "estimates"):
        return network.estimates(pair)
    flows = network.flows(pair) if hasattr(network, "flows") else [network(pair)]
    return [(flow, None) for flow in flows]


def on_grid_of(values: Tensor, flow: Tensor) -> Tensor:
    """Average values over the voxels of a coarser flow.

    Parameters
    ----------
    values
        [batch, k, j, i, channel].
    flow
        [batch, k, j, i, 3], coarser by powers of two.

    Returns
    -------
    tensor
        [batch, k, j, i, channel] on the flow's voxels.
    """
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
        """Run the network as Keras asks for it; see estimates_of."""
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
        """Sum the losses that the options ask for, and note error and sum; Keras calls it for every batch.

        Parameters
        ----------
        x
            [batch, k, j, i, 2], the images.
        y
            [batch, k, j, i, 4], the truth: flow in voxels of the input, then the body.
        y_pred
            As from estimates_of.
        sample_weight, training
            Not used.

        Returns
        -------
        tensor
            One number, float32.
        """
        options, flows = self.options, [flow for flow, _ in y_pred]
        x, y, final, loss = ops.cast(x, "float32"), ops.cast(y, "float32"), flows[-1], 0.0
        if options.end_point:
            loss += options.end_point * self._end_point(flows, y)
        if options.expected_error and y_pred[-1][1] is not None:
            loss += options.expected_error * self._expected_error(y_pred, y)
        if options.diffusion:
            loss += options.diffusion * diffusion_loss(self._at_full_size(final, x))
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
    options
        Of the loss.
    clip_norm
        Largest norm of each weight's gradient; 0: they are not clipped.
    """

    def __init__(self, network: keras.Model, options: LossOptions, clip_norm: float = 1.0) -> None:
        self.network = network
        self.optimizer = keras.optimizers.Adam(1e-4, clipnorm=clip_norm or None)
        self._model = compiled_model(network, options, self.optimizer)
        self.optimizer.build(network.trainable_variables)

    def step(self, images: np.ndarray, truth: np.ndarray, learning_rate: float) -> dict[str, float]:
        """Do one step on a batch.

        Parameters
        ----------
        images, truth
            As from samples.batch_of.
        learning_rate
            Of this step.

        Returns
        -------
        dict
            Loss, and mean end-point error in the body, voxels, both before the step.
        """
        self.optimizer.learning_rate = learning_rate
        self._model.reset_metrics()
        return self._scores(self._model.train_on_batch(images, truth, return_dict=True))

    def evaluate(self, images: np.ndarray, truth: np.ndarray) -> dict[str, float]:
        """Score a batch without a step.

        Parameters
        ----------
        images, truth
            As from samples.batch_of.

        Returns
        -------
        dict
            As in step.
        """
        self._model.reset_metrics()
        return self._scores(self._model.test_on_batch(images, truth, return_dict=True))

    @staticmethod
    def _scores(logs: dict[str, float]) -> dict[str, float]:
        return {"loss": float(logs["total"]), "error": float(logs["end_point_error"])}

    def weights(self) -> list[np.ndarray]:
        """Copies of the network's weights.

        Returns
        -------
        list of numpy.ndarray
            One for each variable, float32.
        """
        return [np.copy(ops.convert_to_numpy(v.value)) for v in self.network.variables]

    def set_weights(self, values: list[np.ndarray]) -> None:
        """Put weights back.

        Parameters
        ----------
        values
            As from weights.
        """
        for variable, value in zip(self.network.variables, values, strict=True):
            variable.assign(value)

    def optimizer_state(self) -> list[np.ndarray]:
        """Copies of the optimiser's variables.

        Returns
        -------
        list of numpy.ndarray
            One for each variable.
        """
        return [np.copy(ops.convert_to_numpy(v.value)) for v in self.optimizer.variables]

    def set_optimizer_state(self, values: list[np.ndarray]) -> None:
        """Put the optimiser's variables back.

        Parameters
        ----------
        values
            As from optimizer_state.
        """
        for variable, value in zip(self.optimizer.variables, values, strict=True):
            variable.assign(value)
