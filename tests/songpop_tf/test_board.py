"""What is written for TensorBoard, and what TensorBoard makes of it."""

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
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator, TensorEvent
from tensorboard.plugins.hparams import metadata as hparams_metadata

from pipelines.discographies import Discographies
from pipelines.metadata import MetadataReader
from pipelines.tokens import MetadataTokenizer, learn_vocabulary
from songpop_tf.board import board as board_module
from songpop_tf.board.board import Board
from songpop_tf.board.hparams import write_experiment, write_hparams
from songpop_tf.board.projector import most_frequent
from songpop_tf.config import FitConfig
from songpop_tf.models import metadata_encoder
from songpop_tf.models.output import FEATURES, findings_of
from songpop_tf.training.fit import fit
from tests.conftest import TINY, SilentConsole

SONGS, BATCH, EPOCHS = 24, 8, 7
SHOWN = [1, 5, 7]
CONFIG = FitConfig(learning_rate=0.01, epochs=EPOCHS, batch_size=BATCH, patience=EPOCHS)
SCALARS = {
    "training": {"mse": "loss", "learning_rate": "learning_rate", "songs_per_second": ""},
    "validation": {"mse": "val_loss", "mae": "val_mae"},
}
PICTURES = {
    "training": ["spectrograms"],
    "validation": ["predictions/against_true", "predictions/error_by_decade"],
}


class Interrupted(SilentConsole):
    """A console that is stopped at the line of some epoch."""

    def __init__(self, epoch: int) -> None:
        self._lines_left = epoch

    def say(self, text: str) -> None:
        del text
        self._lines_left -= 1
        if not self._lines_left:
            raise KeyboardInterrupt


def songs() -> pd.DataFrame:
    numbers = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "artist": [f"Artist {number % 5}" for number in range(SONGS)],
            "title": [f"Song {number}" for number in range(SONGS)],
            "year": numbers.integers(1960, 2020, SONGS) * (numbers.uniform(size=SONGS) > 0.1),
            "popularity": numbers.uniform(0, 100, SONGS).round(),
            "in_large": 0,
        }
    )


def examples(*, sound: bool = False) -> tf.data.Dataset:
    popularity = songs().popularity.to_numpy("float32")
    images = np.random.default_rng(1).uniform(0, 255, (SONGS, 16, 32)).astype("float32")
    targets = {"popularity": popularity, "sound": np.zeros((SONGS, 2), "float32")}
    inputs = {"spectrogram": images, "columns": np.full(SONGS, 3000)}
    rows = (inputs, targets if sound else popularity)
    return tf.data.Dataset.from_tensor_slices(rows).batch(BATCH)


def model(*, sound: bool = False) -> keras.Model:
    keras.utils.set_random_seed(0)
    image = keras.Input((16, 32), name="spectrogram")
    columns = keras.Input((), name="columns")
    features = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    popularity = keras.layers.Dense(1, bias_initializer=keras.initializers.Constant(50.0))(features)
    answers = {"popularity": popularity, "sound": keras.layers.Dense(2)(features)}
    return keras.Model({"spectrogram": image, "columns": columns}, answers if sound else popularity)


def watched_fit(
    board: Board,
    directory: Path,
    stage: str = "cnn",
    *,
    sound: bool = False,
    console: SilentConsole | None = None,
) -> tuple[keras.Model, list[dict[str, float]]]:
    made, rows = model(sound=sound), examples(sound=sound)
    steps = SONGS // BATCH

    def train(epoch: int) -> tf.data.Dataset:
        return rows.repeat().skip(epoch * steps)

    history = fit(
        made,
        train,
        steps,
        rows,
        CONFIG,
        directory / "state.npz",
        stage,
        console or SilentConsole(),
        weights={"sound": 1.0},
        watchers=[board.watch(stage, train, rows, songs())],
    )
    return made, history


def read(run: Path) -> EventAccumulator:
    return EventAccumulator(str(run), size_guidance={"tensors": 0}).Reload()


def events_of(run: Path, tag: str) -> list[TensorEvent]:
    """As they were written: of two files begun in the same second the later may be read first."""
    return sorted(read(run).Tensors(tag), key=lambda event: event.wall_time)


def scalars(run: Path, tag: str) -> dict[int, float]:
    """By step; a step that was written twice fails."""
    events = events_of(run, tag)
    steps = [event.step for event in events]
    assert sorted(set(steps)) == steps
    return {event.step: float(tf.make_ndarray(event.tensor_proto)) for event in events}


def pictures(run: Path, tag: str) -> dict[int, np.ndarray]:
    """The image of each step, as TensorBoard serves it."""
    found = {}
    for event in events_of(run, tag):
        width, height, png = tf.make_ndarray(event.tensor_proto)
        found[event.step] = tf.io.decode_png(png).numpy()
        assert found[event.step].shape == (int(height), int(width), 3)
    return found


@pytest.mark.parametrize("sound", [False, True])
def test_every_stage_has_the_same_tags_and_the_values_of_its_history(
    tmp_path: Path, sound: bool
) -> None:
    board = Board(tmp_path / "board")
    _, history = watched_fit(board, tmp_path, "text/songs", sound=sound)
    runs = tmp_path / "board" / "text_songs"
    assert sorted(path.name for path in runs.iterdir()) == ["training", "validation"]
    for run, keys in SCALARS.items():
        assert set(read(runs / run).Tags()["tensors"]) == {*keys, *PICTURES[run]}
        for tag, key in keys.items():
            expected = {entry["epoch"]: entry[key or tag] for entry in history}
            assert scalars(runs / run, tag) == pytest.approx(expected, rel=1e-6)


def test_pictures_come_first_every_fifth_and_last(tmp_path: Path) -> None:
    watched_fit(Board(tmp_path / "board"), tmp_path)
    for run, tags in PICTURES.items():
        for tag in tags:
            found = pictures(tmp_path / "board" / "cnn" / run, tag)
            assert list(found) == SHOWN
            for image in found.values():
                height, width, _ = image.shape
                assert 250 < height <= width < 1000
                assert len(np.unique(image)) > 50, "there is something on it"


def test_the_pictures_show_what_the_model_predicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[np.ndarray] = []

    def remember(songs: pd.DataFrame, predicted: np.ndarray, heading: str) -> dict[str, Any]:
        shown.append(predicted)
        return {}

    monkeypatch.setattr(board_module, "prediction_pictures", remember)
    _, history = watched_fit(Board(tmp_path / "board"), tmp_path)
    truth = songs().popularity.to_numpy()
    measured = [((truth - predicted) ** 2).mean() for predicted in shown]
    expected = [history[epoch - 1]["val_loss"] for epoch in SHOWN]
    assert measured == pytest.approx(expected, rel=1e-4)


def test_of_a_large_table_an_even_part_is_predicted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "MOST_ROWS", 10)
    sample, rows = board_module._evenly_spread(examples(), songs())
    found = np.concatenate([popularity for _, popularity in sample.as_numpy_iterator()])
    np.testing.assert_array_equal(found, rows.popularity)
    assert rows.index.tolist() == list(range(BATCH)), "every third of three batches"


def test_what_goes_on_after_an_interruption_is_not_doubled(tmp_path: Path) -> None:
    board = Board(tmp_path / "board")
    with pytest.raises(KeyboardInterrupt):
        watched_fit(board, tmp_path, console=Interrupted(6))
    run = tmp_path / "board" / "cnn" / "validation"
    assert list(scalars(run, "mse")) == [1, 2, 3, 4, 5], "what was told is on disk"
    _, history = watched_fit(board, tmp_path)
    assert len(history) == EPOCHS
    # The sixth epoch was safe on disk when its line was interrupted, but had not been watched.
    assert list(scalars(run, "mse")) == [1, 2, 3, 4, 5, 7]
    assert list(pictures(run, "predictions/error_by_decade")) == SHOWN
    watched_fit(board, tmp_path)
    assert list(scalars(run, "mse")) == [1, 2, 3, 4, 5, 7], "a finished fit writes no more"


def test_histograms_are_of_the_weights_that_are_trained(tmp_path: Path) -> None:
    watched_fit(Board(tmp_path / "board", histograms=True), tmp_path)
    tags = read(tmp_path / "board" / "cnn" / "training").Tags()["tensors"]
    assert sum(tag.startswith("weights/") for tag in tags) == 2
    inputs = keras.Input((3,))
    inner = keras.Model(inputs, keras.layers.Dense(2, name="same")(inputs), name="inner")
    frozen = keras.layers.Dense(2, trainable=False)(inner(inputs))
    outer = keras.Model(inputs, keras.layers.Dense(1, name="same")(frozen))
    names = [name for name, _ in board_module._trained_weights(outer)]
    assert names == ["inner/same/kernel", "inner/same/bias", "same/kernel", "same/bias"]


@pytest.fixture(scope="module")
def artists(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, MetadataReader, keras.Model]:
    """The Projector's files of an untrained encoder, and what they were made with."""
    table = songs()
    tokenizer = MetadataTokenizer(learn_vocabulary(table, 300), TINY.metadata.tokens)
    reader = MetadataReader(tokenizer, Discographies.of(table))
    encoder = metadata_encoder(len(tokenizer.vocabulary), TINY.metadata)
    board = Board(tmp_path_factory.mktemp("board"))
    board.write_artists(table, reader, encoder)
    return board.directory, reader, encoder


def test_the_projector_shows_what_the_encoder_thinks_of_artists(
    artists: tuple[Path, MetadataReader, keras.Model],
) -> None:
    directory, reader, encoder = artists
    table = pd.read_csv(directory / "artists" / "metadata.tsv", sep="\t")
    assert table.columns.tolist() == ["artist", "songs", "mean popularity", "median year"]
    assert table.artist.tolist() == [f"Artist {number}" for number in range(5)]
    assert table.songs.tolist() == [5, 5, 5, 5, 4]
    tensor = np.loadtxt(directory / "artists" / "tensor.tsv", delimiter="\t")
    assert tensor.shape == (5, TINY.metadata.features)
    inputs = reader(tf.constant(table.artist.tolist()), tf.fill([5], ""), tf.fill([5], 0))
    expected = findings_of(encoder, FEATURES)(inputs)[FEATURES]
    np.testing.assert_allclose(tensor, expected, rtol=1e-3, atol=1e-4)


def test_artists_come_by_how_many_songs_they_have() -> None:
    table = pd.DataFrame(
        {
            "artist": ["B", "A", "A", "", "C"],
            "popularity": [10.0, 20.0, 40.0, 90.0, 50.0],
            "year": [1990, 0, 1980, 2000, 0],
        }
    )
    found = most_frequent(table)
    assert found.artist.tolist() == ["A", "B", "C"]
    assert found["mean popularity"].tolist() == [30.0, 10.0, 50.0]
    assert found["median year"].tolist()[:2] == [1980, 1990]
    assert np.isnan(found["median year"].iloc[2]), "no song of theirs has a year"


def test_a_trial_written_again_takes_its_own_place(tmp_path: Path) -> None:
    for mse in (300.0, 200.0):
        write_hparams(tmp_path / "0", {"cnn.bands": 64}, {"validation_mse": mse})
    assert scalars(tmp_path / "0", "validation_mse") == {0: 200.0}
    stored = read(tmp_path / "0").summary_metadata[hparams_metadata.SESSION_START_INFO_TAG]
    started = hparams_metadata.parse_session_start_info_plugin_data(stored.plugin_data.content)
    assert started.hparams["cnn.bands"].number_value == 64


def test_an_experiment_needs_choices(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cnn\.bands: expected one value or more, received none"):
        write_experiment(tmp_path, {"cnn.bands": []}, ["validation_mse"])


@pytest.fixture
def logs(tmp_path: Path, artists: tuple[Path, MetadataReader, keras.Model]) -> Path:
    """A folder with all that is ever written: a stage, artists, and a search of two trials."""
    directory = tmp_path / "logs"
    watched_fit(Board(directory, histograms=True), tmp_path)
    shutil.copytree(artists[0] / "artists", directory / "artists")
    choices = {"metadata.preset": ["", "Beyoncé"], "cnn_fit.learning_rate": [1e-4, 1e-2]}
    write_experiment(directory, choices, ["validation_mse"])
    for number, preset in enumerate(choices["metadata.preset"]):
        values = {"metadata.preset": preset, "cnn_fit.learning_rate": 1e-3}
        write_hparams(directory / f"trial_{number}", values, {"validation_mse": 300.0 + number})
    return directory


def test_tensorboard_serves_all_of_it(logs: Path, tmp_path: Path) -> None:
    with serving(logs, tmp_path / "log.txt") as ask:
        found = ask("scalars/tags")
        assert set(found["cnn/training"]) == set(SCALARS["training"])
        assert set(found["cnn/validation"]) == set(SCALARS["validation"])
        assert "points²" in found["cnn/validation"]["mse"]["description"]
        assert set(found["trial_0"]) == {"validation_mse"}
        curve = ask("scalars/scalars?run=cnn/validation&tag=mse")
        assert [step for _, step, _ in curve] == list(range(1, EPOCHS + 1))
        for run, tags in PICTURES.items():
            assert set(ask("images/tags")[f"cnn/{run}"]) == set(tags)
        assert len(ask("images/images?run=cnn/training&tag=spectrograms&sample=0")) == len(SHOWN)
        assert len(ask("histograms/tags")["cnn/training"]) == 2
        assert "Projector" in ask("text/text?run=artists&tag=artists")[0]["text"]
        assert ask("projector/runs") == ["artists"]
        (embedding,) = ask("projector/info?run=artists")["embeddings"]
        assert embedding["tensorShape"] == [5, TINY.metadata.features]
        experiment = ask("hparams/experiment", {"experimentName": "", "includeMetrics": True})
        columns = {one["name"]: one for one in experiment["hparamInfos"]}
        assert columns["metadata.preset"]["domainDiscrete"] == ["", "Beyoncé"]
        assert columns["cnn_fit.learning_rate"]["domainInterval"] == {
            "minValue": 1e-4,
            "maxValue": 1e-2,
        }
        assert [one["name"]["tag"] for one in experiment["metricInfos"]] == ["validation_mse"]
        table = {
            "experimentName": "",
            "allowedStatuses": ["STATUS_SUCCESS"],
            "colParams": [{"metric": {"group": "", "tag": "validation_mse"}, "order": "ORDER_ASC"}],
            "startIndex": 0,
            "sliceSize": 10,
        }
        groups = ask("hparams/session_groups", table)["sessionGroups"]
        assert [group["name"] for group in groups] == ["trial_0", "trial_1"]
        assert groups[1]["hparams"]["metadata.preset"] == "Beyoncé"
        assert groups[1]["metricValues"][0]["value"] == 301.0


@contextmanager
def serving(logs: Path, log: Path) -> Iterator[Callable[..., Any]]:
    """Start TensorBoard on a folder; gives what asks its plugins, by address and maybe a body."""
    words = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logs), "--port", "0"]
    with log.open("w") as output, subprocess.Popen(words, stdout=output, stderr=output) as server:
        try:
            root = wait_for(lambda: re.search(r"http://\S+:\d+/", log.read_text()))[0]
            ask = partial(answer_of, f"{root}data/plugin/")
            wait_for(lambda: len(ask("scalars/tags")) == 4 and ask("projector/runs"))
            yield ask
        finally:
            server.terminate()


def wait_for(look: Callable[[], Any], seconds: float = 120) -> Any:
    """What ``look`` gives, as soon as it gives anything."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        found = look()
        if found:
            return found
        time.sleep(0.2)
    raise TimeoutError(f"expected an answer within {seconds:.0f} s")


def answer_of(plugins: str, path: str, body: dict[str, Any] | None = None) -> Any:
    answer = requests.request(
        "GET" if body is None else "POST", plugins + path, json=body, timeout=60
    )
    answer.raise_for_status()
    return answer.json()
