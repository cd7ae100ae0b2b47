"""The commands as Python functions."""

from pathlib import Path

import pytest

import songpop_tf
from pipelines.errors import InputError
from pipelines.prepared_data import PreparedData
from tests.conftest import TINY, SilentConsole


def test_model_is_trained_evaluated_and_loaded_from_folders(
    data: PreparedData, tmp_path: Path
) -> None:
    folder, out = str(data.directory), str(tmp_path / "run")
    run = songpop_tf.train(
        folder, out, approach="naive", branch="text", config=TINY, console=SilentConsole()
    )
    assert [str(one) for one in run.finished()] == ["text_naive"]
    assert list((tmp_path / "run" / "tensorboard").rglob("events.*"))
    evaluation = songpop_tf.evaluate(folder, out, console=SilentConsole())
    assert set(evaluation["models"]) == {"text_naive"}
    assert 0 <= songpop_tf.load(out).predict(artist="A", year=1999).popularity <= 100


@pytest.mark.parametrize("function", [songpop_tf.train, songpop_tf.tune])
def test_wrong_branch_is_named_before_the_data_are_read(function: object, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="branch: expected one of .*all, received 'audio'"):
        function(tmp_path, tmp_path, branch="audio")  # type: ignore[operator]
    with pytest.raises(InputError, match="algorithm: expected one of .* received 'grid'"):
        songpop_tf.tune(tmp_path, tmp_path, algorithm="grid")
