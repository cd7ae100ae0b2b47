"""Prediction error of the text branch on real songs, against baselines trained on the same rows.

    python benchmarks/accuracy.py --songs tracks_hot100.csv --pretraining tracks_mixed.csv \
        --config benchmarks/minilm.toml --preset MINILM_FOLDER --out accuracy

Three protocols: k-fold "random" (all versions of a song in one fold), k-fold "artist" (no artist of
a test song is in the training rows in any role) and "time" (the newest songs are the test set). A
tenth of the training songs is held out for early stopping. Every model and baseline is fitted on
the remaining songs and on the rows of --pretraining that share no song (by artist: no artist; by
time: no later year) with the held-out songs. The predictions of each fold are stored in --out; an
interrupted call resumes after the last finished fold.
"""

import argparse
import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf
from config_options import add_config_options, config_from_options
from result_table import verdict

from pipelines.constants import UNKNOWN_YEAR
from pipelines.io import write_csv
from pipelines.linkage.deduplication import credited_artist_keys, is_version_of_any, song_groups
from pipelines.tables.tracks import read_tracks
from songpop_tf.config import FitConfig, RunConfig
from songpop_tf.console import Console
from songpop_tf.constants import WITHIN_POINTS
from songpop_tf.evaluation.baselines import predict_baselines, ridge_on_ngrams
from songpop_tf.evaluation.metrics import Vector, r2
from songpop_tf.training.callbacks import Checkpoint, ConsoleLog
from songpop_tf.training.fit import fit
from songpop_tf.training.text_branch import EncodeText, TextBranch, build_preprocessor

PROTOCOLS = ("random", "artist", "time")
TIME_TEST_SHARE = 0.15
VALIDATION_FOLDS = 10
"""One in this many training songs is held out for early stopping."""
VALIDATION_BATCH_SIZE = 512
RESAMPLES = 500
R2_TARGETS = {"random": 0.62, "artist": 0.475}
"""Of the text branch; by time its MSE shall be below that of the year alone."""
METRICS = ("mse", "rmse", "mae", "r2", "spearman", "within_15")


@dataclasses.dataclass(frozen=True)
class Fold:
    """One split of the songs; each table has the columns of `PreparedData`'s."""

    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame
    pretraining: pd.DataFrame


def add_table_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for the tables of `read_songs`."""
    parser.add_argument("--songs", type=Path, required=True, help="table to evaluate on")
    parser.add_argument("--pretraining", type=Path, required=True, help="table to pre-train on")


def read_songs(songs: Path, pretraining: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The songs to evaluate on, and the pre-training set without any version of them."""
    tracks, _ = read_tracks([songs, pretraining])
    tracks["credited"] = [credited_artist_keys(artists) for artists in tracks.artists]
    evaluated = tracks[tracks.source == 0].reset_index(drop=True).assign(is_pretraining=0)
    others = tracks[tracks.source == 1].reset_index(drop=True).assign(is_pretraining=1)
    return evaluated, others[~is_version_of_any(others, evaluated)].reset_index(drop=True)


def group_labels(songs: pd.DataFrame, protocol: str) -> npt.NDArray[np.int64]:
    """Label of each song's group; groups are held out as a whole."""
    if protocol == "random":
        return np.asarray(song_groups(songs), dtype=np.int64)
    return pd.factorize(pd.Series([credited[0] for credited in songs.credited]))[0]


def make_folds(
    songs: pd.DataFrame, pretraining: pd.DataFrame, protocol: str, count: int, seed: int
) -> Iterator[Fold]:
    """The folds of a protocol: "time" has one; the test sets of the others cover all songs."""
    if protocol == "time":
        yield split_by_time(songs, pretraining)
        return
    labels = group_labels(songs, protocol)
    order = np.random.default_rng(seed).permutation(labels.max() + 1)[labels]
    for number in range(count):
        test = order % count == number
        # The remainder selects the fold, the quotient the validation songs.
        validation = ~test & (order // count % VALIDATION_FOLDS == 0)
        fold = Fold(songs[~test & ~validation], songs[validation], songs[test], pretraining)
        yield exclude_held_out_artists(fold) if protocol == "artist" else fold


def exclude_held_out_artists(fold: Fold) -> Fold:
    """Exclude the training rows that credit an artist of a held-out song."""
    test_artists = {name for credited in fold.test.credited for name in credited}
    validation = fold.validation[
        [test_artists.isdisjoint(credited) for credited in fold.validation.credited]
    ]
    held_out = test_artists.union(*validation.credited)
    train, pretraining = (
        table[[held_out.isdisjoint(credited) for credited in table.credited]]
        for table in (fold.train, fold.pretraining)
    )
    return Fold(train, validation, fold.test, pretraining)


def split_by_time(songs: pd.DataFrame, pretraining: pd.DataFrame) -> Fold:
    """Train on the oldest songs, validate on later ones, test on the newest."""
    dated = songs[songs.year != UNKNOWN_YEAR]
    last_year = int(dated.year.quantile(1 - TIME_TEST_SHARE))
    older = dated[dated.year <= last_year]
    last_train_year = int(older.year.quantile(1 - 1 / VALIDATION_FOLDS))
    is_older = (pretraining.year != UNKNOWN_YEAR) & (pretraining.year <= last_train_year)
    return Fold(
        older[older.year <= last_train_year],
        older[older.year > last_train_year],
        dated[dated.year > last_year],
        pretraining[is_older],
    )


class EncodingCache:
    """Stores what a frozen transformer computes for each text: the same in every fold."""

    def __init__(self) -> None:
        self._features: dict[bytes, npt.NDArray[np.float16]] = {}

    def wrap(self, encode_text: EncodeText) -> EncodeText:
        """The same function, which computes each text only once."""

        def encode_cached(tokens: tf.Tensor) -> npt.NDArray[np.float16]:
            rows = tokens.numpy()
            is_new = np.array([row.tobytes() not in self._features for row in rows])
            if is_new.any():
                new_rows = rows[is_new]
                for row, features in zip(new_rows, encode_text(tf.constant(new_rows)), strict=True):
                    self._features[row.tobytes()] = features
            return np.stack([self._features[row.tobytes()] for row in rows])

        return encode_cached


def train_text_branch(
    fold: Fold, config: RunConfig, cache: EncodingCache, console: Console
) -> TextBranch:
    """Train the text branch as `songpop-tf train` does."""
    keras.utils.set_random_seed(config.seed)
    preprocessor = build_preprocessor(
        pd.concat([fold.train, fold.pretraining], ignore_index=True), config.metadata
    )
    branch = TextBranch.create(preprocessor, config.metadata)
    if branch.encode_text is not None:
        branch = dataclasses.replace(branch, encode_text=cache.wrap(branch.encode_text))
    validation = branch.dataset(fold.validation, VALIDATION_BATCH_SIZE)

    def fit_stage(table: pd.DataFrame, fit_config: FitConfig, stage: str) -> None:
        train = branch.train_dataset(
            table, fit_config.batch_size, masking=config.masking, seed=config.seed
        )
        with tempfile.TemporaryDirectory() as folder:
            fit(
                branch.trained_part,
                train,
                validation,
                stage=stage,
                config=fit_config,
                steps_per_epoch=-(-len(table) // fit_config.batch_size),
                checkpoint=Checkpoint(Path(folder) / "fit.npz", patience=fit_config.patience),
                callbacks=[ConsoleLog(console, stage)],
            )

    pretraining = fold.pretraining.reset_index(drop=True)
    fit_stage(pretraining, config.text_pretraining_fit, "text/pretraining")
    fit_stage(fold.train.reset_index(drop=True), config.text_finetuning_fit, "text/finetuning")
    return branch


def predict_text(branch: TextBranch, songs: pd.DataFrame) -> Vector:
    """Predict songs with a trained branch, `(songs,)`."""
    dataset = branch.dataset(songs, VALIDATION_BATCH_SIZE)
    prediction = branch.trained_part.predict(dataset, verbose=0)
    return prediction[:, 0].astype("float64")


def predict_fold(
    fold: Fold, config: RunConfig, cache: EncodingCache, console: Console
) -> pd.DataFrame:
    """True popularity of the test songs, and the predictions of every model in a column each."""
    train, pretraining, test = (
        table.reset_index(drop=True) for table in (fold.train, fold.pretraining, fold.test)
    )
    baselines = predict_baselines(train, pretraining, test, config.seed)
    without_pretraining = predict_baselines(train, pretraining[:0], test, config.seed)
    text = predict_text(train_text_branch(fold, config, cache, console), test)
    keras.utils.clear_session(free_memory=True)
    return pd.DataFrame(
        {
            "popularity": test.popularity,
            "mean": baselines["mean"],
            "year": baselines["year"],
            "ridge": ridge_on_ngrams(train, test),
            "boosting": without_pretraining["boosting"],
            "boosting+pretraining": baselines["boosting"],
            "text": text,
        }
    )


def mean_over_seeds(
    tables: list[pd.DataFrame], name: str, metric: str
) -> tuple[float, float, float]:
    """Mean over seeds of a metric, and its 95 % bootstrap interval over songs."""
    return bootstrap(tables, lambda table: measure(table, name, metric))


def bootstrap(
    tables: list[pd.DataFrame], function: Callable[[pd.DataFrame], float]
) -> tuple[float, float, float]:
    """Mean over tables of the same songs, and its 95 % interval over resampled songs."""

    def mean(rows: npt.NDArray[np.int64] | None) -> float:
        samples = [table if rows is None else table.iloc[rows] for table in tables]
        return float(np.mean([function(sample) for sample in samples]))

    rng = np.random.default_rng(0)
    count = len(tables[0])
    resampled = [mean(rng.integers(0, count, count)) for _ in range(RESAMPLES)]
    low, high = np.quantile(resampled, [0.025, 0.975])
    return mean(None), float(low), float(high)


def measure(table: pd.DataFrame, name: str, metric: str) -> float:
    """One metric of one model."""
    truth, prediction = table.popularity.to_numpy("float64"), table[name].to_numpy("float64")
    error = prediction - truth
    functions: dict[str, Callable[[], float]] = {
        "mse": lambda: float((error**2).mean()),
        "rmse": lambda: float(np.sqrt((error**2).mean())),
        "mae": lambda: float(np.abs(error).mean()),
        "r2": lambda: r2(truth, prediction),
        "within_15": lambda: float((np.abs(error) <= WITHIN_POINTS).mean()),
        "spearman": lambda: rank_correlation(table.popularity, table[name]),
    }
    return functions[metric]()


def rank_correlation(truth: pd.Series, prediction: pd.Series) -> float:
    """Spearman's rank correlation; 0 where all predictions are the same."""
    is_constant = prediction.nunique() < 2
    return 0.0 if is_constant else float(truth.rank().corr(prediction.rank()))


def markdown_table(protocol: str, tables: list[pd.DataFrame]) -> str:
    """The metrics of every model with intervals; one table of predictions for each seed."""
    names = [name for name in tables[0] if name != "popularity"]
    lines = [
        f"### {protocol}: n = {len(tables[0]):,}, {len(tables)} seeds\n",
        f"| model | {' | '.join(METRICS)} | R2 by seed |",
        f"|---|{'---|' * (len(METRICS) + 1)}",
    ]
    for name in names:
        cells = []
        for metric in METRICS:
            mean, low, high = mean_over_seeds(tables, name, metric)
            digits = 3 if metric in ("r2", "spearman", "within_15") else 1
            cells.append(f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})")
        seeds = ", ".join(f"{measure(table, name, 'r2'):.3f}" for table in tables)
        lines.append(f"| {name} | {' | '.join(cells)} | {seeds} |")
    return "\n".join(lines)


def target_line(protocol: str, tables: list[pd.DataFrame]) -> str:
    """The target of a protocol, and whether the text branch meets it."""
    if protocol in R2_TARGETS:
        received, target = mean_over_seeds(tables, "text", "r2")[0], R2_TARGETS[protocol]
        return f"text: R2 {received:.3f}, target {target:g}: {verdict(received >= target)}"
    gain, low, high = bootstrap(
        tables, lambda table: measure(table, "year", "mse") - measure(table, "text", "mse")
    )
    return (
        f"text: MSE {gain:.1f} ({low:.1f} to {high:.1f}) below the year's, target above 0: "
        f"{verdict(low > 0)}"
    )


def predict_seed(
    songs: tuple[pd.DataFrame, pd.DataFrame],
    protocol: str,
    config: RunConfig,
    options: argparse.Namespace,
    cache: EncodingCache,
    console: Console,
) -> pd.DataFrame:
    """Predictions of all folds of a protocol; finished folds are read from --out."""
    tables = []
    folds = make_folds(*songs, protocol, options.folds, config.seed)
    for number, fold in enumerate(folds):
        path = options.out / f"{protocol}-{config.seed}-{number}.csv"
        if not path.is_file():
            predictions = predict_fold(fold, config, cache, console)
            write_csv(path, predictions.assign(row=fold.test.index))
        tables.append(pd.read_csv(path))
    return pd.concat(tables).sort_values("row", ignore_index=True).drop(columns="row")


def main() -> None:
    """Predict all folds that are not finished and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    add_table_options(parser)
    add_config_options(parser)
    parser.add_argument("--protocols", nargs="+", choices=PROTOCOLS, default=list(PROTOCOLS))
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True, help="folder for predictions")
    options = parser.parse_args()
    config = config_from_options(options)
    songs = read_songs(options.songs, options.pretraining)
    cache = EncodingCache()
    with Console() as console:
        for protocol in options.protocols:
            tables = []
            for seed in range(options.seeds):
                seeded = dataclasses.replace(config, seed=seed)
                table = predict_seed(songs, protocol, seeded, options, cache, console)
                tables.append(table)
                console.print(f"{protocol} seed {seed}: text R2 {measure(table, 'text', 'r2'):.4f}")
            console.print(f"\n{markdown_table(protocol, tables)}\n")
            console.print(target_line(protocol, tables))


if __name__ == "__main__":
    main()
