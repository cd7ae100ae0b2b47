"""The complete workflow on synthetic songs: generate, prepare, train, evaluate, predict."""

import dataclasses
import shlex
from pathlib import Path

import pandas as pd

from pipelines.config import SplitConfig
from pipelines.prepare import PrepareOptions, prepare
from pipelines.prepared_data import PreparedData
from pipelines.splits import TEST
from pipelines.synthetic import AUDIO_DIRECTORY, BEST_PREDICTIONS, write_sample
from songpop_tf.config import RunConfig
from songpop_tf.console import Console
from songpop_tf.constants import REPORT_FILE
from songpop_tf.evaluation.evaluate import evaluate
from songpop_tf.evaluation.metrics import r2
from songpop_tf.evaluation.report import text_table
from songpop_tf.serving.loading import load
from songpop_tf.training.callbacks.tensorboard import LOG_DIRECTORY
from songpop_tf.training.configurations import BRANCHES, CONFIGURATIONS
from songpop_tf.training.run import Run
from songpop_tf.training.trainer import Trainer

SONGS, SECONDS = 720, 4.8


def run_demo(directory: Path, seed: int, console: Console) -> None:
    """Run all commands in ``directory``; an interrupted demo resumes.

    Args:
        directory: gets the folders ``sample``, ``data`` and ``run``.
        seed: of the songs, the split, training and evaluation.
        console: prints the steps and the results.
    """
    sample_directory, data_directory = directory / "sample", directory / "data"
    run_directory = directory / "run"
    log_directory = run_directory / LOG_DIRECTORY
    console.print(f"1/5  Generating {SONGS} synthetic songs")
    write_sample(
        sample_directory,
        SONGS,
        seconds=SECONDS,
        seed=seed,
        progress=lambda done, total: console.progress("synthesizing songs", done, total),
    )
    console.print("2/5  Linking, splitting and resizing the spectrograms")
    options = PrepareOptions(
        sample_directory / "spectrograms", [sample_directory / "tracks.csv"], SplitConfig(seed=seed)
    )
    data = prepare(options, data_directory, console.progress)
    console.print("3/5  Training six models, naive and better")
    config = _short_training(seed)
    run = Run.start(run_directory, data, config)
    Trainer(data, run, config, console, log_dir=log_directory).train(CONFIGURATIONS)
    console.print("4/5  Evaluating the models on the test songs\n")
    evaluation = evaluate(data, run, seed, console)
    console.print(text_table(evaluation, _reachable_r2(sample_directory, data)))
    console.print(f"\n5/5  {_predict_test_song(data, run_directory, sample_directory)}")
    console.print(f"\nReport and figures: {run_directory / REPORT_FILE}")
    console.print(f"TensorBoard: {shlex.join(['tensorboard', '--logdir', str(log_directory)])}")


def _short_training(seed: int) -> RunConfig:
    """The defaults with fewer epochs where these take the longest."""
    config = RunConfig(seed=seed)
    return dataclasses.replace(
        config,
        text_pretraining_fit=dataclasses.replace(config.text_pretraining_fit, epochs=8),
        combined_naive_fit=dataclasses.replace(config.combined_naive_fit, epochs=10),
    )


def _predict_test_song(data: PreparedData, run_directory: Path, sample_directory: Path) -> str:
    """Predict the first test song with a sound file and describe the result in one sentence."""
    test = data.songs_of(TEST)
    sounds = [
        sample_directory / AUDIO_DIRECTORY / Path(file).with_suffix(".flac") for file in test.file
    ]
    row, sound = next(
        (test.iloc[index], sound) for index, sound in enumerate(sounds) if sound.exists()
    )
    prediction = load(run_directory).predict(
        artist=row.artist, title=row.title, year=row.year, audio=sound
    )
    return (
        f"Predicting {sound.name} of {row.year}: {prediction.popularity:.0f}, 90 % "
        f"interval {prediction.low:.0f} to {prediction.high:.0f}, true popularity "
        f"{row.popularity:.0f}"
    )


def _reachable_r2(sample_directory: Path, data: PreparedData) -> dict[str, float]:
    """R2 of the best possible predictions for the test songs, by branch."""
    test = data.songs_of(TEST)
    best = pd.read_csv(sample_directory / BEST_PREDICTIONS).set_index("file").loc[test.file]
    truth = test.popularity.to_numpy("float64")
    return {branch: r2(truth, best[branch].to_numpy("float64")) for branch in BRANCHES}
