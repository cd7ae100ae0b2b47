"""Popularity as classes, as other publications count, and how much two snapshots disagree.

    python benchmarks/class_accuracy.py --songs tracks_hot100.csv --pretraining tracks_mixed.csv \
        --predictions accuracy

HitMusicNet and DeepHits report the accuracy of thirds and of tenths of the 0-100 scale, with the
artist's popularity as an input. Spotify computes that from the artist's songs, the test song among
them: a leak, which the row of that name shows. --predictions is the --out folder of accuracy.py
with the folds of its protocol "random", seed 0. All rows are about the test songs of those folds
that it has finished.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from accuracy import add_table_options, read_songs
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import accuracy_score, f1_score

from pipelines.tables.audio_features import AUDIO_FEATURES
from songpop_tf.evaluation.metrics import r2

CLASS_COUNTS = (3, 10)

Features = Callable[[pd.DataFrame, pd.DataFrame], NDArray[np.float64]]
"""Of the songs of the first table, given the training songs."""


def to_classes(popularity: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Number of the part of the scale, which has `count` equal parts."""
    return np.minimum(popularity * count / 100, count - 1).astype("int64")


def audio(songs: pd.DataFrame, train: pd.DataFrame) -> NDArray[np.float64]:
    """Year and Spotify's audio features."""
    del train
    return songs[["year", *AUDIO_FEATURES]].to_numpy("float64")


def with_training_artists(songs: pd.DataFrame, train: pd.DataFrame) -> NDArray[np.float64]:
    """Also the mean popularity of the artist's training songs without the song itself."""
    total, count = artist_sums(songs, train)
    is_own = songs.index.isin(train.index)
    total, count = total - is_own * songs.popularity, count - is_own
    return np.column_stack([audio(songs, train), total / count.where(count > 0)])


def with_leaking_artists(songs: pd.DataFrame, train: pd.DataFrame) -> NDArray[np.float64]:
    """Also the mean popularity of all songs of the artist, the predicted one among them."""
    return np.column_stack([audio(songs, train), songs.artist_popularity])


def artist_sums(songs: pd.DataFrame, train: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Sum of the popularity of each song's main artist in `train`, and how many songs that is."""
    totals = train.groupby("main_artist").popularity.agg(["sum", "count"])
    sums, counts = (songs.main_artist.map(totals[name]).fillna(0) for name in totals)
    return sums, counts


FEATURES: dict[str, Features] = {
    "boosting: year, audio features": audio,
    "boosting: ... and artist mean of training songs": with_training_artists,
    "boosting: ... and artist mean of all songs (leak)": with_leaking_artists,
}


def predict_classes(
    songs: pd.DataFrame, folds: list[pd.DataFrame], features: Features, count: int
) -> NDArray[np.int64]:
    """Classes of the test songs by gradient boosting, fitted on all other songs."""
    classes = pd.Series(to_classes(songs.popularity.to_numpy("float64"), count), songs.index)
    predicted = []
    for test in folds:
        train = songs.drop(index=test.index)
        model = HistGradientBoostingClassifier(max_iter=60, random_state=0)
        model.fit(features(train, train), classes[train.index])
        predicted.append(model.predict(features(songs.loc[test.index], train)))
    return np.concatenate(predicted).astype("int64")


def read_text_predictions(folder: Path) -> list[pd.DataFrame]:
    """Finished folds of accuracy.py: popularity and the text branch's prediction by song."""
    folds = [pd.read_csv(path).set_index("row") for path in sorted(folder.glob("random-0-*.csv"))]
    if not folds:
        raise SystemExit(f"{folder}: expected random-0-0.csv of accuracy.py, received none")
    return folds


def read_tables(options: argparse.Namespace) -> pd.DataFrame:
    """The songs with their audio features."""
    songs, _ = read_songs(options.songs, options.pretraining)
    features = pd.read_csv(options.songs).drop_duplicates("id").set_index("id")
    songs = songs.join(features[list(AUDIO_FEATURES)], on="track_id")
    songs["main_artist"] = [credited[0] for credited in songs.credited]
    songs["artist_popularity"] = songs.groupby("main_artist").popularity.transform("mean")
    return songs


def snapshot_table(songs: Path, pretraining: Path) -> list[str]:
    """How far the popularity of the same tracks differs between the two tables."""
    first, second = (
        pd.read_csv(path).dropna(subset=["id"])[["id", "popularity"]]
        for path in (songs, pretraining)
    )
    pairs = first.merge(second, on="id", suffixes=("", "_other"))
    rows = {"all": pairs, "with another value": pairs[pairs.popularity != pairs.popularity_other]}
    lines = ["| pairs of rows of the same track | n | MSE | R2 |", "|---|---|---|---|"]
    for name, table in rows.items():
        truth, other = (
            table[column].to_numpy("float64") for column in ("popularity", "popularity_other")
        )
        lines.append(
            f"| {name} | {len(table):,} | {((truth - other) ** 2).mean():.1f} | "
            f"{r2(truth, other):.3f} |"
        )
    return lines


def main() -> None:
    """Predict and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    add_table_options(parser)
    parser.add_argument("--predictions", type=Path, required=True, help="--out of accuracy.py")
    options = parser.parse_args()
    songs, folds = read_tables(options), read_text_predictions(options.predictions)
    test = pd.concat(folds)
    truth, text = (test[name].to_numpy("float64") for name in ("popularity", "text"))
    header = " | ".join(f"{count} classes: accuracy | macro F1" for count in CLASS_COUNTS)
    print(f"| n = {len(test):,} | {header} |\n|---|{'---|' * 2 * len(CLASS_COUNTS)}")
    predictions: dict[str, Callable[[int], NDArray[np.int64]]] = {
        "the most frequent class": lambda count: np.full(
            len(test), np.bincount(to_classes(truth, count)).argmax()
        ),
        **{name: partial(predict_classes, songs, folds, of) for name, of in FEATURES.items()},
        "text branch": partial(to_classes, text),
    }
    for name, predict in predictions.items():
        cells = []
        for count in CLASS_COUNTS:
            true_classes, predicted = to_classes(truth, count), predict(count)
            cells.append(f"{accuracy_score(true_classes, predicted):.1%}")
            cells.append(f"{f1_score(true_classes, predicted, average='macro'):.1%}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    print("\n" + "\n".join(snapshot_table(options.songs, options.pretraining)))


if __name__ == "__main__":
    main()
