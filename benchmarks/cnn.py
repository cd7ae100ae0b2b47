"""How fast the spectrogram CNN is, and how good, against the study's CNN in PyTorch.

    python benchmarks/cnn.py --data data --seconds 300

Songs a second of training and of inference in float32, in turn, each at the best of several batch
sizes, on images that are in memory, PyTorch's in the memory format that is the faster one for them.
Then, with --data, the validation MSE of both, in points squared, after training for the same time:
ours as `songpop-tf train` trains `cnn`, the study's with Adam at 2e-2 on the same songs with the
same augmentation, pixels scaled to 0-1, and popularity to mean 0 and deviation 1: as it is, the
network would have to find its mean first. Both are taken at their best by the validation songs; the
time to validate counts for ours only.
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
from pytorch import StudyCNN, train_step
from steps import always, compiled, fit_seconds
from timing import Log, Row, in_turn, print_table, rounded, say, seconds

from pipelines.datasets import spectrogram_dataset
from pipelines.prepared import PreparedData
from pipelines.spectrogram import COLUMNS, FULL_SCALE, ROWS
from pipelines.splits import TRAIN, VALIDATION
from songpop_tf.config import RunConfig
from songpop_tf.models import spectrogram_cnn
from songpop_tf.training.run import Run
from songpop_tf.training.stages import Trainer

TRAINING, INFERENCE = "training", "inference"
OURS, STUDY = "songpop_tf", "study"
LEARNING_RATE = 2e-2
VALIDATIONS = 5
"""How often the study's network is validated."""

Key = tuple[str, str, int]
"""What is timed: training or inference, of which network, and the batch size."""


def images(count: int) -> np.ndarray:
    """Mostly dark images, `(count, 256, 1024)` float32 in 0-255."""
    rng = np.random.default_rng(0)
    return (rng.random((count, ROWS, COLUMNS), dtype="float32") ** 6 * FULL_SCALE).round()


def our_measures(batch: int, songs: int) -> dict[Key, Callable[[], float]]:
    """Seconds a song of training and inference at a batch size."""
    model = compiled(spectrogram_cnn())
    inputs = {
        "spectrogram": tf.constant(images(batch)),
        "columns": tf.fill([batch], tf.constant(36_000, tf.int64)),
    }
    dataset = always((inputs, tf.fill([batch], 50.0)))
    steps = max(1, songs // batch)
    infer = tf.function(lambda inputs: model(inputs, training=False))
    infer(inputs)
    return {
        (TRAINING, OURS, batch): lambda: fit_seconds(model, dataset, steps) / (steps * batch),
        (INFERENCE, OURS, batch): lambda: (
            seconds(lambda: [infer(inputs) for _ in range(steps)]) / (steps * batch)
        ),
    }


def study_measures(batch: int, songs: int) -> dict[Key, Callable[[], float]]:
    """The same of the study's network."""
    model, optimizer = study_network()
    image = tensor(images(batch))
    step = partial(train_step, model, optimizer, (image,), torch.zeros(batch))
    steps = max(1, songs // batch)

    def train() -> float:
        model.train()
        return seconds(lambda: [step() for _ in range(steps)]) / (steps * batch)

    def infer() -> float:
        model.eval()
        with torch.inference_mode():
            return seconds(lambda: [model(image) for _ in range(steps)]) / (steps * batch)

    step()
    return {(TRAINING, STUDY, batch): train, (INFERENCE, STUDY, batch): infer}


def study_network() -> tuple[StudyCNN, torch.optim.Optimizer]:
    """The study's network, untrained, in the memory format that is the faster one for it."""
    torch.manual_seed(0)
    model = StudyCNN().to(memory_format=torch.channels_last)
    return model, torch.optim.Adam(model.parameters(), LEARNING_RATE)


def speed(options: argparse.Namespace) -> dict[Key, float]:
    """Songs a second of everything."""
    measures: dict[Key, Callable[[], float]] = {}
    for batch in options.batches:
        measures |= our_measures(batch, options.songs)
    for batch in options.study_batches:
        measures |= study_measures(batch, options.study_songs)
    return {key: 1 / one for key, one in in_turn(measures, options.rounds).items()}


def fastest(rates: dict[Key, float], what: str, whose: str) -> tuple[int, float]:
    """The best batch size, and songs a second at it."""
    found = {
        batch: rate for (doing, who, batch), rate in rates.items() if (doing, who) == (what, whose)
    }
    batch = max(found, key=found.__getitem__)
    return batch, found[batch]


def speed_rows(rates: dict[Key, float]) -> list[Row]:
    """Training and inference."""
    rows = []
    for what, wanted in ((TRAINING, 50), (INFERENCE, None)):
        (batch, rate), (study_batch, study_rate) = (
            fastest(rates, what, who) for who in (OURS, STUDY)
        )
        rows.append(
            Row(
                f"{what}, beside the study's CNN in PyTorch",
                f"{rounded(rate)} songs/s (batch {batch})",
                f"{rounded(study_rate)} songs/s (batch {study_batch})",
                rate / study_rate,
                at_least=wanted,
            )
        )
    return rows


def our_fit(data: PreparedData, budget: float) -> tuple[float, float]:
    """Best validation MSE of the project's CNN, and the seconds that its epochs took."""
    # The length of an epoch tells how many fit into the time: the learning rate's course needs it.
    one = fitted(data, 2)[1]["seconds"]
    history = fitted(data, max(1, round(budget / one)))
    return min(epoch["val_loss"] for epoch in history), sum(epoch["seconds"] for epoch in history)


def fitted(data: PreparedData, epochs: int) -> list[dict[str, float]]:
    """The history of so many epochs of the configuration `cnn`."""
    default = RunConfig()
    config = dataclasses.replace(
        default, cnn_fit=dataclasses.replace(default.cnn_fit, epochs=epochs)
    )
    with tempfile.TemporaryDirectory() as folder:
        run = Run.start(Path(folder) / "run", data, config)
        Trainer(data, run, config, Log()).train(["cnn"])
        return run.load_history("cnn")


class Scale(NamedTuple):
    """What the training songs' popularity is scaled by for the study's network."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, data: PreparedData) -> "Scale":
        """Measure it."""
        popularity = data.songs_of(TRAIN).popularity
        return cls(float(popularity.mean()), float(popularity.std()))

    def scaled(self, popularity: np.ndarray) -> np.ndarray:
        """To mean 0 and deviation 1, float32."""
        return ((popularity - self.mean) / self.deviation).astype("float32")


def study_fit(data: PreparedData, budget: float, batch: int) -> tuple[float, float]:
    """Best validation MSE of the study's CNN, and the epochs that it came to see."""
    model, optimizer = study_network()
    scale = Scale.of(data)
    batches = spectrogram_dataset(
        data.shards_of(TRAIN), batch, seed=0, augmentation=RunConfig().augmentation
    )
    spent, songs, errors = 0.0, 0, [float("inf")]
    model.train()
    started = time.perf_counter()
    for inputs, popularity in batches.as_numpy_iterator():
        if len(popularity) > 1:  # batch norm learns nothing from one
            target = torch.from_numpy(scale.scaled(popularity))
            train_step(model, optimizer, (tensor(inputs["spectrogram"]),), target)
        spent += time.perf_counter() - started
        songs += len(popularity)
        if spent >= budget * len(errors) / VALIDATIONS:
            errors.append(study_mse(model, scale, data, batch))
            say(f"study: {spent:.0f} s, validation MSE {errors[-1]:.1f}")
        if spent >= budget:
            break
        started = time.perf_counter()
    return min(errors), songs / len(data.songs_of(TRAIN))


def tensor(spectrograms: np.ndarray) -> torch.Tensor:
    """Images for PyTorch, `(batch, 1, 256, 1024)` in 0-1."""
    scaled = torch.from_numpy(spectrograms[:, None] / np.float32(FULL_SCALE))
    return scaled.to(memory_format=torch.channels_last)


def study_mse(model: StudyCNN, scale: Scale, data: PreparedData, batch: int) -> float:
    """In points squared, on the validation songs."""
    model.eval()
    songs = spectrogram_dataset(data.shards_of(VALIDATION), batch).as_numpy_iterator()
    with torch.inference_mode():
        found = [
            (model(tensor(inputs["spectrogram"]))[:, 0].numpy(), truth) for inputs, truth in songs
        ]
    model.train()
    predicted, popularity = (np.concatenate(column) for column in zip(*found, strict=True))
    return float(np.mean((predicted - scale.scaled(popularity)) ** 2)) * scale.deviation**2


def error_rows(data: PreparedData, budget: float, batch: int) -> list[Row]:
    """Validation MSE of both networks, and of the mean."""
    ours, spent = our_fit(data, budget)
    study, epochs = study_fit(data, spent, batch)
    mean = data.songs_of(TRAIN).popularity.mean()
    constant = float(((data.songs_of(VALIDATION).popularity - mean) ** 2).mean())
    return [
        Row(
            f"validation MSE after {spent:.0f} s, beside the study's",
            f"{ours:.1f}",
            f"{study:.1f} ({epochs:.1f} epochs)",
            ours / study,
            at_most=1,
        ),
        Row("validation MSE, beside the mean's", f"{ours:.1f}", f"{constant:.1f}", ours / constant),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--batches", type=int, nargs="+", default=[8, 16, 32, 64])
    parser.add_argument("--study-batches", type=int, nargs="+", default=[4, 8, 16])
    parser.add_argument("--songs", type=int, default=256, help="that ours sees in a measurement")
    parser.add_argument("--study-songs", type=int, default=16, help="that the study's sees in one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, help="folder of `prepare`, for the errors")
    parser.add_argument("--seconds", type=float, default=300, help="of training, for the errors")
    options = parser.parse_args()
    rates = speed(options)
    rows = speed_rows(rates)
    if options.data:
        data = PreparedData.open(options.data)
        rows += error_rows(data, options.seconds, fastest(rates, TRAINING, STUDY)[0])
    print_table(rows)


if __name__ == "__main__":
    main()
