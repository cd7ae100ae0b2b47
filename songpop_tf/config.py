"""All settings of a run with their defaults.

The configuration classes are frozen dataclasses that are validated on construction. `load_config`
and `save_config` read and write them as TOML; every run stores its complete configuration.
"""

import codecs
import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dacite
import tomli_w

from pipelines.config import (
    MAX_SEED,
    AugmentationConfig,
    MaskingConfig,
    require,
    require_positive,
)
from pipelines.errors import InputError
from pipelines.io import StrPath, write_atomically


def _require_dropout_rates(config: object, *names: str) -> None:
    """Raise an `InputError` unless the settings are at least 0 and below 1."""
    for name in names:
        rate = getattr(config, name)
        require(0 <= rate < 1, name, "at least 0 and below 1", rate)


@dataclass(frozen=True)
class SpectrogramCNNConfig:
    """Architecture of the audio branch, `songpop_tf.models.spectrogram_cnn`.

    Attributes:
        bands: number of frequency bands, the averages of adjacent rows; a divisor of 256.
        filters: filters of each convolution along time, one number for each layer.
        kernel_size: kernel size of the second and the following convolutions.
        features: units of the dense layers; the last of them is the branch's contribution to the
            fusion model.
        pooled_dropout: dropout rate after pooling, and of the statistics. With few songs it is what
            limits overfitting: on standardized inputs it acts as a ridge penalty of
            ``rate / (1 - rate)`` for each song.
        dropout: dropout rate after the dense layers.
    """

    bands: int = 64
    filters: tuple[int, ...] = (64, 64, 64)
    kernel_size: int = 5
    features: int = 64
    pooled_dropout: float = 0.7
    dropout: float = 0.2

    def __post_init__(self) -> None:
        require(
            1 <= self.bands <= 256 and 256 % self.bands == 0,
            "bands",
            "a divisor of 256",
            self.bands,
        )
        require(
            len(self.filters) >= 1 and min(self.filters) >= 1,
            "filters",
            "one or more layers of 1 or more",
            self.filters,
        )
        require_positive(self, "kernel_size", "features")
        _require_dropout_rates(self, "pooled_dropout", "dropout")


@dataclass(frozen=True)
class MetadataEncoderConfig:
    """Architecture of the text branch, `songpop_tf.models.metadata_encoder`.

    Attributes:
        preset: KerasHub preset name, or local folder in Hugging Face's BERT layout; it brings its
            own vocabulary, ``heads`` and ``width``. Empty: a transformer trained from scratch.
        freeze_backbone: do not train the weights of the transformer (only with ``preset``).
        vocabulary_size: maximum number of word pieces of a vocabulary trained from scratch.
        tokens: maximum length of an artist and of a title in word pieces; longer ones are
            truncated.
        layers: number of transformer layers; of a preset, its first ones.
        heads: attention heads of a transformer trained from scratch.
        width: hidden size of a transformer trained from scratch; a multiple of ``heads``.
        transformer_dropout: dropout rate inside a transformer trained from scratch.
        text_features: units of the bottleneck after the embeddings of artist and title. Few, as a
            wide layer overfits to the names.
        text_dropout: dropout rate before that bottleneck.
        history_features: units of the layers that encode the artists' other songs.
        features: units of the last layer, the branch's contribution to the fusion model.
        dropout: dropout rate before and after the last layer.
    """

    preset: str = ""
    freeze_backbone: bool = False
    vocabulary_size: int = 8000
    tokens: int = 16
    layers: int = 2
    heads: int = 2
    width: int = 32
    transformer_dropout: float = 0.1
    text_features: int = 16
    text_dropout: float = 0.5
    history_features: int = 64
    features: int = 64
    dropout: float = 0.1

    def __post_init__(self) -> None:
        require_positive(self, "layers", "heads", "width")
        require_positive(self, "text_features", "history_features", "features")
        require(
            bool(self.preset) or not self.freeze_backbone,
            "freeze_backbone",
            "false without a preset: random weights must be trained",
            self.freeze_backbone,
        )
        require(self.vocabulary_size >= 200, "vocabulary_size", "200 or more", self.vocabulary_size)
        require(self.tokens >= 4, "tokens", "4 or more", self.tokens)
        require(
            self.width % self.heads == 0, "width", f"a multiple of {self.heads} heads", self.width
        )
        _require_dropout_rates(self, "transformer_dropout", "text_dropout", "dropout")


@dataclass(frozen=True)
class FusionConfig:
    """Architecture of the fusion model's head: features of both branches -> ``hidden`` -> 1.

    Attributes:
        hidden: units of the hidden layer.
        dropout: dropout rate before and after the hidden layer.
    """

    hidden: int = 64
    dropout: float = 0.5

    def __post_init__(self) -> None:
        require_positive(self, "hidden")
        _require_dropout_rates(self, "dropout")


@dataclass(frozen=True)
class FitConfig:
    """Training of one model or stage: Adam with decoupled weight decay, MSE loss, early stopping.

    Attributes:
        learning_rate: peak learning rate. It is warmed up from a tenth of that during the first
            epoch, then follows a cosine decay that reaches 0 one epoch after the last.
        epochs: maximum number of epochs.
        batch_size: songs per batch.
        patience: number of epochs without a lower validation MSE after which training stops.
        weight_decay: decoupled weight decay (Loshchilov and Hutter, 2019).
    """

    learning_rate: float
    epochs: int
    batch_size: int
    patience: int
    weight_decay: float = 1e-4

    def __post_init__(self) -> None:
        require(self.learning_rate > 0, "learning_rate", "more than 0", self.learning_rate)
        require_positive(self, "epochs", "batch_size", "patience")
        require(self.weight_decay >= 0, "weight_decay", "0 or more", self.weight_decay)


@dataclass(frozen=True)
class RunConfig:
    """Complete configuration of a training run, except for its data.

    Attributes:
        seed: of initial weights, shuffling, augmentation and masking.
        augmentation: of the training spectrograms; naive models are trained without.
        cnn: architecture of the audio branch.
        metadata: architecture of the text branch.
        masking: masking of metadata while the text branch is trained, or both branches jointly
            (``combined_naive``).
        fusion: architecture of the head.
        head_masking: masking of metadata in the masked copies of the training songs that the head
            on frozen branches is trained on, beside the unmasked ones.
        auxiliary_weight: loss weight of the audio features, which are standardized, while the CNN
            is trained; 0: it is trained on popularity only. The loss of popularity, in points
            squared, has weight 1.
        mixed_precision: compute in bfloat16 while training; trained models compute in float32.
        text_naive_fit: training of the naive text branch.
        text_pretraining_fit: first stage of the text branch, on the pre-training set.
        text_finetuning_fit: second stage of the text branch, on the songs with a spectrogram.
        cnn_fit: training of the CNN, naive or not.
        combined_naive_fit: joint training of both branches and the head from scratch.
        head_fit: training of the head on frozen branches.
    """

    seed: int = 0
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    cnn: SpectrogramCNNConfig = field(default_factory=SpectrogramCNNConfig)
    metadata: MetadataEncoderConfig = field(default_factory=MetadataEncoderConfig)
    masking: MaskingConfig = field(default_factory=MaskingConfig)
    fusion: FusionConfig = field(default_factory=FusionConfig)
    head_masking: MaskingConfig = field(
        default_factory=lambda: MaskingConfig(
            artist_rate=0.4,
            artist_name_rate=0.3,
            title_rate=0.3,
            year_rate=0.3,
            token_dropout=0.0,
            history_rate=0.8,
        )
    )
    auxiliary_weight: float = 1000.0
    mixed_precision: bool = False
    text_naive_fit: FitConfig = FitConfig(learning_rate=1e-3, epochs=40, batch_size=64, patience=8)
    text_pretraining_fit: FitConfig = FitConfig(
        learning_rate=2e-3, epochs=14, batch_size=256, patience=4
    )
    text_finetuning_fit: FitConfig = FitConfig(
        learning_rate=1e-3, epochs=20, batch_size=64, patience=6
    )
    cnn_fit: FitConfig = FitConfig(
        learning_rate=1e-3, epochs=20, batch_size=16, patience=8, weight_decay=1e-3
    )
    combined_naive_fit: FitConfig = FitConfig(
        learning_rate=1e-3, epochs=20, batch_size=16, patience=8, weight_decay=1e-3
    )
    head_fit: FitConfig = FitConfig(
        learning_rate=2e-3, epochs=20, batch_size=64, patience=6, weight_decay=1e-2
    )

    def __post_init__(self) -> None:
        require(0 <= self.seed <= MAX_SEED, "seed", f"0 to {MAX_SEED}", self.seed)
        require(self.auxiliary_weight >= 0, "auxiliary_weight", "0 or more", self.auxiliary_weight)


def load_config(path: StrPath) -> RunConfig:
    """Read a configuration from a TOML file; settings that are not in the file keep their default.

    Raises:
        InputError: the file is missing or no TOML, or has an unknown setting or an invalid value.
    """
    try:
        settings = tomllib.loads(_decode_toml(Path(path).read_bytes()))
    except FileNotFoundError:
        raise InputError(f"{path}: expected a TOML file, received a missing file") from None
    except OSError as error:
        raise InputError(f"{path}: expected a TOML file, received: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: expected TOML in UTF-8, received another encoding: {error.reason} at byte "
            f"{error.start}; save it as UTF-8"
        ) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{path}: expected TOML, received {error}") from None
    try:
        return config_from_dict(settings)
    except (dacite.DaciteError, ValueError) as error:
        raise InputError(f"{path}: {error}") from None


def _decode_toml(content: bytes) -> str:
    """Decode UTF-8, or what Windows' editors and shells write: with a byte order mark."""
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if is_utf16 else "utf-8-sig")


def resolve_config(
    path: StrPath | None, seed: int | None, *, mixed_precision: bool = False
) -> RunConfig:
    """Load a TOML file, or take the defaults if ``path`` is None; the arguments override the file.

    Args:
        path: of the file.
        seed: None for the file's.
        mixed_precision: False for the file's.
    """
    config = load_config(path) if path is not None else RunConfig()
    if mixed_precision:
        config = dataclasses.replace(config, mixed_precision=True)
    return config if seed is None else dataclasses.replace(config, seed=seed)


def config_from_dict(settings: dict[str, Any]) -> RunConfig:
    """Build a configuration from nested dictionaries that override the defaults."""
    merged = _merge(dataclasses.asdict(RunConfig()), settings)
    # TOML has no tuples, and 1 is accepted for 1.0; nothing else is converted.
    hooks: dict[Any, Any] = {float: _to_float, int: _not_bool, tuple[int, ...]: _to_tuple}
    return dacite.from_dict(RunConfig, merged, dacite.Config(strict=True, type_hooks=hooks))


def _to_float(value: Any) -> Any:
    return float(_not_bool(value)) if isinstance(value, int) else value


def _to_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _not_bool(value: Any) -> Any:
    # bool is a subclass of int, so dacite would accept `epochs = true`.
    if isinstance(value, bool):
        raise ValueError(f"expected a number, received {str(value).lower()}")
    return value


def _merge(base: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in overrides.items():
        nested = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merge(base[key], value) if nested else value
    return merged


def save_config(config: RunConfig, path: Path) -> None:
    """Write the complete configuration as TOML."""
    with write_atomically(path) as temporary:
        temporary.write_text(tomli_w.dumps(dataclasses.asdict(config)))
