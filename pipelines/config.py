"""Configuration of the pipelines, validated on construction: splits, augmentation, masking."""

from dataclasses import dataclass, fields
from typing import Literal

from pipelines.errors import InputError

SplitProtocol = Literal["random", "artist", "time"]
MAX_SEED = 2**32 - 1
"""Largest seed that NumPy, and therefore Keras, accepts."""


def require(condition: bool, name: str, expected: str, received: object) -> None:
    """Raise an `InputError` that names the setting unless the condition holds."""
    if not condition:
        raise InputError(f"{name}: expected {expected}, received {received}")


def require_positive(config: object, *names: str) -> None:
    """Raise an `InputError` if one of the named integer settings is below 1."""
    for name in names:
        require(getattr(config, name) >= 1, name, "1 or more", getattr(config, name))


@dataclass(frozen=True)
class SplitConfig:
    """How songs are assigned to train, validation and test.

    Attributes:
        protocol: "random"; "artist" (no artist is in two splits); "time" (the newest songs are the
            test split).
        seed: the same seed gives the same split.
        validation, test: fractions of the songs with a spectrogram.
        metadata_validation: fraction of the pre-training set, for validation during pre-training.
    """

    protocol: SplitProtocol = "random"
    seed: int = 0
    validation: float = 0.15
    test: float = 0.15
    metadata_validation: float = 0.05

    def __post_init__(self) -> None:
        for name in ("validation", "test", "metadata_validation"):
            require(0 < getattr(self, name) < 1, name, "between 0 and 1", getattr(self, name))
        require(0 <= self.seed <= MAX_SEED, "seed", f"0 to {MAX_SEED}", self.seed)


@dataclass(frozen=True)
class AugmentationConfig:
    """How spectrograms are augmented while the CNN trains. The defaults are the study's
    (github.com/idanav100/Songs_Popularity_Prediction).

    Attributes:
        noise_stddev: standard deviation of the white noise, as a fraction of full scale; 0 is off.
        patches: maximum number of cutout patches; 0 is off.
        patch_probability: probability that each patch is placed.
        patch_rows: height of a patch, in rows of the 256 x 1024 image.
        patch_columns: width of a patch, in columns of the 256 x 1024 image.
        time_mask: exclusive upper bound of the number of adjacent columns set to 0; 0 is off.
        frequency_mask: exclusive upper bound of the number of adjacent rows set to 0; 0 is off.
        unknown_length_rate: probability that the song's length and the statistics of its image
            before resizing are hidden, as those of images that were resized before.
    """

    noise_stddev: float = 0.002
    patches: int = 5
    patch_probability: float = 0.3
    patch_rows: int = 32
    patch_columns: int = 128
    time_mask: int = 0
    frequency_mask: int = 0
    unknown_length_rate: float = 0.1

    def __post_init__(self) -> None:
        require(self.noise_stddev >= 0, "noise_stddev", "0 or more", self.noise_stddev)
        for name in ("patches", "time_mask", "frequency_mask"):
            require(getattr(self, name) >= 0, name, "0 or more", getattr(self, name))
        for name in ("patch_probability", "unknown_length_rate"):
            require(0 <= getattr(self, name) <= 1, name, "0 to 1", getattr(self, name))
        require_positive(self, "patch_rows", "patch_columns")


@dataclass(frozen=True)
class MaskingConfig:
    """How much of the metadata is masked during training. All are probabilities, 0 to 1.

    Attributes:
        artist_rate, title_rate, year_rate: that a song's artist, title or year is masked, as if it
            were unknown.
        artist_name_rate: that the artists' names are masked, but not their history.
        token_dropout: that a token of the remaining texts is replaced by padding.
        history_rate: that the whole history of a song's artists is masked.
    """

    artist_rate: float = 0.05
    artist_name_rate: float = 0.9
    title_rate: float = 0.05
    year_rate: float = 0.02
    token_dropout: float = 0.3
    history_rate: float = 0.4

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            require(0 <= value <= 1, field.name, "0 to 1", value)
