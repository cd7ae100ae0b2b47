"""The logs of a stage, and how TensorBoard shows them."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import requests

from songpop_tf.training.callbacks import tensorboard as tensorboard_module
from songpop_tf.training.callbacks.hparams import write_experiment, write_trial
from tests.conftest import TINY
from tests.songpop_tf.training.callbacks.stage import (
    BATCH_SIZE,
    EPOCHS,
    IMAGE_EPOCHS,
    IMAGES,
    SCALARS,
    examples,
    images,
    load_events,
    scalars,
    songs,
    train_stage,
)
from tests.songpop_tf.training.callbacks.test_projector import write_projector
from tests.songpop_tf.training.regression import RecordingConsole


@pytest.mark.parametrize("auxiliary", [False, True])
def test_every_stage_has_the_same_tags_and_its_history_s_values(
    tmp_path: Path, auxiliary: bool
) -> None:
    history = train_stage(tmp_path, "text_finetuning", auxiliary=auxiliary)
    runs = tmp_path / "tensorboard" / "text_finetuning"
    assert sorted(path.name for path in runs.iterdir()) == ["training", "validation"]
    for run, keys in SCALARS.items():
        assert set(load_events(runs / run).Tags()["tensors"]) == {*keys, *IMAGES[run]}
        for tag, key in keys.items():
            expected = {entry["epoch"]: entry[key] for entry in history}
            assert scalars(runs / run, tag) == pytest.approx(expected, rel=1e-6)


def test_images_are_written_first_every_fifth_and_last_epoch(tmp_path: Path) -> None:
    train_stage(tmp_path)
    for run, tags in IMAGES.items():
        for tag in tags:
            by_epoch = images(tmp_path / "tensorboard" / "cnn" / run, tag)
            assert list(by_epoch) == IMAGE_EPOCHS
            for image in by_epoch.values():
                height, width, _ = image.shape
                assert 250 < height <= width < 1000
                assert len(np.unique(image)) > 50, "the image is not blank"


def test_images_show_the_model_s_predictions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictions: list[np.ndarray] = []

    def record(table: pd.DataFrame, predicted: np.ndarray, heading: str) -> dict[str, Any]:
        predictions.append(predicted)
        return {}

    monkeypatch.setattr(tensorboard_module, "prediction_images", record)
    history = train_stage(tmp_path)
    truth = songs().popularity.to_numpy()
    mse = [((truth - predicted) ** 2).mean() for predicted in predictions]
    expected = [history[epoch - 1]["val_loss"] for epoch in IMAGE_EPOCHS]
    assert mse == pytest.approx(expected, rel=1e-4)


def test_large_validation_table_is_subsampled_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorboard_module, "MAX_IMAGE_ROWS", 10)
    dataset, rows = tensorboard_module._subsample(examples(), songs())
    popularity = np.concatenate([batch for _, batch in dataset.as_numpy_iterator()])
    np.testing.assert_array_equal(popularity, rows.popularity)
    assert rows.index.tolist() == list(range(BATCH_SIZE)), "every third of three batches"


def test_resumed_stage_writes_no_epoch_twice(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train_stage(tmp_path, console=RecordingConsole(interrupt_at_line=6))
    run = tmp_path / "tensorboard" / "cnn" / "validation"
    assert list(scalars(run, "mse")) == [1, 2, 3, 4, 5], "what was written is on disk"
    history = train_stage(tmp_path)
    assert len(history) == EPOCHS
    # Epoch 6 was in the checkpoint when its console line was interrupted, but not yet in the logs.
    assert list(scalars(run, "mse")) == [1, 2, 3, 4, 5, 7]
    assert list(images(run, "predictions/error_by_decade")) == IMAGE_EPOCHS
    train_stage(tmp_path)
    assert list(scalars(run, "mse")) == [1, 2, 3, 4, 5, 7], "a finished stage writes no more"


def test_histograms_of_the_trainable_weights(tmp_path: Path) -> None:
    train_stage(tmp_path, histograms=True)
    tags = load_events(tmp_path / "tensorboard" / "cnn" / "training").Tags()["tensors"]
    assert sum(tag.startswith("weights/") for tag in tags) == 2
    inputs = keras.Input((3,))
    inner = keras.Model(inputs, keras.layers.Dense(2, name="same")(inputs), name="inner")
    frozen = keras.layers.Dense(2, trainable=False)(inner(inputs))
    outer = keras.Model(inputs, keras.layers.Dense(1, name="same")(frozen))
    names = [name for name, _ in tensorboard_module.trained_weights(outer)]
    assert names == ["inner/same/kernel", "inner/same/bias", "same/kernel", "same/bias"]


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """All that is ever written: a stage, artist embeddings, and a search of two trials."""
    train_stage(tmp_path, histograms=True)
    directory = tmp_path / "tensorboard"
    write_projector(directory / "artists")
    choices = {"metadata.preset": ["", "Beyoncé"], "cnn_fit.learning_rate": [1e-4, 1e-2]}
    write_experiment(directory, choices, ["validation_mse"])
    for number, preset in enumerate(choices["metadata.preset"]):
        values = {"metadata.preset": preset, "cnn_fit.learning_rate": 1e-3}
        write_trial(directory / f"trial_{number}", values, "validation_mse", 300.0 + number)
    return Path(shutil.move(directory, tmp_path / "logs"))


def test_tensorboard_serves_everything(logs: Path, tmp_path: Path) -> None:
    with tensorboard_server(logs, tmp_path / "log.txt") as get:
        tags = get("scalars/tags")
        assert set(tags["cnn/training"]) == set(SCALARS["training"])
        assert set(tags["cnn/validation"]) == set(SCALARS["validation"])
        assert "points²" in tags["cnn/validation"]["mse"]["description"]
        assert set(tags["trial_0"]) == {"validation_mse"}
        curve = get("scalars/scalars?run=cnn/validation&tag=mse")
        assert [step for _, step, _ in curve] == list(range(1, EPOCHS + 1))
        for run, image_tags in IMAGES.items():
            assert set(get("images/tags")[f"cnn/{run}"]) == set(image_tags)
        spectrograms = get("images/images?run=cnn/training&tag=spectrograms&sample=0")
        assert len(spectrograms) == len(IMAGE_EPOCHS)
        assert len(get("histograms/tags")["cnn/training"]) == 2
        assert "Projector" in get("text/text?run=artists&tag=artists")[0]["text"]
        assert get("projector/runs") == ["artists"]
        (embedding,) = get("projector/info?run=artists")["embeddings"]
        assert embedding["tensorShape"] == [5, TINY.metadata.features]
        experiment = get("hparams/experiment", {"experimentName": "", "includeMetrics": True})
        columns = {info["name"]: info for info in experiment["hparamInfos"]}
        assert columns["metadata.preset"]["domainDiscrete"] == ["", "Beyoncé"]
        assert columns["cnn_fit.learning_rate"]["domainInterval"] == {
            "minValue": 1e-4,
            "maxValue": 1e-2,
        }
        metric_tags = [info["name"]["tag"] for info in experiment["metricInfos"]]
        assert metric_tags == ["validation_mse"]
        request = {
            "experimentName": "",
            "allowedStatuses": ["STATUS_SUCCESS"],
            "colParams": [{"metric": {"group": "", "tag": "validation_mse"}, "order": "ORDER_ASC"}],
            "startIndex": 0,
            "sliceSize": 10,
        }
        groups = get("hparams/session_groups", request)["sessionGroups"]
        assert [group["name"] for group in groups] == ["trial_0", "trial_1"]
        assert groups[1]["hparams"]["metadata.preset"] == "Beyoncé"
        assert groups[1]["metricValues"][0]["value"] == 301.0


@contextmanager
def tensorboard_server(logs: Path, log: Path) -> Iterator[Callable[..., Any]]:
    """Start TensorBoard; yields a function that requests a plugin's route, maybe with a body."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logs), "--port", "0"]
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as server:
        try:
            root = wait_for(lambda: re.search(r"http://\S+:\d+/", log.read_text()))[0]
            get = partial(request_json, f"{root}data/plugin/")
            wait_for(lambda: len(get("scalars/tags")) == 4 and get("projector/runs"))
            yield get
        finally:
            server.terminate()


def wait_for(condition: Callable[[], Any], seconds: float = 120) -> Any:
    """The first true value of ``condition``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.2)
    raise TimeoutError(f"expected a true condition within {seconds:.0f} s")


def request_json(plugins: str, path: str, body: dict[str, Any] | None = None) -> Any:
    method = "GET" if body is None else "POST"
    response = requests.request(method, plugins + path, json=body, timeout=60)
    response.raise_for_status()
    return response.json()
