"""What a search may change of each branch, from Keras Tuner's hyperparameters to a run's settings.

A hyperparameter is named as the setting in a run's TOML. Its default is the base configuration's,
and its range reaches that far.
"""

import dataclasses
from collections.abc import Callable, Sequence

import keras_tuner

from songpop_tf.config import (
    AugmentationConfig,
    FitConfig,
    FusionConfig,
    HidingConfig,
    MetadataEncoderConfig,
    RunConfig,
    SpectrogramCNNConfig,
)

_Space = Callable[["_Settings", RunConfig], RunConfig]

EPOCHS = "tuner/epochs"
"""Where Hyperband says how many epochs a trial is worth."""


@dataclasses.dataclass(frozen=True)
class _Settings:
    """Keras Tuner's hyperparameters of one table of a run's TOML.

    Attributes:
        hp: where the values come from.
        epochs_given: the oracle, not the space, says how many epochs a trial trains.
    """

    hp: keras_tuner.HyperParameters
    epochs_given: bool = False

    def choice(self, name: str, values: Sequence[int], base: int) -> int:
        """One of some values, the base among them."""
        chosen: int = self.hp.Choice(name, sorted({*values, base}), default=base)
        return chosen

    def real(self, name: str, low: float, high: float, base: float) -> float:
        """A number between two others."""
        drawn: float = self.hp.Float(name, min(low, base), max(high, base), default=base)
        return drawn

    def scale(self, name: str, base: float, factor: float) -> float:
        """A number from a ``factor`` below the base to as much above, drawn by its logarithm."""
        drawn: float = self.hp.Float(
            name, base / factor, base * factor, sampling="log", default=base
        )
        return drawn

    def fit(self, name: str, base: FitConfig) -> FitConfig:
        """Learning rate, batch size, epochs and weight decay of a fit."""
        return dataclasses.replace(
            base,
            learning_rate=self.scale(f"{name}.learning_rate", base.learning_rate, 4),
            batch_size=self.choice(
                f"{name}.batch_size",
                [max(1, base.batch_size // 2), 2 * base.batch_size],
                base.batch_size,
            ),
            epochs=self._epochs(f"{name}.epochs", base.epochs),
            weight_decay=self.scale(f"{name}.weight_decay", base.weight_decay, 10)
            if base.weight_decay
            else 0.0,
        )

    def _epochs(self, name: str, base: int) -> int:
        if self.epochs_given:
            return int(self.hp.values.get(EPOCHS, base))
        drawn: int = self.hp.Int(name, max(1, base // 2), base * 2, default=base)
        return drawn


def _text_space(settings: _Settings, base: RunConfig) -> RunConfig:
    """The metadata encoder, what is hidden from it, and its fits on both sets."""
    songs = settings.fit("text_songs_fit", base.text_songs_fit)
    large = dataclasses.replace(
        base.text_fit,
        learning_rate=settings.scale("text_fit.learning_rate", base.text_fit.learning_rate, 4),
    )
    if settings.epochs_given:  # a short trial is short throughout
        share = songs.epochs / base.text_songs_fit.epochs
        large = dataclasses.replace(large, epochs=max(1, round(share * large.epochs)))
    return dataclasses.replace(
        base,
        metadata=_metadata(settings, base.metadata),
        hiding=_hiding(settings, base.hiding),
        text_fit=large,
        text_songs_fit=songs,
    )


def _metadata(settings: _Settings, base: MetadataEncoderConfig) -> MetadataEncoderConfig:
    heads, width = base.heads, base.width
    if not base.preset:  # a preset has its own
        heads = settings.choice("metadata.heads", [1, 2, 4], base.heads)
        # The width follows the heads, which divide it.
        per_head = settings.choice("metadata.width_per_head", [8, 16, 32], base.width // base.heads)
        width = heads * per_head
    return dataclasses.replace(
        base,
        layers=settings.choice("metadata.layers", [1, 2, 3], base.layers),
        text_features=settings.choice("metadata.text_features", [8, 16, 32], base.text_features),
        song_features=settings.choice("metadata.song_features", [32, 64, 128], base.song_features),
        text_dropout=settings.real("metadata.text_dropout", 0.2, 0.8, base.text_dropout),
        dropout=settings.real("metadata.dropout", 0.0, 0.5, base.dropout),
        heads=heads,
        width=width,
    )


def _hiding(settings: _Settings, base: HidingConfig) -> HidingConfig:
    return dataclasses.replace(
        base,
        names=settings.real("hiding.names", 0.0, 1.0, base.names),
        other_songs=settings.real("hiding.other_songs", 0.0, 0.8, base.other_songs),
    )


def _cnn_space(settings: _Settings, base: RunConfig) -> RunConfig:
    """The CNN, the augmentation and its fit."""
    return dataclasses.replace(
        base,
        cnn=_cnn(settings, base.cnn),
        augmentation=_augmentation(settings, base.augmentation),
        cnn_fit=settings.fit("cnn_fit", base.cnn_fit),
        sound_weight=settings.scale("sound_weight", base.sound_weight, 4)
        if base.sound_weight
        else 0.0,
    )


def _cnn(settings: _Settings, base: SpectrogramCNNConfig) -> SpectrogramCNNConfig:
    depth = settings.choice("cnn.depth", [2, 3, 4], len(base.filters))
    first = settings.choice("cnn.first_filters", [32, 64, 96], base.filters[0])
    last = settings.choice("cnn.last_filters", [32, 64, 96, 128], base.filters[-1])
    filters = base.filters
    if (depth, first, last) != (len(filters), filters[0], filters[-1]):
        filters = (first, *[last] * (depth - 1))
    return dataclasses.replace(
        base,
        filters=filters,
        bands=settings.choice("cnn.bands", [32, 64, 128], base.bands),
        kernel_size=settings.choice("cnn.kernel_size", [3, 5, 7], base.kernel_size),
        dropout=settings.real("cnn.dropout", 0.0, 0.5, base.dropout),
    )


def _augmentation(settings: _Settings, base: AugmentationConfig) -> AugmentationConfig:
    return dataclasses.replace(
        base,
        noise_stddev=settings.real("augmentation.noise_stddev", 0.0, 0.06, base.noise_stddev),
        patch_probability=settings.real(
            "augmentation.patch_probability", 0.0, 0.6, base.patch_probability
        ),
        time_mask=settings.choice("augmentation.time_mask", [0, 64, 128], base.time_mask),
        frequency_mask=settings.choice(
            "augmentation.frequency_mask", [0, 16, 32], base.frequency_mask
        ),
    )


def _head_space(settings: _Settings, base: RunConfig) -> RunConfig:
    """The head on frozen branches, and its fit."""
    fusion = FusionConfig(
        hidden=settings.choice("fusion.hidden", [32, 64, 128], base.fusion.hidden),
        dropout=settings.real("fusion.dropout", 0.0, 0.7, base.fusion.dropout),
    )
    return dataclasses.replace(
        base, fusion=fusion, head_fit=settings.fit("head_fit", base.head_fit)
    )


_SPACES: dict[str, _Space] = {"text": _text_space, "cnn": _cnn_space, "combined": _head_space}


def last_fit(branch: str, config: RunConfig) -> FitConfig:
    """The fit of a branch by which its settings are judged."""
    return {"text": config.text_songs_fit, "cnn": config.cnn_fit, "combined": config.head_fit}[
        branch
    ]


def configured(
    branch: str, hp: keras_tuner.HyperParameters, base: RunConfig, epochs_given: bool = False
) -> RunConfig:
    """The configuration that values stand for: ``base`` with another "text", "cnn" or "combined".

    Args:
        branch: what the values are of.
        hp: the values; what it does not know yet is added to its space, with the base's value.
        base: everything else, and the middle of the space.
        epochs_given: the oracle, not the space, says how many epochs a trial trains.
    """
    return _SPACES[branch](_Settings(hp, epochs_given), base)
