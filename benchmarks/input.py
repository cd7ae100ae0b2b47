"""How much of a training step input takes, how fast records are read, and the peak of memory.

    python benchmarks/input.py --songs 100 1000 5737

For each number of songs a sample of two-second images is drawn, and `prepare`, `train` (all six
models, one epoch a fit), `evaluate` and `predict --csv` run on it, each in a process of its own
whose largest resident set is shown. Then, on the data of the last sample, it is measured what share
of a training step the model waits for its next batch. Beside that, steps on the real datasets take
turns with steps on one batch in memory, again and again: what they take longer is the waiting and
what reading, augmenting and copying take from the processor that the model trains on meanwhile.
Where the model trains on another device, only the waiting remains.
"""

import argparse
import dataclasses
import tempfile
from functools import partial
from pathlib import Path

import keras
import tensorflow as tf
from steps import compiled, fit_seconds, waiting_share
from timing import Row, in_turn, print_table, rounded, say, seconds, songpop_tf, watch

from pipelines.datasets import spectrogram_dataset
from pipelines.files import write_csv
from pipelines.prepared import PreparedData
from pipelines.records import count_records
from pipelines.splits import TRAIN
from songpop_tf.config import FitConfig, RunConfig, save_config
from songpop_tf.models import spectrogram_cnn
from songpop_tf.training.text import TextBranch, new_reader

COMMANDS = ("prepare", "train", "evaluate", "predict")
READ_BATCH = 32

Peaks = dict[str, float]
"""Gigabytes by command."""


def one_epoch() -> RunConfig:
    """The default settings, but every fit has one epoch."""
    default = RunConfig()
    fits = {
        field.name: dataclasses.replace(getattr(default, field.name), epochs=1)
        for field in dataclasses.fields(default)
        if isinstance(getattr(default, field.name), FitConfig)
    }
    return dataclasses.replace(default, **fits)


def commands_of(folder: Path, songs: int, tracks: list[Path]) -> dict[str, tuple[object, ...]]:
    """The command lines, in order; each is called in a folder of its own."""
    sample, data, run = (folder / name for name in ("sample", "data", "run"))
    tables = [word for path in (sample / "tracks.csv", *tracks) for word in ("--tracks", path)]
    return {
        "sample": ("sample", sample, "--songs", songs, "--seconds", 2),
        "prepare": (
            *("prepare", "--spectrograms", sample / "spectrograms", *tables),
            *("--out", data),
        ),
        "train": ("train", "--data", data, "--out", run, "--config", folder / "one_epoch.toml"),
        "evaluate": ("evaluate", "--data", data, "--run", run),
        "predict": (
            *("predict", "--model", run, "--csv", folder / "songs.csv"),
            *("--out", folder / "predicted.csv"),
        ),
    }


def peaks(folder: Path, songs: int, tracks: list[Path], last: str) -> Peaks:
    """Run the commands up to the last one wanted on so many songs."""
    save_config(one_epoch(), folder / "one_epoch.toml")
    found = {}
    for name, words in commands_of(folder, songs, tracks).items():
        if name == "predict":
            write_songs(folder)
        taken = watch(songpop_tf(), *words)
        found[name] = taken.peak / 1e9
        say(f"{songs:,} songs: {name} {taken.seconds:.0f} s, {found[name]:.2f} GB")
        if name == last:
            break
    return found


def write_songs(folder: Path) -> None:
    """A table of all prepared songs for `predict --csv`."""
    songs = PreparedData.open(folder / "data").songs
    images = (folder / "sample" / "spectrograms").resolve()
    table = songs[["artist", "title", "year"]].replace({"year": {0: ""}})
    write_csv(
        folder / "songs.csv", table.assign(spectrogram=[images / file for file in songs.file])
    )


def memory_rows(by_songs: dict[int, Peaks]) -> list[Row]:
    """The peak of each command, for each number of songs."""
    rows = []
    for name in next(iter(by_songs.values())):
        found = [peaks[name] for peaks in by_songs.values()]
        shown = ", ".join(f"{one:.2f} GB" for one in found)
        of = ", ".join(f"{songs:,}" for songs in by_songs)
        rows.append(
            Row(f"peak memory of `{name}`: {of} songs", shown, "", max(found), "GB", at_most=3)
        )
    return rows


def rows_of_input(
    what: str, model: keras.Model, dataset: tf.data.Dataset, steps: int, rounds: int
) -> list[Row]:
    """The share of a step in which it waits, and what a step takes with and without input."""
    say(what)
    measures = {
        "real": partial(fit_seconds, model, dataset, steps),
        "memory": partial(fit_seconds, model, dataset.take(1).cache().repeat(), steps),
        "waiting": partial(waiting_share, model, dataset, steps),
    }
    taken = in_turn(measures, rounds)
    real, memory = (f"{rounded(taken[name] / steps * 1e3)} ms" for name in ("real", "memory"))
    longer = (taken["real"] / taken["memory"] - 1) * 100
    return [
        Row(f"a step waits for input: {what}", "", "", taken["waiting"] * 100, "%", at_most=5),
        Row(
            f"a step takes longer than without input: {what}",
            f"{real} on the dataset",
            f"{memory} on one batch in memory",
            longer,
            "%",
        ),
    ]


def step_rows(data: PreparedData, steps: int, rounds: int) -> list[Row]:
    """The CNN and the text branch as `songpop-tf train` trains them."""
    config = RunConfig()
    images = spectrogram_dataset(
        data.shards_of(TRAIN),
        config.cnn_fit.batch_size,
        seed=config.seed,
        augmentation=config.augmentation,
    )
    table = data.metadata_of(TRAIN)
    branch = TextBranch.new(new_reader(table, config.metadata), config.metadata)
    words = branch.train_dataset(table, config.text_fit.batch_size, config.hiding, config.seed)(0)
    return [
        *rows_of_input("CNN, augmented", compiled(spectrogram_cnn()), images, steps, rounds),
        *rows_of_input("text, parts hidden", compiled(branch.trained), words, steps, rounds),
    ]


def reading_row(data: PreparedData, rounds: int) -> Row:
    """Records a second, as they are and for training."""
    say("records")
    shards, augmentation = data.shards_of(TRAIN), RunConfig().augmentation
    songs = sum(count_records(path) for path in shards)
    plain = spectrogram_dataset(shards, READ_BATCH)
    augmented = spectrogram_dataset(shards, READ_BATCH, seed=0, augmentation=augmentation)
    one_epoch_of = augmented.take(-(-songs // READ_BATCH))
    measures = {
        "plain": lambda: seconds(lambda: drain(plain)),
        "augmented": lambda: seconds(lambda: drain(one_epoch_of)),
    }
    plainly, for_training = (rounded(songs / one) for one in in_turn(measures, rounds).values())
    return Row(
        f"reading {songs:,} records",
        f"{plainly} songs/s",
        f"{for_training} songs/s shuffled and augmented",
    )


def drain(dataset: tf.data.Dataset) -> None:
    """Read all of it."""
    for _ in dataset:
        pass


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--songs", type=int, nargs="+", default=[100, 1000, 5737])
    parser.add_argument(
        "--tracks",
        type=Path,
        action="append",
        default=[],
        help="further table for `prepare`: its rows pre-train the text branch",
    )
    parser.add_argument(
        "--until", choices=COMMANDS, default=COMMANDS[-1], help="last command to run"
    )
    parser.add_argument("--steps", type=int, default=60, help="of training in a round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    by_songs = {}
    for songs in sorted(options.songs):
        with tempfile.TemporaryDirectory() as folder:
            by_songs[songs] = peaks(Path(folder), songs, options.tracks, options.until)
            if songs == max(options.songs):
                data = PreparedData.open(Path(folder) / "data")
                rows = step_rows(data, options.steps, options.rounds)
                rows.append(reading_row(data, options.rounds))
    print_table([*rows, *memory_rows(by_songs)])


if __name__ == "__main__":
    main()
