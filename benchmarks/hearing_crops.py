"""Whole recordings or crops, with and without augmentation: what the convolutions hear.

    python benchmarks/hearing_crops.py --real real --seeds 1 --out hearing_crops

The study resizes each song to 1,024 columns, adds noise and cutout patches, and claims that both
are better than crops and unchanged images. --real is the folder that hearing.py reads; its
recordings have 2,400 columns. A crop is 1,024 columns of the file; a recording's prediction is the
mean over three. Rows of "statistics" are the package's CNN, which reads the statistics of the file,
trained with the masks of hearing.py; in the other rows length and statistics are those of the mean
song for all recordings, so that the convolutions alone distinguish them. "Both" is the mean of two
CNNs. R2 on Spotify's audio features in the folds of hearing.py. Finished predictions in --out are
kept.
"""

import argparse
import dataclasses
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from hearing import (
    AUGMENTATION,
    FOLDS,
    TARGETS,
    Inputs,
    Values,
    artist_folds,
    augmented_batches,
    fit_dataset,
    predict_audio_features,
    read_images,
    read_songs,
)
from numpy.typing import NDArray
from timing import log

from pipelines.config import AugmentationConfig
from pipelines.spectrograms.augmentation import augment
from pipelines.spectrograms.loading import CNN_INPUTS, COLUMNS, UNKNOWN_COLUMNS, cnn_inputs
from pipelines.spectrograms.statistics import STATISTICS
from pipelines.tables.audio_features import AUDIO_FEATURES, standardize_audio_features
from songpop_tf.evaluation.metrics import r2
from songpop_tf.models import spectrogram_cnn

NONE = AugmentationConfig(noise_stddev=0, patches=0)
STUDY = AugmentationConfig(noise_stddev=0.02, patches=5)
CROPS = 3


@dataclasses.dataclass(frozen=True)
class Variant:
    """How the recordings are presented."""

    crops: bool
    augmentation: AugmentationConfig
    statistics: bool = False


VARIANTS = {
    "whole recordings": Variant(crops=False, augmentation=NONE),
    "whole recordings, noise and patches (the study's)": Variant(crops=False, augmentation=STUDY),
    "whole recordings, the package's augmentation": Variant(
        crops=False, augmentation=AugmentationConfig()
    ),
    "random crops": Variant(crops=True, augmentation=NONE),
    "random crops, noise and patches": Variant(crops=True, augmentation=STUDY),
    "whole recordings and statistics": Variant(
        crops=False, augmentation=AUGMENTATION, statistics=True
    ),
    "random crops and statistics": Variant(crops=True, augmentation=AUGMENTATION, statistics=True),
}
BOTH = {
    "both": ("whole recordings", "random crops"),
    "both and statistics": ("whole recordings and statistics", "random crops and statistics"),
}


def unknown_length(songs: int) -> Inputs:
    """Length and statistics of the mean song."""
    return {
        "columns": np.full(songs, UNKNOWN_COLUMNS, np.int64),
        "statistics": np.zeros([songs, STATISTICS], np.float32),
    }


def training_dataset(
    inputs: Inputs, targets: NDArray[np.float32], augmentation: AugmentationConfig, seed: int
) -> tf.data.Dataset:
    """Shuffled batches of one epoch; images wider than the CNN's input are cropped."""
    _, rows, columns = inputs["spectrogram"].shape

    def prepare(seeds: tf.Tensor, song: dict[str, tf.Tensor], target: tf.Tensor) -> tuple:
        first = tf.random.stateless_uniform(
            [], tf.add(seeds, [0, 9]), maxval=columns - COLUMNS + 1, dtype=tf.int64
        )
        crop = tf.ensure_shape(song["spectrogram"][:, first : first + COLUMNS], [rows, COLUMNS])
        image = augment(tf.cast(crop, tf.float32), augmentation, seeds)
        return {**song, "spectrogram": image}, target

    return augmented_batches(inputs, targets, prepare, seed)


def predict(cnn: keras.Model, inputs: Inputs) -> Values:
    """Standardized audio features, the mean over evenly spread crops."""
    images = inputs["spectrogram"]
    starts = np.unique(np.linspace(0, images.shape[2] - COLUMNS, CROPS).astype(int))
    crops = [images[:, :, start : start + COLUMNS] for start in starts]
    predicted = [predict_audio_features(cnn, {**inputs, "spectrogram": crop}) for crop in crops]
    return np.mean(predicted, axis=0)


def cross_validate(
    inputs: Inputs, targets: NDArray[np.float32], artists: pd.Series, variant: Variant, seed: int
) -> Values:
    """Standardized audio features of all songs, each predicted by a CNN that did not see it."""
    folds, predicted = artist_folds(artists, seed), np.zeros(targets.shape)
    for fold in range(FOLDS):
        is_train, fold_seed = folds != fold, seed * FOLDS + fold
        train, test = (
            {name: values[chosen] for name, values in inputs.items()}
            for chosen in (is_train, ~is_train)
        )
        keras.utils.set_random_seed(fold_seed)
        cnn = spectrogram_cnn()
        dataset = training_dataset(train, targets[is_train], variant.augmentation, fold_seed)
        fit_dataset(cnn, dataset, int(is_train.sum()))
        predicted[~is_train] = predict(cnn, test)
        keras.utils.clear_session(free_memory=True)
    return predicted


def scores(targets: NDArray[np.float32], predicted: Values) -> dict[str, float]:
    """R2 of each target."""
    columns = {name: AUDIO_FEATURES.index(name) for name in TARGETS}
    return {name: r2(targets[:, at], predicted[:, at]) for name, at in columns.items()}


def main() -> None:
    """Cross-validate the variants and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--real", type=Path, required=True, help="folder with real recordings")
    parser.add_argument("--variant", action="append", choices=VARIANTS, help="default: all")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True, help="folder for predictions")
    options = parser.parse_args()
    songs = read_songs(options.real)
    files = np.stack(read_images(options.real, songs))
    by_song = [cnn_inputs(tf.constant(image)) for image in files]
    resized = {name: np.stack([song[name] for song in by_song]) for name in CNN_INPUTS}
    targets = standardize_audio_features(songs[list(AUDIO_FEATURES)])
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for seed in range(options.seeds):
        predicted = {}
        for name in options.variant or VARIANTS:
            variant = VARIANTS[name]
            path = options.out / f"{seed} {name}.npy"
            if not path.is_file():
                log(f"seed {seed}: {name}")
                inputs = {**resized, "spectrogram": files} if variant.crops else resized
                if not variant.statistics:
                    inputs = {**inputs, **unknown_length(len(songs))}
                np.save(path, cross_validate(inputs, targets, songs.artist, variant, seed))
            predicted[name] = np.load(path)
        for both, names in BOTH.items():
            if predicted.keys() >= set(names):
                predicted[both] = np.mean([predicted[name] for name in names], axis=0)
        rows += [{"input": name, **scores(targets, of)} for name, of in predicted.items()]
    table = pd.DataFrame(rows).groupby("input", sort=False).mean().round(3)
    print(f"R2 on {len(songs)} recordings, mean of {options.seeds} seeds\n\n{table.to_string()}")


if __name__ == "__main__":
    main()
