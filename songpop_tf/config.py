"""Every setting of a run and its default, in one place.

The dataclasses are frozen and check themselves; :func:`load_config` and :func:`save_config` read
and write them as TOML, so that every run stores its whole configuration.
"""

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import dacite
import tomli_w

from pipelines.errors import InputError
from pipelines.files import write_atomically

SplitProtocol = Literal["random", "artist", "time"]
LARGEST_SEED = 2**32 - 1
"""What NumPy, and so Keras, takes."""


def _require(condition: bool, name: str, expected: str, received: object) -> None:
    if not condition:
        raise InputError(f"{name}: expected {expected}, received {received}")


def _at_least_one(config: object, *names: str) -> None:
    for name in names:
        _require(getattr(config, name) >= 1, name, "1 or more", getattr(config, name))


@dataclass(frozen=True)
class SplitConfig:
    """How songs are dealt to train, validation and test.

    Attributes:
        protocol: "random"; "artist" (no artist on two sides); "time" (the newest songs are the
            test).
        seed: same seed, same split.
        validation, test: shares of the songs with a spectrogram.
        metadata_validation: share of the large text set, on which its pre-training is watched.
    """

    protocol: SplitProtocol = "random"
    seed: int = 0
    validation: float = 0.15
    test: float = 0.15
    metadata_validation: float = 0.05

    def __post_init__(self) -> None:
        for name in ("validation", "test", "metadata_validation"):
            _require(0 < getattr(self, name) < 1, name, "between 0 and 1", getattr(self, name))
        _require(0 <= self.seed <= LARGEST_SEED, "seed", f"0 to {LARGEST_SEED}", self.seed)


@dataclass(frozen=True)
class AugmentationConfig:
    """How spectrograms are disturbed while the CNN trains. The defaults are the study's.

    Attributes:
        noise_stddev: standard deviation of the white noise, as a share of full scale; 0 is off.
        patches: how many cover patches may be placed; 0 is off.
        patch_probability: probability of each of them to be placed.
        patch_rows: height of a patch, in rows of the 256 x 1024 image.
        patch_columns: width of a patch, in columns of the 256 x 1024 image.
        time_mask: a run of fewer columns than this is set to 0; 0 is off.
        frequency_mask: a run of fewer rows than this is set to 0; 0 is off.
    """

    noise_stddev: float = 0.02
    patches: int = 5
    patch_probability: float = 0.3
    patch_rows: int = 32
    patch_columns: int = 128
    time_mask: int = 0
    frequency_mask: int = 0

    def __post_init__(self) -> None:
        _require(self.noise_stddev >= 0, "noise_stddev", "0 or more", self.noise_stddev)
        for name in ("patches", "time_mask", "frequency_mask"):
            _require(getattr(self, name) >= 0, name, "0 or more", getattr(self, name))
        _require(
            0 <= self.patch_probability <= 1, "patch_probability", "0 to 1", self.patch_probability
        )
        _at_least_one(self, "patch_rows", "patch_columns")


@dataclass(frozen=True)
class HidingConfig:
    """How much of the metadata is hidden while the text branch trains, as shares of the songs.

    Attributes:
        artists, titles, years: shares of the songs whose artist, title or year is hidden as if
            nobody knew it.
        names: share of the songs whose artists' names are hidden, but not what they did before.
        word_pieces: share of the word pieces hidden in the others.
        other_songs: share of the songs whose artists are shown as if never seen before.
    """

    artists: float = 0.05
    names: float = 0.9
    titles: float = 0.05
    years: float = 0.02
    word_pieces: float = 0.3
    other_songs: float = 0.4

    def __post_init__(self) -> None:
        for name in ("artists", "names", "titles", "years", "word_pieces", "other_songs"):
            _require(0 <= getattr(self, name) <= 1, name, "0 to 1", getattr(self, name))


@dataclass(frozen=True)
class SpectrogramCNNConfig:
    """The convolutional branch.

    Attributes:
        bands: frequency bands into which the 256 rows are averaged; a divisor of 256.
        filters: channels of the convolutions along time.
        kernel_size: of the convolutions after the first.
        features: width of the last layer, the branch's contribution to the fused head.
        dropout: share of the pooled channels and of the features dropped while training.
    """

    bands: int = 64
    filters: tuple[int, ...] = (64, 64, 64)
    kernel_size: int = 5
    features: int = 64
    dropout: float = 0.2

    def __post_init__(self) -> None:
        _require(
            1 <= self.bands <= 256 and 256 % self.bands == 0,
            "bands",
            "a divisor of 256",
            self.bands,
        )
        _require(
            len(self.filters) >= 1 and min(self.filters) >= 1,
            "filters",
            "one or more layers of 1 or more",
            self.filters,
        )
        _at_least_one(self, "kernel_size", "features")
        _require(0 <= self.dropout < 1, "dropout", "0 up to 1", self.dropout)


@dataclass(frozen=True)
class MetadataEncoderConfig:
    """The text branch.

    Attributes:
        preset: a KerasHub preset name or a local folder in Hugging Face's BERT layout, with its own
            vocabulary and width; empty for an encoder trained from scratch.
        freeze_backbone: keep the weights of the transformer as they are (only with ``preset``).
        vocabulary_size: word pieces learned from the training text.
        tokens: length to which an artist and a title are cut.
        layers: of the transformer; of a preset the first so many.
        heads, width: of a transformer trained from scratch.
        transformer_dropout: inside the transformer.
        text_features: numbers that are left of artist and title. Few: a network that reads names
            at length learns them by heart.
        text_dropout: share of what the transformer found that is dropped before that.
        song_features: width of the network that reads the artists' other songs.
        features: width of the last layer, the branch's contribution to the fused head.
        dropout: before and after the last layer.
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
    song_features: int = 64
    features: int = 64
    dropout: float = 0.1

    def __post_init__(self) -> None:
        _at_least_one(self, "layers", "heads", "width")
        _at_least_one(self, "text_features", "song_features", "features")
        _require(
            bool(self.preset) or not self.freeze_backbone,
            "freeze_backbone",
            "false without a preset: random weights must learn",
            self.freeze_backbone,
        )
        _require(
            self.vocabulary_size >= 200, "vocabulary_size", "200 or more", self.vocabulary_size
        )
        _require(self.tokens >= 4, "tokens", "4 or more", self.tokens)
        _require(
            self.width % self.heads == 0, "width", f"a multiple of {self.heads} heads", self.width
        )
        for name in ("transformer_dropout", "text_dropout", "dropout"):
            _require(0 <= getattr(self, name) < 1, name, "0 up to 1", getattr(self, name))


@dataclass(frozen=True)
class FusionConfig:
    """The head that joins both branches: 128 features -> ``hidden`` -> 1."""

    hidden: int = 64
    dropout: float = 0.5

    def __post_init__(self) -> None:
        _at_least_one(self, "hidden")
        _require(0 <= self.dropout < 1, "dropout", "0 up to 1", self.dropout)


@dataclass(frozen=True)
class FitConfig:
    """How one model is fitted: Adam with decoupled weight decay, MSE, early stopping.

    Attributes:
        learning_rate: highest learning rate; it rises from a tenth in the first epoch, then falls
            along a cosine that would reach 0 an epoch after the last.
        patience: epochs without a better validation MSE after which training stops.
    """

    learning_rate: float
    epochs: int
    batch_size: int
    patience: int
    weight_decay: float = 1e-4

    def __post_init__(self) -> None:
        _require(self.learning_rate > 0, "learning_rate", "more than 0", self.learning_rate)
        _at_least_one(self, "epochs", "batch_size", "patience")
        _require(self.weight_decay >= 0, "weight_decay", "0 or more", self.weight_decay)


@dataclass(frozen=True)
class RunConfig:
    """Everything a training run depends on besides its data.

    ``*_fit`` belong to the stages: the text branch on the songs alone, on the large set and after
    that on the songs, the CNN, the jointly trained naive model, and the head on frozen branches.

    Attributes:
        hiding: what is hidden while the text branch trains.
        head_hiding: what is hidden in part of the songs that the head on frozen branches learns
            from.
        sound_weight: what it costs the CNN to take a song's sound for one that is a standard
            deviation away, in points squared of popularity; 0 teaches it popularity only.
    """

    seed: int = 0
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    cnn: SpectrogramCNNConfig = field(default_factory=SpectrogramCNNConfig)
    metadata: MetadataEncoderConfig = field(default_factory=MetadataEncoderConfig)
    hiding: HidingConfig = field(default_factory=HidingConfig)
    fusion: FusionConfig = field(default_factory=FusionConfig)
    head_hiding: HidingConfig = HidingConfig(
        artists=0.4, names=0.3, titles=0.3, years=0.3, word_pieces=0.0, other_songs=0.8
    )
    sound_weight: float = 1000.0
    text_naive_fit: FitConfig = FitConfig(learning_rate=1e-3, epochs=40, batch_size=64, patience=8)
    text_fit: FitConfig = FitConfig(learning_rate=2e-3, epochs=14, batch_size=256, patience=4)
    text_songs_fit: FitConfig = FitConfig(learning_rate=1e-3, epochs=20, batch_size=64, patience=6)
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
        _require(0 <= self.seed <= LARGEST_SEED, "seed", f"0 to {LARGEST_SEED}", self.seed)
        _require(self.sound_weight >= 0, "sound_weight", "0 or more", self.sound_weight)


def load_config(path: Path) -> RunConfig:
    """Read a run's configuration from TOML; what the file does not name keeps its default.

    Raises:
        InputError: the file is missing, is no TOML, names an unknown setting or a wrong value.
    """
    try:
        with path.open("rb") as file:
            given = tomllib.load(file)
    except FileNotFoundError:
        raise InputError(f"{path}: expected a TOML file, found none") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected TOML, received {error}") from None
    try:
        return config_from_dict(given)
    except (dacite.DaciteError, ValueError) as error:
        raise InputError(f"{path}: {error}") from None


def run_config(path: Path | None, seed: int | None) -> RunConfig:
    """The configuration of a TOML, or the defaults without one; a seed given overrides its."""
    config = load_config(path) if path is not None else RunConfig()
    return config if seed is None else dataclasses.replace(config, seed=seed)


def config_from_dict(given: dict[str, Any]) -> RunConfig:
    """Build a configuration from nested dictionaries laid over the defaults."""
    merged = _merge(dataclasses.asdict(RunConfig()), given)
    # TOML has no tuples, and people write 1 where 1.0 is meant; nothing else is converted.
    hooks: dict[Any, Any] = {float: _float, int: _number, tuple[int, ...]: _tuple}
    return dacite.from_dict(RunConfig, merged, dacite.Config(strict=True, type_hooks=hooks))


def _float(value: Any) -> Any:
    return float(_number(value)) if isinstance(value, int) else value


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"expected a number, received {str(value).lower()}")
    return value


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        nested = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merge(base[key], value) if nested else value
    return merged


def save_config(config: RunConfig, path: Path) -> None:
    """Write the whole configuration as TOML."""
    with write_atomically(path) as temporary:
        temporary.write_text(tomli_w.dumps(dataclasses.asdict(config)))
