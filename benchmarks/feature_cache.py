"""Speed-up from computing the features of the frozen branches once instead of in every epoch.

    python benchmarks/feature_cache.py --data demo/data --run demo/run

Seconds of an epoch of `combined`, measured in two ways, interleaved: as `songpop-tf train` does it,
the head alone on cached features; and the head on top of the frozen branches, which process every
song as often, augmented and masked, in every epoch, extrapolated from a few batches. The folder of
the run is not changed.
"""

import argparse
import dataclasses
import shutil
import statistics
import tempfile
from pathlib import Path

import keras
from result_table import Row, format_number, print_table
from timing import StderrConsole, measure_interleaved, time_call
from training_steps import compile_for_training, time_fit

from pipelines.datasets import fused_dataset
from pipelines.prepared_data import PreparedData
from pipelines.splits import TRAIN
from songpop_tf.config import RunConfig
from songpop_tf.models import fusion_model
from songpop_tf.training.configurations import Configuration
from songpop_tf.training.feature_cache import MASKED_PASSES, UNMASKED_PASSES
from songpop_tf.training.run import Run
from songpop_tf.training.trainer import Trainer

TEXT, CNN, COMBINED = (
    Configuration(branch, pretrained=True) for branch in ("text", "cnn", "combined")
)
MIN_SPEEDUP = 50
"""Of an epoch."""


def train_head(data: PreparedData, run: Run, config: RunConfig) -> tuple[float, list[float]]:
    """Train the head in a copy of the run; return total seconds and those of each epoch."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Run(Path(folder) / "run")
        shutil.copytree(run.directory, copy.directory)
        copy.history_path(COMBINED).unlink(missing_ok=True)
        copy.checkpoint_path(COMBINED.name).unlink(missing_ok=True)
        trainer = Trainer(data, copy, config, StderrConsole())
        total = time_call(lambda: trainer.train([COMBINED]))
        return total, [epoch["seconds"] for epoch in copy.load_history(COMBINED)]


class EpochTimer:
    """Times both kinds of epochs.

    Args:
        data: the prepared songs.
        run: a run whose branches are trained.
        epochs: of the head per measurement.
        steps: of training on top of the branches per measurement.

    Attributes:
        overheads: seconds of each training of the head besides its epochs.
    """

    def __init__(self, data: PreparedData, run: Run, epochs: int, steps: int) -> None:
        config = run.config()
        # No early stopping: all epochs are to be timed.
        fit = dataclasses.replace(config.head_fit, epochs=epochs, patience=epochs)
        self._data = data
        self._run = run
        self._config = dataclasses.replace(config, head_fit=fit)
        self._steps = steps
        self.songs = len(data.songs_of(TRAIN))
        self.rows = (UNMASKED_PASSES + MASKED_PASSES) * self.songs
        self.overheads: list[float] = []

    def on_cached_features(self) -> float:
        """Median seconds of an epoch on cached features."""
        total, epochs = train_head(self._data, self._run, self._config)
        self.overheads.append(total - sum(epochs))
        return statistics.median(epochs[1:])

    def on_branches(self) -> float:
        """Seconds of an epoch that runs the branches."""
        config, batch_size = self._config, self._config.head_fit.batch_size
        cnn, encoder = self._run.load_model(CNN), self._run.load_model(TEXT)
        model = compile_for_training(fusion_model(cnn, encoder, config.fusion, frozen=True))
        dataset = fused_dataset(
            self._data.shards_of(TRAIN),
            self._run.load_preprocessor(COMBINED),
            batch_size,
            seed=config.seed,
            augmentation=config.augmentation,
            masking=config.head_masking,
        )
        seconds = time_fit(model, dataset, self._steps)
        keras.utils.clear_session(free_memory=True)
        return seconds / (self._steps * batch_size) * self.rows


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of `prepare`")
    parser.add_argument("--run", type=Path, required=True, help="folder of `train`, with branches")
    parser.add_argument(
        "--epochs", type=int, default=10, help="of the head per measurement, 2 or more"
    )
    parser.add_argument(
        "--steps", type=int, default=20, help="on top of the branches per measurement"
    )
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    data, run = PreparedData.open(options.data), Run.open(options.run)
    run.check_data(data)
    missing = {TEXT, CNN}.difference(run.finished())
    if missing:
        names = ", ".join(sorted(map(str, missing)))
        parser.error(f"--run: expected trained cnn and text, received a run without {names}")
    if options.epochs < 2:
        parser.error(f"--epochs: expected 2 or more, received {options.epochs}")
    timer = EpochTimer(data, run, options.epochs, options.steps)
    seconds = measure_interleaved(
        {"cached": timer.on_cached_features, "branches": timer.on_branches}, options.rounds
    )
    cached, branches = seconds["cached"], seconds["branches"]
    overhead = statistics.median(timer.overheads)
    epochs = RunConfig().head_fit.epochs
    print_table(
        [
            Row(
                f"an epoch of the head, {timer.rows:,} rows ({timer.songs:,} songs)",
                f"{format_number(cached)} s",
                f"{format_number(branches)} s through the branches",
                branches / cached,
                minimum=MIN_SPEEDUP,
            ),
            Row(
                f"{epochs} epochs, including one-time work",
                f"{format_number(overhead + epochs * cached)} s",
                f"{format_number(epochs * branches)} s",
                epochs * branches / (overhead + epochs * cached),
            ),
        ]
    )


if __name__ == "__main__":
    main()
