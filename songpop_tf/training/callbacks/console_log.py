"""Training progress on the console: a bar within an epoch, one line at its end."""

import keras

from songpop_tf.console import Console


class ConsoleLog(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Prints one line an epoch.

    Add it after `EpochMetrics` and `Checkpoint`, whose logs it prints.

    Args:
        console: where to print.
        stage: name of the training stage.
    """

    def __init__(self, console: Console, stage: str) -> None:
        super().__init__()
        self._console = console
        self._stage = stage
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        del logs
        if epoch > 0 and self._epoch == 0:
            self._console.print(f"{self._stage}: resuming from epoch {epoch + 1}")
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        del logs
        self._console.progress(
            f"{self._stage} epoch {self._epoch}", batch + 1, self.params["steps"]
        )

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        best = "  best" if logs["val_loss"] == logs["best_val_loss"] else ""
        self._console.print(
            f"{self._stage:<16} epoch {epoch + 1:>3}/{self.params['epochs']}  "
            f"loss {logs['loss']:7.1f}  validation MSE {logs['val_loss']:7.1f}  "
            f"MAE {logs['val_mae']:5.2f}  {logs['seconds']:6.1f} s{best}"
        )
