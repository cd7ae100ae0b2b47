"""Speed and validation error of the spectrogram CNN, compared with the study's CNN in PyTorch.

    python benchmarks/cnn_vs_pytorch.py --data data --seconds 300

Songs per second of training and of inference in float32, interleaved, each at the best of several
batch sizes, on images in memory; PyTorch uses channels_last, which is faster for these images.
With --data, also the validation MSE of both, in points squared, after training for the same time.
The project's CNN is trained as `songpop-tf train` trains `cnn`; the study's with Adam at 2e-2 on
the same songs with the same augmentation, pixels scaled to 0-1 and popularity standardized:
otherwise the network would have to learn the mean first. Both report their lowest error on the
validation songs; only the project's time includes validation.
"""

import argparse
import dataclasses
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import torch
from pytorch_models import StudyCNN, train_step
from result_table import Row, format_number, print_table
from timing import StderrConsole, log, measure_interleaved, time_call
from training_steps import compile_for_training, repeat_batch, time_fit

from pipelines.datasets import spectrogram_dataset
from pipelines.prepared_data import PreparedData
from pipelines.spectrograms.loading import COLUMNS, FULL_SCALE, ROWS
from pipelines.spectrograms.statistics import STATISTICS
from pipelines.splits import TRAIN, VALIDATION
from songpop_tf.config import RunConfig
from songpop_tf.models import spectrogram_cnn
from songpop_tf.training.configurations import Configuration
from songpop_tf.training.run import Run
from songpop_tf.training.trainer import Trainer

TRAINING, INFERENCE = "training", "inference"
PROJECT, STUDY = "songpop_tf", "study"
STUDY_LEARNING_RATE = 2e-2
STUDY_VALIDATIONS = 5
"""How often the study's network is validated during training."""
CNN = Configuration("cnn", pretrained=True)

Key = tuple[str, str, int]
"""A measurement: training or inference, the network, and the batch size."""


def random_images(count: int) -> np.ndarray:
    """Mostly dark images, `(count, 256, 1024)` float32 in 0-255."""
    rng = np.random.default_rng(0)
    return (rng.random((count, ROWS, COLUMNS), dtype="float32") ** 6 * FULL_SCALE).round()


def project_measurements(batch_size: int, songs: int) -> dict[Key, Callable[[], float]]:
    """Seconds per song of the project's CNN, in training and inference."""
    model = compile_for_training(spectrogram_cnn())
    inputs = {
        "spectrogram": tf.constant(random_images(batch_size)),
        "columns": tf.fill([batch_size], tf.constant(36_000, tf.int64)),
        "statistics": tf.zeros([batch_size, STATISTICS]),
    }
    dataset = repeat_batch((inputs, tf.fill([batch_size], 50.0)))
    steps = max(1, songs // batch_size)
    infer = tf.function(lambda inputs: model(inputs, training=False))
    infer(inputs)
    return {
        (TRAINING, PROJECT, batch_size): lambda: (
            time_fit(model, dataset, steps) / (steps * batch_size)
        ),
        (INFERENCE, PROJECT, batch_size): lambda: (
            time_call(lambda: [infer(inputs) for _ in range(steps)]) / (steps * batch_size)
        ),
    }


def study_measurements(batch_size: int, songs: int) -> dict[Key, Callable[[], float]]:
    """Seconds per song of the study's CNN, in training and inference."""
    model, optimizer = study_network()
    images = to_torch(random_images(batch_size))
    step = partial(train_step, model, optimizer, (images,), torch.zeros(batch_size))
    steps = max(1, songs // batch_size)

    def train() -> float:
        model.train()
        return time_call(lambda: [step() for _ in range(steps)]) / (steps * batch_size)

    def infer() -> float:
        model.eval()
        with torch.inference_mode():
            seconds = time_call(lambda: [model(images) for _ in range(steps)])
        return seconds / (steps * batch_size)

    step()
    return {(TRAINING, STUDY, batch_size): train, (INFERENCE, STUDY, batch_size): infer}


def study_network() -> tuple[StudyCNN, torch.optim.Optimizer]:
    """The study's network, untrained, in the memory format that is faster for it."""
    torch.manual_seed(0)
    model = StudyCNN().to(memory_format=torch.channels_last)
    return model, torch.optim.Adam(model.parameters(), STUDY_LEARNING_RATE)


def songs_per_second(options: argparse.Namespace) -> dict[Key, float]:
    """Measure both networks at all batch sizes."""
    measurements: dict[Key, Callable[[], float]] = {}
    for batch_size in options.batches:
        measurements |= project_measurements(batch_size, options.songs)
    for batch_size in options.study_batches:
        measurements |= study_measurements(batch_size, options.study_songs)
    seconds_per_song = measure_interleaved(measurements, options.rounds)
    return {key: 1 / seconds for key, seconds in seconds_per_song.items()}


def fastest(rates: dict[Key, float], task: str, network: str) -> tuple[int, float]:
    """The best batch size, and its songs per second."""
    by_batch_size = {key[2]: rate for key, rate in rates.items() if key[:2] == (task, network)}
    batch_size = max(by_batch_size, key=by_batch_size.__getitem__)
    return batch_size, by_batch_size[batch_size]


def speed_rows(rates: dict[Key, float]) -> list[Row]:
    """The rows for training and inference."""
    rows = []
    for task, minimum in ((TRAINING, 50), (INFERENCE, None)):
        (batch_size, rate), (study_batch_size, study_rate) = (
            fastest(rates, task, network) for network in (PROJECT, STUDY)
        )
        rows.append(
            Row(
                f"{task}, against the study's CNN in PyTorch",
                f"{format_number(rate)} songs/s (batch size {batch_size})",
                f"{format_number(study_rate)} songs/s (batch size {study_batch_size})",
                rate / study_rate,
                minimum=minimum,
            )
        )
    return rows


def fit_project_cnn(data: PreparedData, budget: float) -> tuple[float, float]:
    """Best validation MSE of the project's CNN, and the seconds of its epochs."""
    # The learning rate schedule needs the number of epochs: as many as fit into the budget.
    epoch_seconds = cnn_history(data, 2)[1]["seconds"]
    history = cnn_history(data, max(1, round(budget / epoch_seconds)))
    return min(epoch["val_loss"] for epoch in history), sum(epoch["seconds"] for epoch in history)


def cnn_history(data: PreparedData, epochs: int) -> list[dict[str, float]]:
    """Train the configuration `cnn` and return its history."""
    default = RunConfig()
    config = dataclasses.replace(
        default, cnn_fit=dataclasses.replace(default.cnn_fit, epochs=epochs)
    )
    with tempfile.TemporaryDirectory() as folder:
        run = Run.start(Path(folder) / "run", data, config)
        Trainer(data, run, config, StderrConsole()).train([CNN])
        return run.load_history(CNN)


class Standardization(NamedTuple):
    """Mean and standard deviation of the training songs' popularity."""

    mean: float
    deviation: float

    @classmethod
    def fit(cls, data: PreparedData) -> "Standardization":
        """Measure both."""
        popularity = data.songs_of(TRAIN).popularity
        return cls(float(popularity.mean()), float(popularity.std()))

    def transform(self, popularity: np.ndarray) -> np.ndarray:
        """Scale to mean 0 and standard deviation 1, float32."""
        return ((popularity - self.mean) / self.deviation).astype("float32")


def fit_study_cnn(data: PreparedData, budget: float, batch_size: int) -> tuple[float, float]:
    """Best validation MSE of the study's CNN, and the epochs it was trained for."""
    model, optimizer = study_network()
    standardization = Standardization.fit(data)
    batches = spectrogram_dataset(
        data.shards_of(TRAIN), batch_size, seed=0, augmentation=RunConfig().augmentation
    )
    seconds, songs, errors = 0.0, 0, [float("inf")]
    model.train()
    started = time.perf_counter()
    for inputs, popularity in batches.as_numpy_iterator():
        if len(popularity) > 1:  # batch norm needs more than one song
            target = torch.from_numpy(standardization.transform(popularity))
            train_step(model, optimizer, (to_torch(inputs["spectrogram"]),), target)
        seconds += time.perf_counter() - started
        songs += len(popularity)
        if seconds >= budget * len(errors) / STUDY_VALIDATIONS:
            errors.append(study_mse(model, standardization, data, batch_size))
            log(f"study: {seconds:.0f} s, validation MSE {errors[-1]:.1f}")
        if seconds >= budget:
            break
        started = time.perf_counter()
    return min(errors), songs / len(data.songs_of(TRAIN))


def to_torch(spectrograms: np.ndarray) -> torch.Tensor:
    """Images for PyTorch, `(batch, 1, 256, 1024)` in 0-1."""
    scaled = torch.from_numpy(spectrograms[:, None] / np.float32(FULL_SCALE))
    return scaled.to(memory_format=torch.channels_last)


def study_mse(
    model: StudyCNN, standardization: Standardization, data: PreparedData, batch_size: int
) -> float:
    """MSE on the validation songs, in points squared."""
    model.eval()
    batches = spectrogram_dataset(data.shards_of(VALIDATION), batch_size).as_numpy_iterator()
    with torch.inference_mode():
        outputs = [
            (model(to_torch(inputs["spectrogram"]))[:, 0].numpy(), truth)
            for inputs, truth in batches
        ]
    model.train()
    prediction, popularity = (np.concatenate(column) for column in zip(*outputs, strict=True))
    squared_error = (prediction - standardization.transform(popularity)) ** 2
    return float(np.mean(squared_error)) * standardization.deviation**2


def error_rows(data: PreparedData, budget: float, batch_size: int) -> list[Row]:
    """Validation MSE of both networks, and of the mean."""
    mse, seconds = fit_project_cnn(data, budget)
    study, epochs = fit_study_cnn(data, seconds, batch_size)
    mean = data.songs_of(TRAIN).popularity.mean()
    mean_mse = float(((data.songs_of(VALIDATION).popularity - mean) ** 2).mean())
    return [
        Row(
            f"validation MSE after {seconds:.0f} s, against the study's CNN",
            f"{mse:.1f}",
            f"{study:.1f} ({epochs:.1f} epochs)",
            mse / study,
            maximum=1,
        ),
        Row("validation MSE, against the mean", f"{mse:.1f}", f"{mean_mse:.1f}", mse / mean_mse),
    ]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--batches", type=int, nargs="+", default=[8, 16, 32, 64])
    parser.add_argument("--study-batches", type=int, nargs="+", default=[4, 8, 16])
    parser.add_argument("--songs", type=int, default=256, help="per measurement of songpop_tf")
    parser.add_argument("--study-songs", type=int, default=16, help="per measurement of the study")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, help="folder of `prepare`, for the errors")
    parser.add_argument("--seconds", type=float, default=300, help="of training, for the errors")
    options = parser.parse_args()
    rates = songs_per_second(options)
    rows = speed_rows(rates)
    if options.data:
        data = PreparedData.open(options.data)
        rows += error_rows(data, options.seconds, fastest(rates, TRAINING, STUDY)[0])
    print_table(rows)


if __name__ == "__main__":
    main()
