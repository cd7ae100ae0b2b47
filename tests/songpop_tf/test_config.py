"""Configuration files."""

from pathlib import Path

import pytest

from pipelines.errors import InputError
from songpop_tf.config import FitConfig, RunConfig, load_config, save_config


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    config = RunConfig(seed=3, cnn_fit=FitConfig(0.5, epochs=2, batch_size=3, patience=1))
    save_config(config, tmp_path / "config.toml")
    assert load_config(tmp_path / "config.toml") == config


def test_what_is_not_named_keeps_its_default(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("seed = 7\n[augmentation]\npatches = 0\n[cnn]\nfilters = [8, 8]\n")
    config = load_config(path)
    assert (config.seed, config.augmentation.patches, config.cnn.filters) == (7, 0, (8, 8))
    assert config.augmentation.noise_stddev == RunConfig().augmentation.noise_stddev
    assert config.text_fit == RunConfig().text_fit


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("seed = ", "expected TOML"),
        ("sead = 1", "sead"),
        ("[cnn]\nfilterz = [1]", "filterz"),
        ("[cnn]\ndropout = 'much'", "much"),
        ("[cnn]\nfilters = 64", "filters"),
        ("[cnn]\ndropout = 1.5", "dropout: expected 0 up to 1, received 1.5"),
        ("[text_fit]\nepochs = 0", "epochs: expected 1 or more, received 0"),
        ("[text_fit]\nlearning_rate = -1.0", "learning_rate"),
        ("[metadata]\nwidth = 30\nheads = 4", "a multiple of 4 heads"),
        ("[metadata]\nfreeze_backbone = true", "random weights must learn"),
        ("[augmentation]\npatch_probability = 2.0", "patch_probability"),
    ],
)
def test_wrong_files_are_refused_in_one_line(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(InputError, match="config.toml") as error:
        load_config(path)
    assert reason in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing.toml: expected a TOML file"):
        load_config(tmp_path / "nothing.toml")


@pytest.mark.parametrize(
    "text",
    [
        "seed = -1",
        "[metadata]\nheads = 0",
        "[metadata]\nlayers = 0",
        "[cnn]\nfilters = [0]",
        "[cnn]\nkernel_size = 0",
        "[cnn]\ndropout = '0.5'",
        "[cnn]\nfilters = ['8']",
        "[fusion]\nhidden = 'all'",
    ],
)
def test_values_that_no_model_can_have_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(InputError, match="config.toml"):
        load_config(path)


def test_a_whole_number_stands_for_a_fraction(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[cnn]\ndropout = 0\n")
    assert load_config(path).cnn.dropout == 0.0
