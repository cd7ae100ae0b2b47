"""The command ``export``."""

import json
from pathlib import Path

from songpop_tf.training.run import Run
from tests.songpop_tf.cli.runner import invoke


def test_exported_model_predicts_as_the_run(run: Run, tmp_path: Path) -> None:
    song = ("--artist", "Fleetwood Mac", "--year", 1977, "--json")
    exported = invoke("export", "--run", run.directory, "--out", tmp_path / "songpop")
    assert exported.exit_code == 0, exported.output
    prediction = invoke("predict", "--model", tmp_path / "songpop", *song)
    assert prediction.output == invoke("predict", "--model", run.directory, *song).output
    assert "popularity_low" in json.loads(prediction.output)
