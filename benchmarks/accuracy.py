"""How well the text branch predicts real songs, against baselines trained on the same rows.

    python benchmarks/accuracy.py --songs tracks_hot100.csv --large tracks_mixed.csv \
        --config benchmarks/minilm.toml --preset MINILM_FOLDER --out accuracy

Three protocols: k-fold "random" (versions of a song together), k-fold "artist" (no artist of a test
song is in the training rows in any role) and "time" (the newest songs are the test). A tenth of the
training songs is held out to stop by; every model and baseline is fitted on the remaining ones and
the rows of the large set that share no song (nor, by artist, any artist; nor, by time, any later
year) with what is held out. Each part's predictions are kept in --out: started again, it goes on.
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
from settings import add_settings, settings_of

from pipelines.files import write_csv
from pipelines.kaggle import read_tracks
from pipelines.songs import credited_names, same_song, song_groups
from pipelines.years import UNKNOWN_YEAR
from songpop_tf.config import FitConfig, RunConfig
from songpop_tf.console import Console
from songpop_tf.evaluation.baselines import predict_baselines, ridge_on_ngrams
from songpop_tf.evaluation.metrics import Vector, r2
from songpop_tf.scale import NEAR
from songpop_tf.training.fit import fit
from songpop_tf.training.text import TextBranch, TextFeatures, new_reader

PROTOCOLS = ("random", "artist", "time")
NEWEST = 0.15
VALIDATION = 10
BATCH = 512
RESAMPLES = 500
SHOWN = ("mse", "rmse", "mae", "r2", "spearman", "within_15")


@dataclasses.dataclass(frozen=True)
class Part:
    """One division of the songs; each table has the columns of `PreparedData`'s."""

    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame
    large: pd.DataFrame


def read(songs: Path, large: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The songs to report on, and the large set without any version of them."""
    tracks, _ = read_tracks([songs, large])
    tracks["credited"] = [credited_names(artists) for artists in tracks.artists]
    own = tracks[tracks.source == 0].reset_index(drop=True).assign(in_large=0)
    other = tracks[tracks.source == 1].reset_index(drop=True).assign(in_large=1)
    return own, other[~same_song(other, own)].reset_index(drop=True)


def groups_of(songs: pd.DataFrame, protocol: str) -> npt.NDArray[np.int64]:
    """Numbers of the songs that are held out together."""
    if protocol == "random":
        return np.asarray(song_groups(songs), dtype=np.int64)
    return pd.factorize(pd.Series([credited[0] for credited in songs.credited]))[0]


def parts(
    songs: pd.DataFrame, large: pd.DataFrame, protocol: str, folds: int, seed: int
) -> Iterator[Part]:
    """The divisions of a protocol; all test parts together are all songs (by time: the newest)."""
    if protocol == "time":
        yield by_time(songs, large)
        return
    groups = groups_of(songs, protocol)
    order = np.random.default_rng(seed).permutation(groups.max() + 1)[groups]
    for fold in range(folds):
        test = order % folds == fold
        # Digits above those that chose the fold choose the validation songs.
        validation = ~test & (order // folds % VALIDATION == 0)
        part = Part(songs[~test & ~validation], songs[validation], songs[test], large)
        yield without_held_out_artists(part) if protocol == "artist" else part


def without_held_out_artists(part: Part) -> Part:
    """Leave out of the training rows whatever credits an artist of the held-out songs."""
    tested = {name for credited in part.test.credited for name in credited}
    validation = part.validation[[tested.isdisjoint(names) for names in part.validation.credited]]
    held_out = tested.union(*validation.credited)
    train, large = (
        table[[held_out.isdisjoint(names) for names in table.credited]]
        for table in (part.train, part.large)
    )
    return Part(train, validation, part.test, large)


def by_time(songs: pd.DataFrame, large: pd.DataFrame) -> Part:
    """Train on the oldest songs, stop by later ones, test on the newest."""
    dated = songs[songs.year != UNKNOWN_YEAR]
    last = int(dated.year.quantile(1 - NEWEST))
    known = dated[dated.year <= last]
    last_train = int(known.year.quantile(1 - 1 / VALIDATION))
    return Part(
        known[known.year <= last_train],
        known[known.year > last_train],
        dated[dated.year > last],
        large[(large.year != UNKNOWN_YEAR) & (large.year <= last_train)],
    )


def train_text(part: Part, config: RunConfig, memory: "Memory", console: Console) -> TextBranch:
    """Train the text branch as `songpop-tf train` does."""
    keras.utils.set_random_seed(config.seed)
    reader = new_reader(pd.concat([part.train, part.large], ignore_index=True), config.metadata)
    branch = TextBranch.new(reader, config.metadata)
    if branch.text_features is not None:
        branch = dataclasses.replace(branch, text_features=memory.of(branch.text_features))
    watched = branch.dataset(part.validation, BATCH)

    def fit_on(table: pd.DataFrame, settings: FitConfig, stage: str) -> None:
        size = settings.batch_size
        train = branch.train_dataset(table, size, config.hiding, config.seed)
        with tempfile.TemporaryDirectory() as folder:
            state = Path(folder) / "state.npz"
            steps = -(-len(table) // size)
            fit(branch.trained, train, steps, watched, settings, state, stage, console)

    fit_on(part.large.reset_index(drop=True), config.text_fit, "text")
    fit_on(part.train.reset_index(drop=True), config.text_songs_fit, "text/songs")
    return branch


def predict_text(branch: TextBranch, songs: pd.DataFrame) -> Vector:
    """Predict songs with the trained branch."""
    prediction = branch.trained.predict(branch.dataset(songs, BATCH), verbose=0)
    return prediction[:, 0].astype("float64")


class Memory:
    """What a frozen transformer makes of a text is the same in every fold: computed once."""

    def __init__(self) -> None:
        self._found: dict[bytes, npt.NDArray[np.float16]] = {}

    def of(self, features: TextFeatures) -> TextFeatures:
        """The same function with a memory."""

        def remembered(tokens: tf.Tensor) -> npt.NDArray[np.float16]:
            rows = tokens.numpy()
            new = np.array([row.tobytes() not in self._found for row in rows])
            if new.any():
                for row, found in zip(rows[new], features(tf.constant(rows[new])), strict=True):
                    self._found[row.tobytes()] = found
            return np.stack([self._found[row.tobytes()] for row in rows])

        return remembered


def predict(part: Part, config: RunConfig, memory: Memory, console: Console) -> pd.DataFrame:
    """Test songs with the predictions of every baseline and the text branch."""
    tables = [table.reset_index(drop=True) for table in (part.train, part.large, part.test)]
    train, large, test = tables
    baselines = predict_baselines(train, large, test, config.seed)
    alone = predict_baselines(train, large[:0], test, config.seed)
    text = predict_text(train_text(part, config, memory, console), test)
    keras.utils.clear_session(free_memory=True)
    return pd.DataFrame(
        {
            "popularity": test.popularity,
            "mean": baselines["mean"],
            "year": baselines["year"],
            "ridge": ridge_on_ngrams(train, test),
            "boosting": alone["boosting"],
            "boosting+large": baselines["boosting"],
            "text": text,
        }
    )


def interval(per_seed: list[pd.DataFrame], name: str, metric: str) -> tuple[float, float, float]:
    """Mean over seeds of a metric, and its 95 % bootstrap interval over songs."""

    def value(places: npt.NDArray[np.int64] | None) -> float:
        tables = [table if places is None else table.iloc[places] for table in per_seed]
        return float(np.mean([measure(table, name, metric) for table in tables]))

    rng = np.random.default_rng(0)
    count = len(per_seed[0])
    drawn = [value(rng.integers(0, count, count)) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return value(None), float(low), float(high)


def measure(table: pd.DataFrame, name: str, metric: str) -> float:
    """One metric of one configuration."""
    truth, predicted = table.popularity.to_numpy("float64"), table[name].to_numpy("float64")
    error = predicted - truth
    simple: dict[str, Callable[[], float]] = {
        "mse": lambda: float((error**2).mean()),
        "rmse": lambda: float(np.sqrt((error**2).mean())),
        "mae": lambda: float(np.abs(error).mean()),
        "r2": lambda: r2(truth, predicted),
        "within_15": lambda: float((np.abs(error) <= NEAR).mean()),
    }
    if metric in simple:
        return simple[metric]()
    # All predictions the same rank nothing.
    same = table[name].nunique() < 2
    return 0.0 if same else float(table.popularity.rank().corr(table[name].rank()))


def table_of(protocol: str, per_seed: list[pd.DataFrame]) -> str:
    """A Markdown table of every configuration with intervals."""
    names = [name for name in per_seed[0] if name != "popularity"]
    lines = [
        f"### {protocol}: n = {len(per_seed[0]):,}, {len(per_seed)} seeds\n",
        f"| configuration | {' | '.join(SHOWN)} | R2 by seed |",
        f"|---|{'---|' * (len(SHOWN) + 1)}",
    ]
    for name in names:
        cells = []
        for metric in SHOWN:
            middle, low, high = interval(per_seed, name, metric)
            digits = 3 if metric in ("r2", "spearman", "within_15") else 1
            cells.append(f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})")
        seeds = ", ".join(f"{measure(table, name, 'r2'):.3f}" for table in per_seed)
        lines.append(f"| {name} | {' | '.join(cells)} | {seeds} |")
    return "\n".join(lines)


def main() -> None:
    """Run every part that is not there yet and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--songs", type=Path, required=True, help="table to report on")
    parser.add_argument("--large", type=Path, required=True, help="table to pre-train on")
    add_settings(parser)
    parser.add_argument("--protocols", nargs="+", choices=PROTOCOLS, default=list(PROTOCOLS))
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True, help="folder for predictions")
    options = parser.parse_args()
    config = settings_of(options)
    songs, large = read(options.songs, options.large)
    memory = Memory()
    with Console() as console:
        for protocol in options.protocols:
            per_seed = []
            for seed in range(options.seeds):
                seeded = dataclasses.replace(config, seed=seed)
                found = []
                for number, part in enumerate(parts(songs, large, protocol, options.folds, seed)):
                    path = options.out / f"{protocol}-{seed}-{number}.csv"
                    if not path.is_file():
                        table = predict(part, seeded, memory, console)
                        write_csv(path, table.assign(row=part.test.index))
                    found.append(pd.read_csv(path))
                whole = pd.concat(found).sort_values("row", ignore_index=True).drop(columns="row")
                per_seed.append(whole)
                console.say(f"{protocol} seed {seed}: text R2 {measure(whole, 'text', 'r2'):.4f}")
            console.say(f"\n{table_of(protocol, per_seed)}\n")


if __name__ == "__main__":
    main()
