"""What it saves to compute the frozen branches' features once, not in every epoch.

    python benchmarks/fusion.py --data demo/data --run demo/run

Seconds of an epoch of `combined`. Once as `songpop-tf train` trains it: the head alone, on features
in memory. In turn with it the head behind the frozen branches, which read every song as often, with
augmentation and parts hidden, in every epoch; this one is extrapolated from a few batches. The
folder of the run is not changed.
"""

import argparse
import dataclasses
import shutil
import statistics
import tempfile
from pathlib import Path

import keras
from steps import compiled, fit_seconds
from timing import Log, Row, in_turn, print_table, rounded, seconds

from pipelines.datasets import fused_dataset
from pipelines.prepared import PreparedData
from pipelines.splits import TRAIN
from songpop_tf.config import RunConfig
from songpop_tf.models import fusion_model
from songpop_tf.training.run import Run
from songpop_tf.training.stages import HIDDEN_PASSES, WHOLE_PASSES, Trainer

NAME = "combined"
LEAST = 50
"""Times as fast an epoch is to be."""


def head_run(data: PreparedData, run: Run, config: RunConfig) -> tuple[float, list[float]]:
    """Train the head in a copy of the run; seconds of all, and of each epoch."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Run(Path(folder) / "run")
        shutil.copytree(run.directory, copy.directory)
        copy.history_path(NAME).unlink(missing_ok=True)
        shutil.rmtree(copy.directory / "state", ignore_errors=True)
        trainer = Trainer(data, copy, config, Log())
        whole = seconds(lambda: trainer.train([NAME]))
        return whole, [epoch["seconds"] for epoch in copy.load_history(NAME)]


class Epochs:
    """Both kinds of epochs of one run.

    Args:
        data: the prepared songs.
        run: with finished branches.
        epochs: that the head is trained for at a time.
        steps: of training behind the branches at a time.
    """

    def __init__(self, data: PreparedData, run: Run, epochs: int, steps: int) -> None:
        config = run.config()
        # Patience: every epoch asked for is to be trained.
        fit = dataclasses.replace(config.head_fit, epochs=epochs, patience=epochs)
        self._data = data
        self._run = run
        self._config = dataclasses.replace(config, head_fit=fit)
        self._steps = steps
        self.songs = len(data.songs_of(TRAIN))
        self.rows = (WHOLE_PASSES + HIDDEN_PASSES) * self.songs
        self.wholes: list[float] = []

    def on_features(self) -> float:
        """Median seconds of an epoch on features in memory."""
        whole, epochs = head_run(self._data, self._run, self._config)
        self.wholes.append(whole - sum(epochs))
        return statistics.median(epochs[1:])

    def on_branches(self) -> float:
        """Seconds of an epoch that runs the branches."""
        config, size = self._config, self._config.head_fit.batch_size
        cnn, encoder = (self._run.load_model(name) for name in ("cnn", "text"))
        model = compiled(fusion_model(cnn, encoder, config.fusion, frozen=True))
        dataset = fused_dataset(
            self._data.shards_of(TRAIN),
            self._run.load_reader(NAME),
            size,
            seed=config.seed,
            augmentation=config.augmentation,
            hiding=config.head_hiding,
        )
        taken = fit_seconds(model, dataset, self._steps)
        keras.utils.clear_session(free_memory=True)
        return taken / (self._steps * size) * self.rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of `prepare`")
    parser.add_argument("--run", type=Path, required=True, help="folder of `train`, with branches")
    parser.add_argument("--epochs", type=int, default=10, help="of the head at a time, 2 or more")
    parser.add_argument("--steps", type=int, default=20, help="behind the branches at a time")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    data, run = PreparedData.open(options.data), Run.open(options.run)
    run.check_data(data)
    missing = {"cnn", "text"} - set(run.finished())
    if missing:
        parser.error(f"--run: expected cnn and text trained, received a run without {missing}")
    if options.epochs < 2:
        parser.error(f"--epochs: expected 2 or more, received {options.epochs}")
    epochs = Epochs(data, run, options.epochs, options.steps)
    taken = in_turn({"ours": epochs.on_features, "beside": epochs.on_branches}, options.rounds)
    ours, beside = taken["ours"], taken["beside"]
    once = statistics.median(epochs.wholes)
    usual = RunConfig().head_fit.epochs
    print_table(
        [
            Row(
                f"an epoch of the head, {epochs.rows:,} rows ({epochs.songs:,} songs)",
                f"{rounded(ours)} s",
                f"{rounded(beside)} s through the branches",
                beside / ours,
                at_least=LEAST,
            ),
            Row(
                f"{usual} epochs, with what comes once",
                f"{rounded(once + usual * ours)} s",
                f"{rounded(usual * beside)} s",
                usual * beside / (once + usual * ours),
            ),
        ]
    )


if __name__ == "__main__":
    main()
