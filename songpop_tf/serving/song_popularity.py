"""The networks of a run as one KerasHub task, which is saved as a preset."""

from collections.abc import Mapping
from typing import Any

import keras
import keras_hub
from keras import ops

from pipelines.errors import InputError
from pipelines.file_errors import reading
from pipelines.io import StrPath
from songpop_tf.serving.hubs import local_folder
from songpop_tf.serving.song_preprocessor import BRANCH, SongPreprocessor
from songpop_tf.training.conformal import PredictionIntervals
from songpop_tf.training.run import Run

_LEARNING_RATE = 1e-4
"""Of fine-tuning."""


@keras.saving.register_keras_serializable(package="songpop_tf")
class SongPopularity(keras_hub.models.Task):  # type: ignore[misc]  # KerasHub is untyped
    """Popularity, ``(batch, 1)``, of songs whose artist, title, year or spectrogram is known.

    ``predict``, ``fit`` and ``evaluate`` take what `SongPreprocessor` converts, for example
    ``{"artist": ["Queen"], "title": ["Innuendo"], "year": [1991]}``. Each song is predicted by the
    network for its known inputs, as `songpop_tf.load` does; the graph computes all of them.

    Args:
        backbone: functional model with the inputs of all networks, as `networks_model` joins them.
        preprocessor: converts songs to these inputs; None if they are given as they are.
        intervals: prediction intervals of each network by branch, or their JSON.
        compile: for fine-tuning, with Adam and the mean squared error.
        **kwargs: of a KerasHub task.

    Attributes:
        intervals: the prediction intervals by branch.
    """

    preprocessor_cls = SongPreprocessor

    def __init__(
        self,
        backbone: keras.Model,
        preprocessor: SongPreprocessor | None,
        intervals: Mapping[str, Any],
        *,
        compile: bool = True,
        **kwargs: Any,
    ) -> None:
        self.backbone = backbone
        self.preprocessor = preprocessor
        inputs = {**backbone.input, BRANCH: keras.Input((), dtype="int32", name=BRANCH)}
        popularity = ops.concatenate(list(backbone.output.values()), axis=-1)
        selected = ops.one_hot(inputs[BRANCH], popularity.shape[-1], dtype=popularity.dtype)
        outputs = ops.sum(popularity * selected, axis=-1, keepdims=True)
        super().__init__(inputs=inputs, outputs=outputs, compile=False, **kwargs)
        self._interval_json = {
            branch: one.to_json() if isinstance(one, PredictionIntervals) else one
            for branch, one in intervals.items()
        }
        if compile:
            adam = keras.optimizers.Adam(_LEARNING_RATE)
            self.compile(adam, "mse", metrics=["mae"], jit_compile=False)

    @classmethod
    def from_run(cls, run: StrPath) -> "SongPopularity":
        """Join the best networks of a training run.

        Without the combined one if it knows other artists than the text model: a task has one
        preprocessor, but naive and pre-trained models have different ones.

        Args:
            run: folder of the run.

        Raises:
            InputError: the folder holds no run, or the run has no text model.
        """
        opened = Run.open(run)
        best = opened.best_by_branch()
        if "text" not in best:
            names = ", ".join(map(str, best.values())) or "a run without models"
            raise InputError(f"{run}: expected a trained model named text, received {names}")
        configurations = {
            branch: one
            for branch, one in best.items()
            if not one.reads_metadata or one.pretrained == best["text"].pretrained
        }
        networks = {branch: opened.load_model(one) for branch, one in configurations.items()}
        metadata = opened.load_preprocessor(configurations["text"])
        intervals = {branch: opened.load_intervals(one) for branch, one in configurations.items()}
        return cls(
            networks_model(networks),
            SongPreprocessor(list(networks), metadata, name="preprocessor"),
            intervals,
            name="song_popularity",
        )

    @property
    def intervals(self) -> dict[str, PredictionIntervals]:
        """The prediction intervals by branch."""
        return {
            branch: PredictionIntervals.from_json(content)
            for branch, content in self._interval_json.items()
        }

    def network(self, branch: str) -> keras.Model:
        """The network "text", "cnn" or "combined", sharing its weights with the task."""
        return self.backbone.get_layer(branch)

    def get_config(self) -> dict[str, Any]:
        """Backbone, preprocessor and intervals."""
        return {**super().get_config(), "intervals": self._interval_json}

    def save_to_preset(self, preset_dir: StrPath, max_shard_size: float = 10) -> None:
        """Write the folder of a preset.

        Args:
            preset_dir: it is created.
            max_shard_size: of a file of weights, in GB.
        """
        super().save_to_preset(str(preset_dir), max_shard_size=max_shard_size)

    @classmethod
    def from_preset(
        cls, preset: StrPath, load_weights: bool = True, **kwargs: Any
    ) -> "SongPopularity":
        """Load a preset.

        Args:
            preset: its folder, ``hf://USER/MODEL`` or ``kaggle://USER/MODEL/keras/VARIATION``.
            load_weights: False for a task with untrained networks.
            **kwargs: of a KerasHub task.

        Raises:
            InputError: it cannot be downloaded, or a file is missing or damaged.
        """
        folder = local_folder(preset)
        with reading(folder, "a preset of SongPopularity"):
            task: SongPopularity = super().from_preset(str(folder), load_weights, **kwargs)
            return task


def networks_model(networks: Mapping[str, keras.Model]) -> keras.Model:
    """Join networks to one functional model from all their inputs to their outputs.

    Args:
        networks: functional models with inputs and one output ``(batch, 1)``, by branch. Inputs of
            the same name are one. Their names become those of the branches.
    """
    inputs: dict[str, keras.KerasTensor] = {}
    for network in networks.values():
        for tensor in network.inputs:
            if tensor.name not in inputs:
                inputs[tensor.name] = keras.Input(
                    tensor.shape[1:], dtype=tensor.dtype, name=tensor.name
                )
    outputs = {}
    for branch, network in networks.items():
        network.name = branch
        outputs[branch] = network({tensor.name: inputs[tensor.name] for tensor in network.inputs})
    return keras.Model(inputs, outputs, name="song_networks")
