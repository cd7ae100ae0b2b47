"""Figures of a search."""

from pathlib import Path

from keras_tuner.engine.trial import TrialStatus

from songpop_tf.tuning.plots import optimization_history, write_figures
from tests.songpop_tf.tuning.helpers import finished_oracle


def test_figures_are_written(tmp_path: Path) -> None:
    paths = write_figures(finished_oracle(tmp_path, 6), tmp_path / "figures")
    assert paths == {
        "Optimization history": tmp_path / "figures" / "optimization_history.png",
        "Parameter importance": tmp_path / "figures" / "parameter_importance.png",
    }
    for path in paths.values():
        assert path.stat().st_size > 5_000


def test_few_trials_have_no_parameter_importance(tmp_path: Path) -> None:
    paths = write_figures(finished_oracle(tmp_path, 3), tmp_path)
    assert list(paths) == ["Optimization history"]


def test_history_shows_completed_and_pruned_trials_and_the_best_so_far(tmp_path: Path) -> None:
    oracle = finished_oracle(tmp_path, 5)
    oracle.trials["3"].status = TrialStatus.STOPPED
    (axes,) = optimization_history(oracle).axes
    completed, pruned = axes.collections
    assert completed.get_offsets()[:, 0].tolist() == [0, 1, 2, 4]
    assert pruned.get_offsets()[:, 0].tolist() == [3]
    (best,) = axes.lines
    scores = [oracle.trials[str(number)].score for number in range(5)]
    assert list(best.get_ydata()) == [min(scores[: number + 1]) for number in range(5)]
