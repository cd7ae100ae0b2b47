"""How well all six models predict songs with spectrograms, over several divisions of them.

    python benchmarks/year_end.py --year-end year_end.csv --tracks tracks.csv --out linked.csv
    songpop-tf sample rendered --songs 4300 --tracks linked.csv
    python benchmarks/sound.py --spectrograms rendered/spectrograms --tracks tracks.csv \
        --tracks more_tracks.csv --config benchmarks/minilm.toml --preset MINILM_FOLDER --out sound

For each seed the songs are divided anew, and `songpop-tf prepare`, `train` and `evaluate` run as
they are; what is finished in --out is kept. Beside them stand "audio": gradient boosting on the
length and on Spotify's own audio features of the same training songs, what a perfect listener could
hand to it; and "text_audio": that and the text branch, weighted by the validation songs. The test
songs of all seeds are pooled; intervals are bootstrapped over songs.
"""

import argparse
import dataclasses
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf
from settings import add_settings, settings_of
from sklearn.ensemble import HistGradientBoostingRegressor

from pipelines.files import write_csv
from pipelines.prepare import PrepareOptions, prepare
from pipelines.prepared import PreparedData
from pipelines.records import parse_song
from pipelines.sound import SOUND
from pipelines.splits import TEST, TRAIN, VALIDATION
from pipelines.words import PATTERNS, WORDS
from songpop_tf.config import RunConfig, SplitConfig
from songpop_tf.console import Console
from songpop_tf.evaluation.card import EVALUATION
from songpop_tf.evaluation.evaluate import PREDICTIONS, evaluate
from songpop_tf.evaluation.metrics import PREDICTED, Vector, r2
from songpop_tf.scale import NEAR
from songpop_tf.training.conformal import interval
from songpop_tf.training.inputs import predict_patterns, predict_split
from songpop_tf.training.run import BRANCHES, Run, configurations
from songpop_tf.training.stages import Trainer

RESAMPLES = 2000
AUDIO, TEXT_AUDIO = f"{PREDICTED}audio", f"{PREDICTED}text_audio"
COVERED = "covered_"


def predictions_of(
    options: argparse.Namespace, config: RunConfig, seed: int, console: Console
) -> pd.DataFrame:
    """Prepare, train and evaluate one division; the predictions of its test songs."""
    folder = options.out / f"{options.split}-{seed}"
    split = SplitConfig(protocol=options.split, seed=seed)
    plan = PrepareOptions(options.spectrograms, options.tracks, split)
    data = prepare(plan, folder / "data", console.progress)
    seeded = dataclasses.replace(config, seed=seed)
    run = Run.start(folder / "run", data, seeded)
    Trainer(data, run, seeded, console).train(configurations(options.approach, "all"))
    if not (run.directory / EVALUATION).is_file():
        evaluate(data, run, seed, console)
    found = pd.read_csv(run.directory / PREDICTIONS, dtype={"song_id": str})
    audio = boosting_on_audio(data, seed)
    found[AUDIO], found[TEXT_AUDIO] = audio[TEST], with_text(audio, data, run)
    for name in run.finished():
        widths = run.half_widths_of(name, data.songs_of(TEST))
        low, high = interval(found[PREDICTED + name].to_numpy(), widths)
        found[COVERED + name] = found.popularity.between(low, high)
    return pd.concat([found, predictions_without_words(data, run)], axis=1)


def predictions_without_words(data: PreparedData, run: Run) -> pd.DataFrame:
    """Predict the test songs as if nobody knew some of their words; a column for each choice."""
    path = run.directory / "words_missing.csv"
    if not path.is_file():
        found = {}
        for name in BRANCHES:
            by_known = predict_patterns(name, run.load_model(name), run, data, TEST)
            for known, popularity in zip(PATTERNS[:-1], by_known, strict=False):
                found[_without(name, known)] = popularity
            keras.utils.clear_session(free_memory=True)
        write_csv(path, pd.DataFrame(found))
    return pd.read_csv(path)


def _without(name: str, known: tuple[str, ...]) -> str:
    return f"{name}_without_{'_'.join(word for word in WORDS if word not in known)}"


def boosting_on_audio(data: PreparedData, seed: int) -> dict[str, Vector]:
    """Predict the held-out songs from what Spotify says of their sound, and from their length."""
    model = HistGradientBoostingRegressor(
        max_iter=100, learning_rate=0.05, max_leaf_nodes=8, l2_regularization=1, random_state=seed
    )
    model.fit(_audio(data, TRAIN), data.songs_of(TRAIN).popularity)
    return {split: model.predict(_audio(data, split)) for split in (VALIDATION, TEST)}


def with_text(audio: dict[str, Vector], data: PreparedData, run: Run) -> Vector:
    """The test songs by the text branch and by ``audio``, weighted by the validation songs."""
    model = run.load_model("text")

    def both(split: str) -> npt.NDArray[np.float64]:
        text = predict_split("text", model, run, data, split)
        return np.column_stack([text, audio[split], np.ones(len(text))])

    truth = data.songs_of(VALIDATION).popularity.to_numpy("float64")
    weights = np.linalg.lstsq(both(VALIDATION), truth, rcond=None)[0]
    prediction: Vector = both(TEST) @ weights
    return prediction


def _audio(data: PreparedData, split: str) -> npt.NDArray[np.float64]:
    columns = [int(song["columns"]) for song in records_of(data, split)]
    return np.column_stack([data.songs_of(split)[list(SOUND)].to_numpy("float64"), columns])


def records_of(data: PreparedData, split: str) -> tf.data.Dataset:
    """The parsed records of a split, in the order of its songs."""
    return tf.data.TFRecordDataset([str(shard) for shard in data.shards_of(split)]).map(parse_song)


def mean_interval(values: pd.Series, songs: pd.Series) -> tuple[float, float]:
    """95 % bootstrap interval of a mean over songs; a song may stand in several seeds' parts."""
    by_song = values.groupby(songs.to_numpy())
    total, count = by_song.sum().to_numpy("float64"), by_song.size().to_numpy("float64")
    drawn = np.random.default_rng(0).multinomial(
        len(total), np.full(len(total), 1 / len(total)), RESAMPLES
    )
    low, high = np.quantile((drawn @ total) / (drawn @ count), [0.025, 0.975])
    return float(low), float(high)


def squared_error(table: pd.DataFrame, name: str) -> pd.Series:
    """Of one configuration, song by song."""
    return (table[PREDICTED + name] - table.popularity) ** 2


def table_of(table: pd.DataFrame, names: list[str]) -> str:
    """Every configuration in Markdown."""
    lines = [
        "| configuration | MSE (95 %) | R2 | R2 by seed | within 15 | in the 90 % interval |",
        "|---|---|---|---|---|---|",
    ]
    for name in names:
        squared = squared_error(table, name)
        low, high = mean_interval(squared, table.song_id)
        by_seed = [_r2(part, name) for _, part in table.groupby("seed")]
        covered = f"{table[COVERED + name].mean():.1%}" if COVERED + name in table else ""
        lines.append(
            f"| {name} | {squared.mean():.1f} ({low:.1f} to {high:.1f}) | {_r2(table, name):.3f} "
            f"| {', '.join(f'{one:.3f}' for one in by_seed)} "
            f"| {(np.sqrt(squared) <= NEAR).mean():.1%} | {covered} |"
        )
    return "\n".join(lines)


def _r2(table: pd.DataFrame, name: str) -> float:
    return r2(table.popularity.to_numpy("float64"), table[PREDICTED + name].to_numpy("float64"))


def missing_table_of(table: pd.DataFrame) -> str:
    """How well songs are predicted of which parts are not known."""
    lines = [f"| not known | {' | '.join(BRANCHES)} |", "|---|---|---|---|"]
    for known in PATTERNS[:-1]:
        columns = (table[_without(name, known)] for name in BRANCHES)
        errors = " | ".join(
            f"{((column - table.popularity) ** 2).mean():.1f}" for column in columns
        )
        lines.append(f"| {', '.join(word for word in WORDS if word not in known)} | {errors} |")
    return "\n".join(lines)


def gain(table: pd.DataFrame, better: str, worse: str) -> str:
    """What one configuration's MSE saves over another's, paired over songs."""
    saved = squared_error(table, worse) - squared_error(table, better)
    low, high = mean_interval(saved, table.song_id)
    return f"{better} against {worse}: MSE {saved.mean():.2f} lower ({low:.2f} to {high:.2f})"


def main() -> None:
    """Run every seed that is not finished and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--spectrograms", type=Path, required=True)
    parser.add_argument("--tracks", type=Path, required=True, action="append")
    parser.add_argument("--split", choices=("random", "artist", "time"), default="random")
    parser.add_argument("--approach", choices=("better", "both"), default="both")
    add_settings(parser)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True, help="folder for data and runs")
    options = parser.parse_args()
    config = settings_of(options)
    with Console() as console:
        parts = [
            predictions_of(options, config, seed, console).assign(seed=seed)
            for seed in range(options.seeds)
        ]
        table = pd.concat(parts, ignore_index=True)
        names = [name.removeprefix(PREDICTED) for name in table if name.startswith(PREDICTED)]
        console.say(f"\n### {options.split}: {len(table):,} test songs of {len(parts)} seeds\n")
        console.say(table_of(table, names))
        console.say(f"\n{gain(table, 'combined', 'text')}")
        console.say(gain(table, "text_audio", "text"))
        console.say(gain(table, "combined", "boosting"))
        if "combined_naive" in names:
            console.say(gain(table, "combined", "combined_naive"))
        console.say(f"\nMSE without a part:\n\n{missing_table_of(table)}\n")
        console.say(f"cnn reaches {_r2(table, 'cnn') / _r2(table, 'audio'):.0%} of audio's R2")


if __name__ == "__main__":
    main()
