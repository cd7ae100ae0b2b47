"""Divergence is an error, not a result."""

import keras
import numpy as np


class RaiseOnNaN(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Raises ``FloatingPointError`` at the end of an epoch whose loss is NaN or infinite.

    ``keras.callbacks.TerminateOnNaN`` only stops, and the weights are saved as if trained. Add this
    one before callbacks that save.

    Args:
        stage: name of the training stage, for the message.
        learning_rate: the highest of the schedule, for the message.
    """

    def __init__(self, stage: str, learning_rate: float) -> None:
        super().__init__()
        self._stage = stage
        self._learning_rate = learning_rate

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        loss, val_loss = (logs or {})["loss"], (logs or {})["val_loss"]
        if not np.isfinite([loss, val_loss]).all():
            raise FloatingPointError(
                f"{self._stage}: expected a finite loss, received {loss} (validation {val_loss}) "
                f"in epoch {epoch + 1}; try a learning rate below {self._learning_rate}"
            )
