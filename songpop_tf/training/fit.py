"""Compile and fit one model, so that it can be stopped at any time and resumed."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from songpop_tf.config import FitConfig
from songpop_tf.training.callbacks import Checkpoint, EpochMetrics, History, RaiseOnNaN
from songpop_tf.training.callbacks.epoch_metrics import POPULARITY
from songpop_tf.training.devices import accept_unequal_shares, supported_steps_per_execution


def fit(
    model: keras.Model,
    train: tf.data.Dataset,
    validation: tf.data.Dataset,
    *,
    stage: str,
    config: FitConfig,
    steps_per_epoch: int,
    checkpoint: Checkpoint,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    loss_weights: Mapping[str, float] = MappingProxyType({}),
    steps_per_execution: int = 1,
) -> History:
    """Fit with MSE and Adam; leave the model with the weights of its best epoch.

    Weight decay is decoupled (Loshchilov and Hutter, 2019); biases, normalization and embeddings
    have none.

    Args:
        model: changed in place. It may have a dictionary of outputs, ``popularity`` among them.
        train: endless batches of (inputs, popularity) or (inputs, dictionary of targets), from
            epoch ``checkpoint.completed_epochs`` on; NaN in other targets than popularity is
            unknown.
        validation: one pass over the validation songs.
        stage: name of the training stage, for messages.
        config: learning rate, epochs, batch size.
        steps_per_epoch: batches in an epoch.
        checkpoint: where training resumes, and when it stops early.
        callbacks: called after the checkpoint of an epoch has been written.
        loss_weights: of the other outputs' MSE, beside 1 for popularity.
        steps_per_execution: as of ``keras.Model.compile``. A whole epoch pays off for models so
            small that dispatching takes longer than a step; Ctrl-C then waits for its end.
            With several devices it is 1.

    Returns:
        One entry for each epoch: epoch (1 = first), loss and val_loss (MSE of popularity in points
        squared), val_mae, learning_rate, songs_per_second, seconds, and the model's other logs.

    Raises:
        FloatingPointError: the loss became NaN or infinite.
    """
    _compile(model, config, steps_per_epoch, loss_weights, steps_per_execution)
    checkpoint.restore(model)
    completed = checkpoint.completed_epochs
    model.fit(
        train,
        steps_per_epoch=steps_per_epoch,
        initial_epoch=completed,
        # None left: Keras calls on_train_begin and on_train_end only.
        epochs=config.epochs if checkpoint.should_continue else completed,
        validation_data=validation,
        callbacks=[
            EpochMetrics(config.batch_size),
            RaiseOnNaN(stage, config.learning_rate),
            checkpoint,
            *callbacks,
        ],
        shuffle=False,  # the dataset shuffles itself
        verbose=0,
    )
    return checkpoint.history


def _compile(
    model: keras.Model,
    config: FitConfig,
    steps_per_epoch: int,
    loss_weights: Mapping[str, float],
    steps_per_execution: int,
) -> None:
    loss, weights, metrics = _losses(model, loss_weights)
    # XLA halves the speed of training on a CPU.
    model.compile(
        _optimizer(config, steps_per_epoch),
        loss,
        loss_weights=weights,
        metrics=metrics,
        steps_per_execution=supported_steps_per_execution(steps_per_execution),
        jit_compile=False,
    )
    _build_compiled_state(model)
    accept_unequal_shares(model)


def _optimizer(config: FitConfig, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    schedule = keras.optimizers.schedules.CosineDecay(
        config.learning_rate / 10,
        config.epochs * steps_per_epoch,
        warmup_target=config.learning_rate,
        warmup_steps=steps_per_epoch,
    )
    optimizer = keras.optimizers.Adam(schedule, weight_decay=config.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "embedding"])
    return optimizer


def _losses(model: keras.Model, loss_weights: Mapping[str, float]) -> tuple[Any, Any, Any]:
    """Losses, their weights and metrics as ``keras.Model.compile`` takes them."""
    if not isinstance(model.output, dict):
        return "mse", None, ["mae"]
    auxiliary = [name for name in model.output if name != POPULARITY]
    return (
        {POPULARITY: "mse", **dict.fromkeys(auxiliary, masked_mse)},
        {POPULARITY: 1.0, **{name: loss_weights[name] for name in auxiliary}},
        {POPULARITY: ["mae"]},
    )


def _build_compiled_state(model: keras.Model) -> None:
    """Create the variables of optimizer and metrics.

    A checkpoint can only be restored into variables that exist. Without those of the metrics,
    TensorFlow would also trace the first training step twice.
    """
    model.optimizer.build(model.trainable_variables)
    outputs = keras.tree.map_structure(
        lambda output: ops.zeros((1, *output.shape[1:])), model.output
    )
    model.compute_loss(None, outputs, outputs)
    model.compute_metrics(None, outputs, outputs)
    model.reset_metrics()


def masked_mse(truth: tf.Tensor, prediction: tf.Tensor) -> tf.Tensor:
    """Mean squared error ``(batch,)`` of ``(batch, n)``; 0 where the truth is NaN (unknown)."""
    # Replace the truth, not the error: the gradient of an unused NaN is NaN too.
    known = ops.where(ops.isnan(truth), ops.stop_gradient(prediction), truth)
    return ops.mean(ops.square(known - prediction), axis=-1)
