"""Share of a training step spent waiting for input, reading speed, and peak memory.

    python benchmarks/input_pipeline.py --songs 100 1000 5737

For each number of songs a sample of two-second images is rendered, and `prepare`, `train` (all six
models, one epoch per fit), `evaluate` and `predict --csv` run on it, each in a separate process
whose peak resident memory is reported. Then, on the data of the largest sample, the share of a
training step is measured in which the model waits for its next batch. In addition, steps on the
real datasets are interleaved with steps on one batch in memory: the difference is the waiting plus
the processor time that reading, augmenting and copying take from training on the same processor. If
the model trains on another device, only the waiting remains.
"""

import argparse
import dataclasses
import tempfile
from functools import partial
from pathlib import Path

import keras
import tensorflow as tf
from result_table import Row, format_number, print_table
from timing import log, measure_interleaved, run_measured, songpop_tf_command, time_call
from training_steps import compile_for_training, input_wait_share, time_fit

from pipelines.datasets import spectrogram_dataset
from pipelines.io import write_csv
from pipelines.prepared_data import PreparedData
from pipelines.spectrograms.tfrecords import count_records
from pipelines.splits import TRAIN
from songpop_tf.config import FitConfig, RunConfig, save_config
from songpop_tf.models import spectrogram_cnn
from songpop_tf.training.text_branch import TextBranch, build_preprocessor

COMMANDS = ("prepare", "train", "evaluate", "predict")
READ_BATCH_SIZE = 32
SAMPLE_SECONDS = 2

PeakMemory = dict[str, float]
"""Gigabytes by command."""


def one_epoch_config() -> RunConfig:
    """The default settings with one epoch for every fit."""
    default = RunConfig()
    fits = {
        field.name: dataclasses.replace(getattr(default, field.name), epochs=1)
        for field in dataclasses.fields(default)
        if isinstance(getattr(default, field.name), FitConfig)
    }
    return dataclasses.replace(default, **fits)


def command_lines(folder: Path, songs: int, tracks: list[Path]) -> dict[str, tuple[object, ...]]:
    """Arguments of the commands, in the order in which they run."""
    sample, data, run = (folder / name for name in ("sample", "data", "run"))
    tables = [word for path in (sample / "tracks.csv", *tracks) for word in ("--tracks", path)]
    return {
        "sample": ("sample", sample, "--songs", songs, "--seconds", SAMPLE_SECONDS),
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


def measure_peak_memory(folder: Path, songs: int, tracks: list[Path], last: str) -> PeakMemory:
    """Run the commands up to `last` on a sample of `songs` songs."""
    save_config(one_epoch_config(), folder / "one_epoch.toml")
    peak_memory = {}
    for name, arguments in command_lines(folder, songs, tracks).items():
        if name == "predict":
            write_songs_csv(folder)
        usage = run_measured(songpop_tf_command(), *arguments)
        peak_memory[name] = usage.peak_memory / 1e9
        log(f"{songs:,} songs: {name} {usage.seconds:.0f} s, {peak_memory[name]:.2f} GB")
        if name == last:
            break
    return peak_memory


def write_songs_csv(folder: Path) -> None:
    """Write all prepared songs as a table for `predict --csv`."""
    songs = PreparedData.open(folder / "data").songs
    spectrograms = (folder / "sample" / "spectrograms").resolve()
    table = songs[["artist", "title", "year"]].replace({"year": {0: ""}})
    paths = [spectrograms / file for file in songs.file]
    write_csv(folder / "songs.csv", table.assign(spectrogram=paths))


def memory_rows(by_songs: dict[int, PeakMemory]) -> list[Row]:
    """One row for each command: its peak memory for each number of songs."""
    rows = []
    songs = ", ".join(f"{number:,}" for number in by_songs)
    for command in next(iter(by_songs.values())):
        gigabytes = [peak_memory[command] for peak_memory in by_songs.values()]
        shown = ", ".join(f"{value:.2f} GB" for value in gigabytes)
        title = f"peak memory of `{command}`: {songs} songs"
        rows.append(Row(title, shown, "", max(gigabytes), "GB", maximum=3))
    return rows


def input_rows(
    name: str, model: keras.Model, dataset: tf.data.Dataset, steps: int, rounds: int
) -> list[Row]:
    """Share of a step that waits for input, and time of a step with and without input."""
    log(name)
    measurements = {
        "dataset": partial(time_fit, model, dataset, steps),
        "memory": partial(time_fit, model, dataset.take(1).cache().repeat(), steps),
        "wait_share": partial(input_wait_share, model, dataset, steps),
    }
    values = measure_interleaved(measurements, rounds)
    on_dataset, in_memory = (
        f"{format_number(values[key] / steps * 1e3)} ms" for key in ("dataset", "memory")
    )
    slowdown = (values["dataset"] / values["memory"] - 1) * 100
    return [
        Row(
            f"share of a step waiting for input: {name}",
            result=values["wait_share"] * 100,
            unit="%",
            maximum=5,
        ),
        Row(
            f"slowdown of a step by its input: {name}",
            f"{on_dataset} on the dataset",
            f"{in_memory} on one batch in memory",
            slowdown,
            "%",
        ),
    ]


def step_rows(data: PreparedData, steps: int, rounds: int) -> list[Row]:
    """The CNN and the text branch as `songpop-tf train` trains them."""
    config = RunConfig()
    spectrograms = spectrogram_dataset(
        data.shards_of(TRAIN),
        config.cnn_fit.batch_size,
        seed=config.seed,
        augmentation=config.augmentation,
    )
    table = data.metadata_of(TRAIN)
    branch = TextBranch.create(build_preprocessor(table, config.metadata), config.metadata)
    metadata = branch.train_dataset(
        table,
        config.text_pretraining_fit.batch_size,
        masking=config.masking,
        seed=config.seed,
    )
    cnn, encoder = map(compile_for_training, (spectrogram_cnn(), branch.trained_part))
    return [
        *input_rows("CNN, augmented", cnn, spectrograms, steps, rounds),
        *input_rows("text branch, masked", encoder, metadata, steps, rounds),
    ]


def reading_row(data: PreparedData, rounds: int) -> Row:
    """Records per second, unchanged and as in training."""
    log("records")
    shards, augmentation = data.shards_of(TRAIN), RunConfig().augmentation
    songs = sum(count_records(path) for path in shards)
    unchanged = spectrogram_dataset(shards, READ_BATCH_SIZE)
    augmented = spectrogram_dataset(shards, READ_BATCH_SIZE, seed=0, augmentation=augmentation)
    augmented_epoch = augmented.take(-(-songs // READ_BATCH_SIZE))
    seconds = measure_interleaved(
        {
            "unchanged": lambda: time_call(lambda: consume(unchanged)),
            "augmented": lambda: time_call(lambda: consume(augmented_epoch)),
        },
        rounds,
    )
    rates = {name: format_number(songs / value) for name, value in seconds.items()}
    return Row(
        f"reading {songs:,} records",
        f"{rates['unchanged']} songs/s",
        f"{rates['augmented']} songs/s shuffled and augmented",
    )


def consume(dataset: tf.data.Dataset) -> None:
    """Iterate over a whole dataset."""
    for _ in dataset:
        pass


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--songs", type=int, nargs="+", default=[100, 1000, 5737])
    parser.add_argument(
        "--tracks",
        type=Path,
        action="append",
        default=[],
        help="additional table for `prepare`; its rows pre-train the text branch",
    )
    parser.add_argument(
        "--until", choices=COMMANDS, default=COMMANDS[-1], help="last command to run"
    )
    parser.add_argument("--steps", type=int, default=60, help="training steps per round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    by_songs = {}
    for songs in sorted(options.songs):
        with tempfile.TemporaryDirectory() as folder:
            by_songs[songs] = measure_peak_memory(
                Path(folder), songs, options.tracks, options.until
            )
            if songs == max(options.songs):
                data = PreparedData.open(Path(folder) / "data")
                rows = step_rows(data, options.steps, options.rounds)
                rows.append(reading_row(data, options.rounds))
    print_table([*rows, *memory_rows(by_songs)])


if __name__ == "__main__":
    main()
