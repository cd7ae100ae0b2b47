"""What the CNN hears in real recordings: Spotify's audio features, songs of unknown artists.

    python benchmarks/hearing.py --real real --seeds 3 --out hearing

--real is a folder with spectrograms of recordings, `spectrograms/index.csv` (file, artist and
spotify_id of each), `tracks_*.csv` with the audio features by id and, optionally,
`spectrograms/musicnn.npz` (name, embedding). R2 in a five-fold cross-validation: all songs of an
artist are in one fold, seeds draw the folds, initial weights and augmentation. Baselines read 124
statistics of the same images, or the embeddings of the network musicnn, which was trained on the
audio of the Million Song Dataset; the mean of two ridge regressions, on these and on the statistics
that the CNN reads, is what a linear model reaches with both. Finished results in --out are kept.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image
from result_table import Row, print_table
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from timing import log

from pipelines.config import AugmentationConfig
from pipelines.io import read_json, write_json
from pipelines.spectrograms.augmentation import augment
from pipelines.spectrograms.loading import CNN_INPUTS, cnn_inputs
from pipelines.tables.audio_features import (
    AUDIO_FEATURE_SCALES,
    AUDIO_FEATURES,
    standardize_audio_features,
)
from songpop_tf.evaluation.metrics import r2
from songpop_tf.models import spectrogram_cnn
from songpop_tf.models.spectrogram_cnn import AUDIO_FEATURES_LAYER

TARGETS = {
    "energy": 0.46,
    "danceability": 0.44,
    "loudness": 0.40,
    "acousticness": 0.42,
    "valence": 0.44,
    "speechiness": 0.30,
}
FOLDS = 5
TEMPO_TOLERANCE = 0.04
EPOCHS, BATCH_SIZE, LEARNING_RATE, WEIGHT_DECAY = 60, 32, 2e-3, 2e-2
AUGMENTATION = AugmentationConfig(time_mask=200, frequency_mask=40)
BANDS, TEMPO_LAGS = 32, 24

Values = NDArray[np.float64]
Inputs = dict[str, NDArray]
"""Of the CNN, a row for each song."""


def read_songs(folder: Path) -> pd.DataFrame:
    """The recordings whose audio features, and embeddings if there are any, are known."""
    index = pd.read_csv(folder / "spectrograms" / "index.csv")
    tables = [pd.read_csv(path) for path in sorted(folder.glob("tracks_*.csv"))]
    features = pd.concat(tables).drop_duplicates("id").set_index("id")[list(AUDIO_FEATURES)]
    songs = index.join(features, on="spotify_id").dropna(subset=list(AUDIO_FEATURES))
    embeddings = read_embeddings(folder)
    if embeddings:
        songs = songs[songs.file.isin(embeddings)]
    return songs.reset_index(drop=True)


def read_images(folder: Path, songs: pd.DataFrame) -> list[NDArray[np.uint8]]:
    """The spectrograms, 256 rows of any width."""
    return [np.asarray(Image.open(folder / "spectrograms" / file)) for file in songs.file]


def read_embeddings(folder: Path) -> dict[str, Values]:
    """The embedding of musicnn by file; empty without the archive."""
    path = folder / "spectrograms" / "musicnn.npz"
    if not path.is_file():
        return {}
    archive = np.load(path)
    embeddings = archive["embedding"].astype(np.float64)
    return dict(zip(archive["name"].tolist(), embeddings, strict=True))


def statistics(image: NDArray[np.uint8]) -> Values:
    """Mean, deviation and onset strength of 32 bands, and a tempogram of 24 lags."""
    levels = np.sqrt(image[::-1].astype(np.float32))
    bands = levels.reshape(BANDS, -1, levels.shape[1]).mean(axis=1)
    onsets = np.maximum(np.diff(bands, axis=1), 0)
    strength = onsets.sum(axis=0) - onsets.sum(axis=0).mean()
    spectrum = np.fft.rfft(strength, 2 * strength.size)
    autocorrelation = np.fft.irfft(np.abs(spectrum) ** 2)
    lags = np.round(200 * 60 / np.linspace(60, 200, TEMPO_LAGS)).astype(int)
    tempogram = autocorrelation[lags] / autocorrelation[0]
    parts = [bands.mean(axis=1), bands.std(axis=1), onsets.mean(axis=1), tempogram]
    return np.concatenate(parts).astype(np.float64)


def artist_folds(artists: pd.Series, seed: int) -> NDArray[np.int64]:
    """The fold of each song; all songs of an artist are in one."""
    codes, names = pd.factorize(artists.str.casefold())
    fold_of_artist = np.random.default_rng(seed).permutation(len(names)) % FOLDS
    return np.asarray(fold_of_artist[codes], np.int64)


def ridge() -> object:
    """Ridge regression with a chosen regularization."""
    return make_pipeline(StandardScaler(), RidgeCV(np.logspace(1, 5, 13)))


def boosting() -> object:
    """Gradient boosting of each target."""
    trees = HistGradientBoostingRegressor(
        max_iter=100, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=10, random_state=0
    )
    return MultiOutputRegressor(trees)


def predict_cnn(
    inputs: Inputs, truth: pd.DataFrame, is_train: NDArray[np.bool_], seed: int
) -> Values:
    """Train the CNN's audio features on one part of the songs and predict the other."""
    keras.utils.set_random_seed(seed)
    cnn = spectrogram_cnn()
    train = {name: values[is_train] for name, values in inputs.items()}
    fit_audio_features(cnn, train, standardize_audio_features(truth[is_train]), seed)
    predicted = predict_audio_features(
        cnn, {name: values[~is_train] for name, values in inputs.items()}
    )
    keras.utils.clear_session(free_memory=True)
    scales = np.array([AUDIO_FEATURE_SCALES[name] for name in AUDIO_FEATURES])
    return predicted * scales[:, 1] + scales[:, 0]


def fit_audio_features(
    cnn: keras.Model, inputs: Inputs, targets: NDArray[np.float32], seed: int
) -> None:
    """Train the CNN up to its audio features, on standardized ones, `(songs, 10)`."""
    fit_dataset(cnn, training_dataset(inputs, targets, seed), len(targets))


def fit_dataset(cnn: keras.Model, dataset: tf.data.Dataset, songs: int) -> None:
    """As `fit_audio_features`, on batches of inputs and standardized audio features."""
    model = keras.Model(cnn.input, cnn.get_layer(AUDIO_FEATURES_LAYER).output)
    steps = EPOCHS * -(-songs // BATCH_SIZE)
    schedule = keras.optimizers.schedules.CosineDecay(
        LEARNING_RATE / 10, steps, warmup_target=LEARNING_RATE, warmup_steps=steps // EPOCHS
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY)
    model.compile(optimizer, "mse", jit_compile=False)
    model.fit(dataset, epochs=EPOCHS, verbose=0)


def predict_audio_features(cnn: keras.Model, inputs: Inputs) -> Values:
    """Standardized audio features, `(songs, 10)`."""
    model = keras.Model(cnn.input, cnn.get_layer(AUDIO_FEATURES_LAYER).output)
    return np.asarray(model.predict(inputs, batch_size=BATCH_SIZE, verbose=0), np.float64)


def training_dataset(inputs: Inputs, targets: NDArray[np.float32], seed: int) -> tf.data.Dataset:
    """Shuffled, augmented batches of one epoch."""

    def prepare(seeds: tf.Tensor, song: dict[str, tf.Tensor], target: tf.Tensor) -> tuple:
        image = tf.cast(song["spectrogram"], tf.float32)
        return {**song, "spectrogram": augment(image, AUGMENTATION, seeds)}, target

    return augmented_batches(inputs, targets, prepare, seed)


def augmented_batches(
    inputs: Inputs | NDArray,
    targets: NDArray[np.float32],
    prepare: Callable[[tf.Tensor, object, tf.Tensor], tuple],
    seed: int,
) -> tf.data.Dataset:
    """Shuffled batches of one epoch; `prepare` takes a stateless seed, and a song's two parts."""
    songs = tf.data.Dataset.from_tensor_slices((inputs, targets)).shuffle(len(targets), seed=seed)
    seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2)
    return (
        tf.data.Dataset.zip(seeds, songs)
        .map(lambda pair, song: prepare(pair, *song), num_parallel_calls=2)
        .batch(BATCH_SIZE)
        .prefetch(2)
    )


def scores(truth: pd.DataFrame, predicted: Values) -> dict[str, float]:
    """R2 of each target, and the share of songs whose tempo is right, up to octaves."""
    received = dict(zip(truth.columns, predicted.T, strict=True))
    measured = {name: r2(truth[name].to_numpy(np.float64), received[name]) for name in TARGETS}
    octaves = np.log2(np.maximum(received["tempo"], 1.0) / truth.tempo.to_numpy(np.float64))
    distance = np.abs(octaves - np.rint(octaves))
    is_right = distance < np.log2(1 + TEMPO_TOLERANCE)
    return {**measured, "tempo right": float(is_right.mean())}


def measure(
    name: str, inputs: dict[str, object], truth: pd.DataFrame, folds: NDArray[np.int64], seed: int
) -> dict[str, float]:
    """Cross-validate the CNN, or the mean of several models and their features."""
    targets = truth.to_numpy(np.float64)
    predicted = np.zeros_like(targets)
    for fold in range(FOLDS):
        is_train = folds != fold
        if name == "CNN":
            predicted[~is_train] = predict_cnn(inputs[name], truth, is_train, seed * FOLDS + fold)
        else:
            for model, features in inputs[name]:
                model.fit(features[is_train], targets[is_train])
                predicted[~is_train] += model.predict(features[~is_train]) / len(inputs[name])
    return scores(truth, predicted)


def main() -> None:
    """Cross-validate all models and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--real", type=Path, required=True, help="folder with real recordings")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True, help="folder for results")
    options = parser.parse_args()
    songs = read_songs(options.real)
    images = read_images(options.real, songs)
    features = np.stack([statistics(image) for image in images])
    by_song = [cnn_inputs(tf.constant(image)) for image in images]
    inputs: dict[str, object] = {
        "ridge on statistics": [(ridge(), features)],
        "boosting on statistics": [(boosting(), features)],
        "CNN": {name: np.stack([song[name] for song in by_song]) for name in CNN_INPUTS},
    }
    embeddings = read_embeddings(options.real)
    if embeddings:
        rows = np.stack([embeddings[file] for file in songs.file])
        inputs["ridge on musicnn"] = [(ridge(), rows)]
        cnn_statistics = np.stack([song["statistics"].numpy() for song in by_song])
        inputs["ridge on musicnn and the CNN's statistics"] = [
            (ridge(), rows),
            (ridge(), cnn_statistics),
        ]
    truth = songs[list(AUDIO_FEATURES)]
    results: dict[str, list[dict[str, float]]] = {name: [] for name in inputs}
    for seed in range(options.seeds):
        folds = artist_folds(songs.artist, seed)
        for name in inputs:
            path = options.out / f"{seed} {name}.json"
            if not path.is_file():
                log(f"seed {seed}: {name}")
                write_json(path, measure(name, inputs, truth, folds, seed))
            results[name].append(read_json(path))
    means = {name: pd.DataFrame(rows).mean() for name, rows in results.items()}
    references = [name for name in means if name != "CNN"]
    log(f"{len(songs)} songs; reference: {', '.join(references)}")
    print_table(
        [
            Row(
                f"{target}, share" if target == "tempo right" else f"{target}, R2",
                reference=", ".join(f"{means[name][target]:.2f}" for name in references),
                result=means["CNN"][target],
                unit="",
                minimum=TARGETS.get(target, 0.6),
            )
            for target in means["CNN"].index
        ]
    )


if __name__ == "__main__":
    main()
