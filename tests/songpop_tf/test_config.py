"""Configuration files in TOML."""

from pathlib import Path

import pytest

from pipelines.errors import InputError
from songpop_tf.config import FitConfig, RunConfig, load_config, save_config


def test_saved_configuration_is_loaded_unchanged(tmp_path: Path) -> None:
    config = RunConfig(seed=3, cnn_fit=FitConfig(0.5, epochs=2, batch_size=3, patience=1))
    save_config(config, tmp_path / "config.toml")
    assert load_config(tmp_path / "config.toml") == config


def test_settings_that_are_not_in_the_file_keep_their_default(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("seed = 7\n[augmentation]\npatches = 0\n[cnn]\nfilters = [8, 8]\n")
    config = load_config(path)
    assert (config.seed, config.augmentation.patches, config.cnn.filters) == (7, 0, (8, 8))
    assert config.augmentation.noise_stddev == RunConfig().augmentation.noise_stddev
    assert config.text_pretraining_fit == RunConfig().text_pretraining_fit


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("seed = ", "expected TOML"),
        ("sead = 1", "sead"),
        ("[cnn]\nfilterz = [1]", "filterz"),
        ("[cnn]\ndropout = 'much'", "much"),
        ("[cnn]\nfilters = 64", "filters"),
        ("[cnn]\ndropout = 1.5", "dropout: expected at least 0 and below 1, received 1.5"),
        ("[text_pretraining_fit]\nepochs = 0", "epochs: expected 1 or more, received 0"),
        ("[text_pretraining_fit]\nlearning_rate = -1.0", "learning_rate"),
        ("[metadata]\nwidth = 30\nheads = 4", "a multiple of 4 heads"),
        ("[metadata]\nfreeze_backbone = true", "random weights must be trained"),
        ("[augmentation]\npatch_probability = 2.0", "patch_probability"),
    ],
)
def test_invalid_files_are_refused_with_a_reason(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(InputError, match="config.toml") as error:
        load_config(path)
    assert reason in str(error.value)


def test_error_names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing.toml: expected a TOML file"):
        load_config(tmp_path / "missing.toml")


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
def test_impossible_values_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(InputError, match="config.toml"):
        load_config(path)


def test_integer_is_accepted_for_a_float(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[cnn]\ndropout = 0\n")
    assert load_config(path).cnn.dropout == 0.0


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_file_of_a_windows_editor_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes("# Größe\r\nseed = 3\r\n".encode(encoding))
    assert load_config(path).seed == 3


def test_file_that_is_no_utf8_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes("# Größe\nseed = 3\n".encode("cp1252"))
    with pytest.raises(InputError, match=r"config\.toml: expected TOML in UTF-8.*save it as UTF-8"):
        load_config(path)
    with pytest.raises(InputError, match="expected a TOML file, received: Is a directory"):
        load_config(tmp_path)
