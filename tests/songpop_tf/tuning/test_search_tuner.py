"""The tuner: pruned, failed and killed trials."""

from pathlib import Path

import pytest

from pipelines.errors import InputError
from pipelines.prepared_data import PreparedData
from tests.songpop_tf.tuning.fake_hypermodels import FakeHyperModel
from tests.songpop_tf.tuning.helpers import read_trials, search_head, started_trials


class RaisedOnce(dict[int, BaseException]):
    """Errors of fits that are raised once each."""

    def get(self, key: int) -> BaseException | None:
        return self.pop(key, None)


def raise_in_fits(
    monkeypatch: pytest.MonkeyPatch,
    hypermodels: list[FakeHyperModel],
    errors: dict[int, BaseException],
) -> None:
    """Have the fits of these numbers raise in the first search."""
    init = FakeHyperModel.__init__

    def init_with_errors(self: FakeHyperModel, *args: object) -> None:
        init(self, *args)
        self.errors = errors if not hypermodels else {}

    monkeypatch.setattr(FakeHyperModel, "__init__", init_with_errors)


def test_pruned_trials_end_early(
    data: PreparedData, tmp_path: Path, hypermodels: list[FakeHyperModel]
) -> None:
    lines = search_head(data, tmp_path, "optuna", 12)
    table = read_trials(tmp_path / "combined")
    pruned = table[table.status == "pruned"].validation_mse.astype(float)
    assert len(pruned) > 0
    assert pruned.min() > table.validation_mse.astype(float).median() - 1e-6
    assert any(", pruned (" in line for line in lines)
    assert len(hypermodels[0].dropouts) == 12


@pytest.mark.usefixtures("hypermodels")
def test_each_result_is_printed_beside_the_best_so_far(data: PreparedData, tmp_path: Path) -> None:
    lines = search_head(data, tmp_path, "random", 6)
    results = [line for line in lines if line.startswith("trial ") and "validation MSE" in line]
    lowest = float("inf")
    for result, mse in zip(results, read_trials(tmp_path / "combined").validation_mse, strict=True):
        lowest = min(lowest, mse)
        rank = "best so far" if mse == lowest else f"best {lowest:.1f}"
        assert result.endswith(f": validation MSE {mse:.1f} ({rank})")


@pytest.mark.parametrize("error", [FloatingPointError("the loss became nan"), MemoryError("full")])
@pytest.mark.parametrize("algorithm", ["random", "optuna"])
def test_failed_trial_is_recorded_and_the_search_continues(
    data: PreparedData,
    tmp_path: Path,
    hypermodels: list[FakeHyperModel],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    algorithm: str,
) -> None:
    raise_in_fits(monkeypatch, hypermodels, RaisedOnce({1: error}))
    search_head(data, tmp_path, algorithm, 3)
    table = read_trials(tmp_path / "combined")
    assert list(table.status) == ["completed", "failed", "completed"]
    assert table.reason[1] == f"{type(error).__name__}: {error}"


def test_search_whose_trials_all_fail_reports_the_reason(
    data: PreparedData,
    tmp_path: Path,
    hypermodels: list[FakeHyperModel],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raise_in_fits(monkeypatch, hypermodels, {0: FloatingPointError("the loss became nan")})
    with pytest.raises(
        InputError, match="received 5 failed: FloatingPointError: the loss became nan"
    ):
        search_head(data, tmp_path, "optuna", 5)
    table = read_trials(tmp_path / "combined")
    assert list(table.status) == ["failed"] * 5
    assert set(table.reason) == {"FloatingPointError: the loss became nan"}


@pytest.mark.parametrize("algorithm", ["random", "optuna"])
def test_other_errors_end_the_search_and_their_trial_is_run_again(
    data: PreparedData,
    tmp_path: Path,
    hypermodels: list[FakeHyperModel],
    monkeypatch: pytest.MonkeyPatch,
    algorithm: str,
) -> None:
    raise_in_fits(monkeypatch, hypermodels, {1: ValueError("a typo")})
    with pytest.raises(ValueError, match="a typo"):
        search_head(data, tmp_path, algorithm, 3)
    assert len(started_trials(search_head(data, tmp_path, algorithm, 3))) == 2
    assert list(read_trials(tmp_path / "combined").status) == ["completed"] * 3


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("a typo")])
def test_only_kills_count_against_a_trial(
    data: PreparedData,
    tmp_path: Path,
    hypermodels: list[FakeHyperModel],
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
) -> None:
    for _ in range(4):
        hypermodels.clear()
        raise_in_fits(monkeypatch, hypermodels, {0: error})
        with pytest.raises(type(error)):
            search_head(data, tmp_path, "optuna", 1)
    assert not (tmp_path / "combined" / "trial_0" / "started").exists()


@pytest.mark.usefixtures("hypermodels")
def test_trial_fails_after_repeated_kills(data: PreparedData, tmp_path: Path) -> None:
    directory = tmp_path / "combined" / "trial_0"
    directory.mkdir(parents=True)
    (directory / "started").write_bytes(b"...")
    search_head(data, tmp_path, "optuna", 2)
    table = read_trials(tmp_path / "combined")
    assert list(table.status) == ["failed", "completed"]
    assert "killed 3 times" in table.reason[0]
