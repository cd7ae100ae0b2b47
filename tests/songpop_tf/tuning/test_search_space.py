"""The search space: every value is a setting, and the defaults are those of the base."""

import dataclasses
import tomllib

import keras_tuner
import pytest
import tomli_w

from pipelines.config import AugmentationConfig
from songpop_tf.config import (
    FitConfig,
    MetadataEncoderConfig,
    RunConfig,
    SpectrogramCNNConfig,
    config_from_dict,
)
from songpop_tf.training.configurations import BRANCHES
from songpop_tf.tuning.search_space import EPOCHS, apply_hyperparameters
from tests.conftest import TINY

OUTSIDE_RANGES = RunConfig(
    augmentation=AugmentationConfig(noise_stddev=0.3, time_mask=7),
    cnn=SpectrogramCNNConfig(filters=(5, 6, 7), bands=16, kernel_size=9, dropout=0.9),
    metadata=MetadataEncoderConfig(heads=3, width=33, text_features=5, text_dropout=0.0),
    auxiliary_weight=0.0,
    head_fit=FitConfig(learning_rate=1.0, epochs=1, batch_size=1, patience=1, weight_decay=0.0),
)
DERIVED = {"cnn.depth", "cnn.first_filters", "cnn.last_filters", "metadata.width_per_head"}


def declared(branch: str, base: RunConfig) -> keras_tuner.HyperParameters:
    """The search space of a branch."""
    hp = keras_tuner.HyperParameters()
    apply_hyperparameters(branch, hp, base)
    return hp


def names_of(branch: str, base: RunConfig) -> set[str]:
    return {hyperparameter.name for hyperparameter in declared(branch, base).space}


@pytest.mark.parametrize(
    "base", [RunConfig(), TINY, OUTSIDE_RANGES], ids=["default", "tiny", "outside_ranges"]
)
@pytest.mark.parametrize("branch", BRANCHES)
def test_defaults_are_the_base_configuration(branch: str, base: RunConfig) -> None:
    assert apply_hyperparameters(branch, declared(branch, base), base) == base


@pytest.mark.parametrize("base", [RunConfig(), OUTSIDE_RANGES], ids=["default", "outside_ranges"])
@pytest.mark.parametrize("branch", BRANCHES)
def test_random_values_give_a_configuration_that_toml_preserves(
    branch: str, base: RunConfig
) -> None:
    space = declared(branch, base).space
    for seed in range(200):
        hp = keras_tuner.HyperParameters()
        hp.values = {
            hyperparameter.name: hyperparameter.random_sample(seed * len(space) + i)
            for i, hyperparameter in enumerate(space)
        }
        config = apply_hyperparameters(branch, hp, base)
        stored = tomllib.loads(tomli_w.dumps(dataclasses.asdict(config)))
        assert config_from_dict(stored) == config


@pytest.mark.parametrize("branch", BRANCHES)
def test_hyperparameters_have_the_names_of_settings(branch: str) -> None:
    settings = dataclasses.asdict(RunConfig())
    for hyperparameter in declared(branch, RunConfig()).space:
        if hyperparameter.name in DERIVED:
            continue
        setting = settings
        for key in hyperparameter.name.split("."):
            setting = setting[key]
        assert setting == hyperparameter.default


def test_fits_architectures_and_augmentation_are_searched() -> None:
    names = {branch: names_of(branch, RunConfig()) for branch in BRANCHES}
    for branch, fit in (
        ("text", "text_finetuning_fit"),
        ("cnn", "cnn_fit"),
        ("combined", "head_fit"),
    ):
        settings = {f"{fit}.{name}" for name in ("learning_rate", "batch_size", "epochs")}
        assert settings <= names[branch]
    assert {"metadata.layers", "metadata.heads", "metadata.width_per_head"} <= names["text"]
    assert {"cnn.depth", "cnn.first_filters", "cnn.dropout"} <= names["cnn"]
    assert {"augmentation.noise_stddev", "augmentation.time_mask"} <= names["cnn"]


def test_heads_and_width_of_a_preset_are_not_searched() -> None:
    names = names_of("text", RunConfig(metadata=MetadataEncoderConfig(preset="some")))
    assert "metadata.layers" in names
    assert not names & {"metadata.heads", "metadata.width_per_head"}


def test_oracle_sets_the_epochs_of_hyperband() -> None:
    hp = keras_tuner.HyperParameters()
    config = apply_hyperparameters("cnn", hp, RunConfig(), oracle_sets_epochs=True)
    assert config == RunConfig()
    assert "cnn_fit.epochs" not in hp.values
    hp.values[EPOCHS] = 3
    config = apply_hyperparameters("cnn", hp, RunConfig(), oracle_sets_epochs=True)
    assert config.cnn_fit.epochs == 3
