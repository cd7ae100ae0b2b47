"""The search space of each branch: Keras Tuner hyperparameters applied to a run configuration.

A hyperparameter has the name of the setting in a run's TOML file. Its default is the setting of the
base configuration, and its range is extended to include that.
"""

import dataclasses
from collections.abc import Callable, Sequence

import keras_tuner

from pipelines.config import AugmentationConfig, MaskingConfig
from songpop_tf.config import (
    FitConfig,
    FusionConfig,
    MetadataEncoderConfig,
    RunConfig,
    SpectrogramCNNConfig,
)

EPOCHS = "tuner/epochs"
"""Name of the hyperparameter by which Hyperband sets the epochs of a trial."""


def apply_hyperparameters(
    branch: str,
    hp: keras_tuner.HyperParameters,
    base: RunConfig,
    oracle_sets_epochs: bool = False,
) -> RunConfig:
    """Replace the settings of one branch in ``base`` by hyperparameters.

    Args:
        branch: "text", "cnn" or "combined".
        hp: values of the hyperparameters; those that it does not contain are added to its space,
            with the setting of ``base`` as default and value.
        base: all other settings, and the defaults.
        oracle_sets_epochs: the number of epochs is not searched but set by the oracle.
    """
    return _BRANCHES[branch](_SearchSpace(hp, oracle_sets_epochs), base)


def objective_fit_config(branch: str, config: RunConfig) -> FitConfig:
    """The fit settings of the stage whose validation MSE is minimized."""
    by_branch = {
        "text": config.text_finetuning_fit,
        "cnn": config.cnn_fit,
        "combined": config.head_fit,
    }
    return by_branch[branch]


@dataclasses.dataclass(frozen=True)
class _SearchSpace:
    """Declares hyperparameters around the settings of a base configuration.

    Attributes:
        hp: holds the space and the values.
        oracle_sets_epochs: the number of epochs is not searched but set by the oracle.
    """

    hp: keras_tuner.HyperParameters
    oracle_sets_epochs: bool = False

    def choice(self, name: str, values: Sequence[int], base: int) -> int:
        """One of ``values`` or ``base``."""
        value: int = self.hp.Choice(name, sorted({*values, base}), default=base)
        return value

    def uniform(self, name: str, low: float, high: float, base: float) -> float:
        """A number from ``low`` to ``high``, or to ``base`` if that is outside."""
        value: float = self.hp.Float(name, min(low, base), max(high, base), default=base)
        return value

    def log_uniform(self, name: str, base: float, factor: float) -> float:
        """A number from ``base / factor`` to ``base * factor``, on a logarithmic scale."""
        value: float = self.hp.Float(
            name, base / factor, base * factor, sampling="log", default=base
        )
        return value

    def fit_config(self, name: str, base: FitConfig) -> FitConfig:
        """Learning rate, batch size, epochs and weight decay."""
        return dataclasses.replace(
            base,
            learning_rate=self.log_uniform(f"{name}.learning_rate", base.learning_rate, 4),
            batch_size=self.choice(
                f"{name}.batch_size",
                [max(1, base.batch_size // 2), 2 * base.batch_size],
                base.batch_size,
            ),
            epochs=self._epochs(f"{name}.epochs", base.epochs),
            weight_decay=self.log_uniform(f"{name}.weight_decay", base.weight_decay, 10)
            if base.weight_decay
            else 0.0,
        )

    def _epochs(self, name: str, base: int) -> int:
        if self.oracle_sets_epochs:
            return int(self.hp.values.get(EPOCHS, base))
        value: int = self.hp.Int(name, max(1, base // 2), base * 2, default=base)
        return value


def _apply_text(space: _SearchSpace, base: RunConfig) -> RunConfig:
    """Apply to the metadata encoder, the masking of its inputs, pre-training and fine-tuning."""
    finetuning_fit = space.fit_config("text_finetuning_fit", base.text_finetuning_fit)
    pretraining_fit = dataclasses.replace(
        base.text_pretraining_fit,
        learning_rate=space.log_uniform(
            "text_pretraining_fit.learning_rate", base.text_pretraining_fit.learning_rate, 4
        ),
    )
    if space.oracle_sets_epochs:  # shorten both stages in proportion
        ratio = finetuning_fit.epochs / base.text_finetuning_fit.epochs
        epochs = max(1, round(ratio * pretraining_fit.epochs))
        pretraining_fit = dataclasses.replace(pretraining_fit, epochs=epochs)
    return dataclasses.replace(
        base,
        metadata=_metadata_config(space, base.metadata),
        masking=_masking_config(space, base.masking),
        text_pretraining_fit=pretraining_fit,
        text_finetuning_fit=finetuning_fit,
    )


def _metadata_config(space: _SearchSpace, base: MetadataEncoderConfig) -> MetadataEncoderConfig:
    heads, width = base.heads, base.width
    if not base.preset:  # a preset defines both
        heads = space.choice("metadata.heads", [1, 2, 4], base.heads)
        # Searched per head, as the width must be a multiple of the number of heads.
        per_head = space.choice("metadata.width_per_head", [8, 16, 32], base.width // base.heads)
        width = heads * per_head
    return dataclasses.replace(
        base,
        layers=space.choice("metadata.layers", [1, 2, 3], base.layers),
        text_features=space.choice("metadata.text_features", [8, 16, 32], base.text_features),
        history_features=space.choice(
            "metadata.history_features", [32, 64, 128], base.history_features
        ),
        text_dropout=space.uniform("metadata.text_dropout", 0.2, 0.8, base.text_dropout),
        dropout=space.uniform("metadata.dropout", 0.0, 0.5, base.dropout),
        heads=heads,
        width=width,
    )


def _masking_config(space: _SearchSpace, base: MaskingConfig) -> MaskingConfig:
    return dataclasses.replace(
        base,
        artist_name_rate=space.uniform("masking.artist_name_rate", 0.0, 1.0, base.artist_name_rate),
        history_rate=space.uniform("masking.history_rate", 0.0, 0.8, base.history_rate),
    )


def _apply_cnn(space: _SearchSpace, base: RunConfig) -> RunConfig:
    """Apply to the CNN, the augmentation of its inputs and its training."""
    return dataclasses.replace(
        base,
        cnn=_cnn_config(space, base.cnn),
        augmentation=_augmentation_config(space, base.augmentation),
        cnn_fit=space.fit_config("cnn_fit", base.cnn_fit),
        auxiliary_weight=space.log_uniform("auxiliary_weight", base.auxiliary_weight, 4)
        if base.auxiliary_weight
        else 0.0,
    )


def _cnn_config(space: _SearchSpace, base: SpectrogramCNNConfig) -> SpectrogramCNNConfig:
    depth = space.choice("cnn.depth", [2, 3, 4], len(base.filters))
    first = space.choice("cnn.first_filters", [32, 64, 96], base.filters[0])
    last = space.choice("cnn.last_filters", [32, 64, 96, 128], base.filters[-1])
    filters = base.filters  # may differ between the first and the last layer
    if (depth, first, last) != (len(filters), filters[0], filters[-1]):
        filters = (first, *[last] * (depth - 1))
    return dataclasses.replace(
        base,
        filters=filters,
        bands=space.choice("cnn.bands", [32, 64, 128], base.bands),
        kernel_size=space.choice("cnn.kernel_size", [3, 5, 7], base.kernel_size),
        pooled_dropout=space.uniform("cnn.pooled_dropout", 0.2, 0.8, base.pooled_dropout),
        dropout=space.uniform("cnn.dropout", 0.0, 0.5, base.dropout),
    )


def _augmentation_config(space: _SearchSpace, base: AugmentationConfig) -> AugmentationConfig:
    return dataclasses.replace(
        base,
        noise_stddev=space.uniform("augmentation.noise_stddev", 0.0, 0.02, base.noise_stddev),
        patch_probability=space.uniform(
            "augmentation.patch_probability", 0.0, 0.6, base.patch_probability
        ),
        time_mask=space.choice("augmentation.time_mask", [0, 64, 128], base.time_mask),
        frequency_mask=space.choice(
            "augmentation.frequency_mask", [0, 16, 32], base.frequency_mask
        ),
    )


def _apply_head(space: _SearchSpace, base: RunConfig) -> RunConfig:
    """Apply to the head on frozen branches and its training."""
    fusion = FusionConfig(
        hidden=space.choice("fusion.hidden", [32, 64, 128], base.fusion.hidden),
        dropout=space.uniform("fusion.dropout", 0.0, 0.7, base.fusion.dropout),
    )
    return dataclasses.replace(
        base, fusion=fusion, head_fit=space.fit_config("head_fit", base.head_fit)
    )


_BRANCHES: dict[str, Callable[[_SearchSpace, RunConfig], RunConfig]] = {
    "text": _apply_text,
    "cnn": _apply_cnn,
    "combined": _apply_head,
}
