"""Which data each configuration is trained on, and what is frozen."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.prepared_data import PreparedData
from pipelines.spectrograms.statistics import STATISTICS
from songpop_tf.models.fusion_model import BRANCHES_LAYER
from songpop_tf.models.popularity_output import feature_extractor
from songpop_tf.training.configurations import CONFIGURATIONS, Configuration, find_configuration
from songpop_tf.training.feature_cache import MASKED_PASSES, UNMASKED_PASSES, cache_features
from songpop_tf.training.inference import predict_split
from songpop_tf.training.run import Run
from songpop_tf.training.trainer import CNN, TEXT, Trainer
from tests.conftest import TINY, SilentConsole, no_progress

COMBINED = Configuration("combined", pretrained=True)


def test_all_configurations_are_trained_and_stored(run: Run) -> None:
    assert run.finished() == list(CONFIGURATIONS)
    assert run.config() == TINY
    for configuration in CONFIGURATIONS:
        history = pd.DataFrame(run.load_history(configuration))
        assert np.isfinite(history.loss).all()
        assert history.epoch.tolist() == list(range(1, len(history) + 1))
        assert history.stage.is_monotonic_increasing
        assert history.stage.nunique() == (2 if configuration == TEXT else 1)
        assert {"epoch", "loss", "val_loss", "val_mae", "seconds"} <= set(history.columns)
    assert not list(run.directory.glob("checkpoints/**/*.npz")), "finished models need none"


def test_fused_model_contains_the_pretrained_branches_unchanged(
    run: Run, data: PreparedData
) -> None:
    branches = run.load_model(COMBINED).get_layer(BRANCHES_LAYER)
    songs = data.songs_of("test")
    preprocessor = run.load_preprocessor(COMBINED)
    inputs = preprocessor.to_model_inputs(preprocessor.tokenize_table(songs))
    text = feature_extractor(run.load_model(TEXT), "features", "logit")(inputs)
    image = tf.zeros((len(songs), 256, 1024))
    columns = tf.fill([len(songs)], tf.constant(30_000, tf.int64))
    statistics = tf.zeros((len(songs), STATISTICS))
    sound = {"spectrogram": image, "columns": columns, "statistics": statistics}
    features = branches({**sound, **inputs})
    np.testing.assert_allclose(features["metadata_features"], text["features"], atol=1e-4)
    np.testing.assert_allclose(features["metadata_logit"], text["logit"], atol=1e-4)


def test_naive_and_pretrained_models_have_their_own_vocabulary_and_history(run: Run) -> None:
    names = ("text_naive", "text")
    naive, pretrained = (run.load_preprocessor(find_configuration(name)) for name in names)
    assert naive.tokenizer.vocabulary != pretrained.tokenizer.vocabulary
    assert not naive.artist_history.is_pretraining.any()
    assert pretrained.artist_history.is_pretraining.any()


def test_stored_models_load_without_this_package(run: Run) -> None:
    path = run.directory / "models" / "combined.keras"
    assert keras.models.load_model(path).name == "fusion_model"


def test_finished_run_is_not_trained_again(
    run: Run, data: PreparedData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras.Model, "fit", pytest.fail)
    Trainer(data, run, TINY, SilentConsole()).train(CONFIGURATIONS)


def test_missing_pretraining_set_is_reported_before_training(
    data: PreparedData, tmp_path: Path
) -> None:
    class WithoutPretrainingSet(PreparedData):
        def metadata_of(self, split: str) -> pd.DataFrame:
            return super().metadata_of(split).iloc[:0]

    small = WithoutPretrainingSet(data.directory, data.manifest)
    run = Run.start(tmp_path / "run", small, TINY)
    with pytest.raises(InputError, match=r"larger --tracks table, or .*--approach naive"):
        Trainer(small, run, TINY, SilentConsole()).train(CONFIGURATIONS)
    assert not run.finished(), "nothing was trained in vain"


def test_pretraining_needs_rows(data: PreparedData, tmp_path: Path) -> None:
    empty = PreparedData(data.directory, data.manifest)
    empty.__dict__["metadata"] = data.metadata.iloc[:0]
    run = Run.start(tmp_path / "run", empty, TINY)
    with pytest.raises(InputError, match="expected rows to pre-train"):
        Trainer(empty, run, TINY, SilentConsole()).train([TEXT])


def test_head_also_learns_from_masked_songs(run: Run, data: PreparedData) -> None:
    branches = run.load_model(COMBINED).get_layer(BRANCHES_LAYER)
    preprocessor = run.load_preprocessor(COMBINED)
    (features, popularity), (validation, _) = cache_features(
        branches, preprocessor, data, TINY, no_progress
    )
    songs = data.songs_of("train")
    passes = UNMASKED_PASSES + MASKED_PASSES
    assert len(popularity) == passes * len(songs)
    assert len(validation["metadata_logit"]) == len(data.songs_of("validation"))
    unmasked, masked = np.split(features["metadata_logit"], [UNMASKED_PASSES * len(songs)])
    np.testing.assert_array_equal(unmasked[: len(songs)], unmasked[len(songs) : 2 * len(songs)])
    changed = ~np.isin(np.round(masked, 5), np.round(unmasked, 5))
    assert changed.mean() > 0.5, "most of these songs lack something"
    for popularity_of_pass in np.split(popularity, passes):
        assert sorted(popularity_of_pass) == sorted(songs.popularity)


def test_logs_and_callbacks_of_every_stage(data: PreparedData, tmp_path: Path) -> None:
    stages: list[str] = []

    def record(stage: str) -> list[keras.callbacks.Callback]:
        stages.append(stage)
        return []

    run = Run.start(tmp_path / "run", data, TINY)
    trainer = Trainer(
        data, run, TINY, SilentConsole(), callbacks=record, log_dir=tmp_path / "tensorboard"
    )
    trainer.train([TEXT])
    assert stages == ["text/pretraining", "text/finetuning"]
    folders = {path.name for path in (tmp_path / "tensorboard").iterdir()}
    assert folders == {"text_pretraining", "text_finetuning", "artists"}
    assert CNN not in run.finished()


def test_mixed_precision_trains_models_that_compute_in_full_precision(
    data: PreparedData, tmp_path: Path
) -> None:
    config, naive = replace(TINY, mixed_precision=True), Configuration("combined", pretrained=False)
    run = Run.start(tmp_path / "run", data, config)
    trainer = Trainer(data, run, config, SilentConsole())

    def feature_dtypes(model: keras.Model) -> set[str]:
        return {tensor.dtype for tensor in model.get_layer(BRANCHES_LAYER).output.values()}

    assert "bfloat16" in feature_dtypes(trainer.build(naive))
    assert keras.config.dtype_policy().name == "float32", "of other models"
    trainer.train([naive])
    model = run.load_model(naive)
    assert feature_dtypes(model) == {"float32"}
    assert np.isfinite(predict_split(naive, model, run, data, "test")).all()
    assert run.load_history(naive)[-1]["val_loss"] > 0
