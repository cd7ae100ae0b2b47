"""The hypermodels: a trial trains as `train` does with the same settings."""

import shutil
from pathlib import Path

import pytest

from pipelines.prepared_data import PreparedData
from songpop_tf.config import load_config
from songpop_tf.training.configurations import Configuration
from songpop_tf.training.run import Run
from songpop_tf.training.trainer import Trainer
from songpop_tf.tuning.search import SearchOptions, search
from tests.conftest import TINY, SilentConsole
from tests.songpop_tf.tuning.helpers import RecordingConsole, read_trials


@pytest.mark.parametrize("branch", ["cnn", "combined"])
def test_training_with_the_best_settings_reproduces_the_best_trial(
    data: PreparedData, run: Run, tmp_path: Path, branch: str
) -> None:
    tuned, again = tmp_path / "tuned", tmp_path / "again"
    if branch == "combined":  # on branches that are already trained
        shutil.copytree(run.directory, tuned / branch / "run")
    best = search(data, tuned, branch, SearchOptions("random", 2), TINY, SilentConsole())
    lowest = read_trials(tuned / branch).validation_mse.astype(float).min()
    assert load_config(tuned / "best.toml") == best
    assert not list((tuned / branch).glob("trial_*/checkpoints")), "they are deleted"
    new_run = Run.start(again, data, best)
    for folder in ("models", "preprocessors") if branch == "combined" else ():
        shutil.copytree(run.directory / folder, again / folder)
    trainer = Trainer(data, new_run, best, SilentConsole())
    configuration = Configuration(branch, pretrained=True)
    _, histories = trainer.fit(configuration, trainer.build(configuration))
    assert min(epoch["val_loss"] for epoch in histories[-1]) == pytest.approx(lowest, rel=1e-4)


def test_text_branch_is_evaluated_by_its_fine_tuning(data: PreparedData, tmp_path: Path) -> None:
    console = RecordingConsole()
    search(data, tmp_path, "text", SearchOptions("optuna", 1), TINY, console)
    mse = read_trials(tmp_path / "text").validation_mse.astype(float)[0]
    epochs = [line for line in console.lines if line.startswith("text/finetuning")]
    assert any(f"{mse:.1f}" in line for line in epochs)
    tensorboard = next((tmp_path / "text" / "tensorboard").glob("*/"))
    runs = {path.name for path in tensorboard.iterdir() if path.is_dir()}
    assert runs == {"artists", "text_pretraining", "text_finetuning"}, "what TensorBoard shows"
