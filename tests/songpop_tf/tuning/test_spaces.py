"""What a search may change: every value is a setting, and the defaults are the base's."""

import dataclasses
import tomllib

import keras_tuner
import pytest
import tomli_w

from songpop_tf.config import (
    AugmentationConfig,
    FitConfig,
    MetadataEncoderConfig,
    RunConfig,
    SpectrogramCNNConfig,
    config_from_dict,
)
from songpop_tf.training.run import BRANCHES
from songpop_tf.tuning.spaces import EPOCHS, configured
from tests.conftest import TINY

STRANGE = RunConfig(
    augmentation=AugmentationConfig(noise_stddev=0.3, time_mask=7),
    cnn=SpectrogramCNNConfig(filters=(5, 6, 7), bands=16, kernel_size=9, dropout=0.9),
    metadata=MetadataEncoderConfig(heads=3, width=33, text_features=5, text_dropout=0.0),
    sound_weight=0.0,
    head_fit=FitConfig(learning_rate=1.0, epochs=1, batch_size=1, patience=1, weight_decay=0.0),
)
DERIVED = {"cnn.depth", "cnn.first_filters", "cnn.last_filters", "metadata.width_per_head"}


def explored(branch: str, base: RunConfig) -> keras_tuner.HyperParameters:
    hp = keras_tuner.HyperParameters()
    configured(branch, hp, base)
    return hp


@pytest.mark.parametrize("base", [RunConfig(), TINY, STRANGE], ids=["default", "tiny", "strange"])
@pytest.mark.parametrize("branch", BRANCHES)
def test_the_defaults_are_the_base_configuration(branch: str, base: RunConfig) -> None:
    assert configured(branch, explored(branch, base), base) == base


@pytest.mark.parametrize("base", [RunConfig(), STRANGE], ids=["default", "strange"])
@pytest.mark.parametrize("branch", BRANCHES)
def test_any_values_make_a_configuration_that_toml_keeps(branch: str, base: RunConfig) -> None:
    space = explored(branch, base).space
    for seed in range(200):
        hp = keras_tuner.HyperParameters()
        hp.values = {
            one.name: one.random_sample(seed * len(space) + i) for i, one in enumerate(space)
        }
        config = configured(branch, hp, base)
        stored = tomllib.loads(tomli_w.dumps(dataclasses.asdict(config)))
        assert config_from_dict(stored) == config


@pytest.mark.parametrize("branch", BRANCHES)
def test_hyperparameters_are_named_as_settings(branch: str) -> None:
    settings = dataclasses.asdict(RunConfig())
    for one in explored(branch, RunConfig()).space:
        if one.name in DERIVED:
            continue
        place = settings
        for word in one.name.split("."):
            place = place[word]
        assert place == one.default


def test_rates_sizes_epochs_and_architectures_are_searched() -> None:
    names = {
        branch: {one.name for one in explored(branch, RunConfig()).space} for branch in BRANCHES
    }
    for branch, fit in (("text", "text_songs_fit"), ("cnn", "cnn_fit"), ("combined", "head_fit")):
        wanted = {f"{fit}.{what}" for what in ("learning_rate", "batch_size", "epochs")}
        assert wanted <= names[branch]
    assert {"metadata.layers", "metadata.heads", "metadata.width_per_head"} <= names["text"]
    assert {"cnn.depth", "cnn.first_filters", "cnn.dropout"} <= names["cnn"]
    assert {"augmentation.noise_stddev", "augmentation.time_mask"} <= names["cnn"]


def test_a_preset_keeps_its_shape() -> None:
    base = RunConfig(metadata=MetadataEncoderConfig(preset="some"))
    names = {one.name for one in explored("text", base).space}
    assert "metadata.layers" in names
    assert not names & {"metadata.heads", "metadata.width_per_head"}


def test_hyperband_says_how_long_a_trial_trains() -> None:
    hp = keras_tuner.HyperParameters()
    config = configured("cnn", hp, RunConfig(), epochs_given=True)
    assert config == RunConfig()
    assert "cnn_fit.epochs" not in hp.values
    hp.values[EPOCHS] = 3
    assert configured("cnn", hp, RunConfig(), epochs_given=True).cnn_fit.epochs == 3
