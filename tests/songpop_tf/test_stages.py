"""What each configuration is trained on, and what is frozen."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.prepared import PreparedData
from songpop_tf.config import RunConfig
from songpop_tf.models.fusion import BRANCHES
from songpop_tf.models.output import findings_of
from songpop_tf.training import stages
from songpop_tf.training.run import CONFIGURATIONS, Run, configurations
from songpop_tf.training.stages import HIDDEN_PASSES, WHOLE_PASSES, Trainer
from tests.conftest import TINY, SilentConsole


def test_everything_asked_for_is_trained_and_stored(run: Run) -> None:
    assert run.finished() == list(CONFIGURATIONS)
    assert run.config() == TINY
    for name in CONFIGURATIONS:
        history = pd.DataFrame(run.load_history(name))
        assert np.isfinite(history.loss).all()
        assert history.epoch.tolist() == list(range(1, len(history) + 1))
        assert history.fit.is_monotonic_increasing
        assert history.fit.nunique() == (2 if name == "text" else 1)
        assert {"epoch", "loss", "val_loss", "val_mae", "seconds"} <= set(history.columns)
    assert not list(run.directory.glob("state/**/*.npz")), "finished models need no state"


def test_the_fused_model_holds_the_branches_as_they_were_pre_trained(
    run: Run, data: PreparedData
) -> None:
    branches = run.load_model("combined").get_layer(BRANCHES)
    songs = data.songs_of("test")
    reader = run.load_reader("combined")
    inputs = reader.inputs(reader.encode_table(songs))
    text = findings_of(run.load_model("text"), "features", "logit")(inputs)
    image = tf.zeros((len(songs), 256, 1024))
    columns = tf.fill([len(songs)], tf.constant(30_000, tf.int64))
    findings = branches({"spectrogram": image, "columns": columns, **inputs})
    np.testing.assert_allclose(findings["metadata_features"], text["features"], atol=1e-4)
    np.testing.assert_allclose(findings["metadata_logit"], text["logit"], atol=1e-4)


def test_naive_and_pre_trained_models_know_other_words_and_artists(run: Run) -> None:
    naive, pretrained = (run.load_reader(name) for name in ("text_naive", "text"))
    assert naive.tokenizer.vocabulary != pretrained.tokenizer.vocabulary
    assert not naive.discographies.in_large.any()
    assert pretrained.discographies.in_large.any()


def test_models_open_without_this_package(run: Run) -> None:
    path = run.directory / "models" / "combined.keras"
    assert keras.models.load_model(path).name == "fusion_model"


def test_a_finished_run_is_not_trained_again(
    run: Run, data: PreparedData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras.Model, "fit", pytest.fail)
    Trainer(data, run, TINY, SilentConsole()).train(list(CONFIGURATIONS))


def test_a_large_set_that_is_not_there_is_missed_at_once(
    data: PreparedData, tmp_path: Path
) -> None:
    class WithoutLargeSet(PreparedData):
        def metadata_of(self, split: str) -> pd.DataFrame:
            return super().metadata_of(split).iloc[:0]

    small = WithoutLargeSet(data.directory, data.manifest)
    begun = Run.start(tmp_path / "run", small, TINY)
    with pytest.raises(InputError, match=r"larger --tracks table, or .*--approach naive"):
        Trainer(small, begun, TINY, SilentConsole()).train(list(CONFIGURATIONS))
    assert not begun.finished(), "nothing was trained in vain"


def test_a_run_keeps_to_its_data_and_configuration(
    run: Run, data: PreparedData, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="expected a run of this configuration"):
        Run.start(run.directory, data, RunConfig(seed=99))
    changed = {**data.manifest, "fingerprints": {"songs.csv": "other"}}
    with pytest.raises(InputError, match="received another preparation"):
        run.check_data(PreparedData(data.directory, changed))
    with pytest.raises(InputError, match="expected a training run"):
        Run.open(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="found other files"):
        Run.start(tmp_path, data, TINY)


def test_pre_training_needs_rows(data: PreparedData, tmp_path: Path) -> None:
    poor = PreparedData(data.directory, data.manifest)
    poor.__dict__["metadata"] = data.metadata.iloc[:0]
    run = Run.start(tmp_path / "run", poor, TINY)
    with pytest.raises(InputError, match="expected rows to pre-train"):
        Trainer(poor, run, TINY, SilentConsole()).train(["text"])


@pytest.mark.parametrize(
    ("approach", "branch", "names"),
    [
        ("naive", "text", ["text_naive"]),
        ("better", "cnn", ["cnn"]),
        ("both", "combined", ["combined_naive", "combined"]),
        ("better", "all", ["text", "cnn", "combined"]),
    ],
)
def test_configurations_by_approach_and_branch(
    approach: str, branch: str, names: list[str]
) -> None:
    assert configurations(approach, branch) == names


def test_the_head_learns_from_songs_with_parts_hidden_too(run: Run, data: PreparedData) -> None:
    trainer = Trainer(data, run, TINY, SilentConsole())
    branches = run.load_model("combined").get_layer(BRANCHES)
    (features, popularity), (watched, _) = trainer.examples(branches)
    songs = data.songs_of("train")
    passes = WHOLE_PASSES + HIDDEN_PASSES
    assert len(popularity) == passes * len(songs)
    assert len(watched["metadata_logit"]) == len(data.songs_of("validation"))
    whole, hidden = np.split(features["metadata_logit"], [WHOLE_PASSES * len(songs)])
    np.testing.assert_array_equal(whole[: len(songs)], whole[len(songs) : 2 * len(songs)])
    changed = ~np.isin(np.round(hidden, 5), np.round(whole, 5))
    assert changed.mean() > 0.5, "most of these songs miss something"
    for popularity_of_pass in np.split(popularity, passes):
        assert sorted(popularity_of_pass) == sorted(songs.popularity)


def test_intervals_are_as_wide_as_the_validation_songs_ask_for(
    run: Run, data: PreparedData, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = data.songs_of("validation").popularity.to_numpy("float64")
    off = np.arange(8.0)[:, np.newaxis]
    monkeypatch.setattr(stages, "predict_patterns", lambda *_: truth + off)
    monkeypatch.setattr(stages, "half_width", lambda truth, one: np.abs(truth - one).max())
    trainer = Trainer(data, run, TINY, SilentConsole())
    widths = trainer._widths("text", run.load_model("text"))
    np.testing.assert_allclose(widths, off[:, 0])


def test_a_run_of_an_earlier_version_is_to_be_trained_again(run: Run, tmp_path: Path) -> None:
    (tmp_path / "intervals").mkdir()
    (tmp_path / "intervals" / "text.json").write_text('{"coverage": 0.9, "half_width": 20.0}')
    with pytest.raises(InputError, match="train again"):
        Run(tmp_path).half_widths("text")
