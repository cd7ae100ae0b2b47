"""A training run as a backend."""

import shutil
from pathlib import Path

from songpop_tf.serving.loading import open_predictor
from songpop_tf.training.run import Run


def test_identity_changes_with_the_models_that_predict(run: Run, tmp_path: Path) -> None:
    history = Path(shutil.copytree(run.directory, tmp_path / "run")) / "history"
    identity = open_predictor(history.parent).identity
    (history / "text_naive.json").unlink()
    assert open_predictor(history.parent).identity == identity, "the naive model predicts no song"
    (history / "text.json").write_text("[]")
    assert open_predictor(history.parent).identity != identity
