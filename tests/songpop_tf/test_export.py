"""The exported model answers as training's datasets and models do."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from pipelines.errors import InputError
from pipelines.metadata import MetadataReader
from pipelines.prepared import PreparedData
from pipelines.splits import TEST
from pipelines.words import PATTERNS, WORDS
from songpop_tf.serving.export import export
from songpop_tf.serving.names import GRAPH, SIGNATURES_FILE, versions
from songpop_tf.serving.open import open_predictor
from songpop_tf.serving.predict import Song
from songpop_tf.training.inputs import predict_patterns, predict_split
from songpop_tf.training.run import Run
from tests.pipelines.images import encoded, pixels

OUTPUTS = ("popularity", "popularity_low", "popularity_high")
# Custom operations of TensorFlow Text that the stock tensorflow_model_server links.
TEXT_OPERATIONS = {
    "CaseFoldUTF8",
    "FastWordpieceTokenizeWithOffsets",
    "NormalizeUTF8",
    "RegexSplitWithOffsets",
}


@pytest.fixture(scope="module")
def model(exported: Path) -> tf.Module:
    """The same, loaded as any TensorFlow program would."""
    return tf.saved_model.load(str(exported))


def ask(model: tf.Module, signature: str = "serving_default", **columns: list) -> np.ndarray:
    """The three outputs, ``(batch, 3)``."""
    dtypes = {"year": tf.int64}
    tensors = {
        name: tf.constant(column, dtypes.get(name, tf.string)) for name, column in columns.items()
    }
    answer = model.signatures[signature](**tensors)
    assert set(answer) == set(OUTPUTS)
    return np.stack([answer[name].numpy() for name in OUTPUTS], axis=1)


@pytest.fixture(scope="module")
def test_songs(data: PreparedData, sample: Path) -> dict[str, list]:
    """The test songs as a client would send them."""
    songs = data.songs_of(TEST)
    files = [(sample / "spectrograms" / file).read_bytes() for file in songs.file]
    words = {name: songs[name].tolist() for name in ("artist", "title", "year")}
    return {"spectrogram_png": files, **words}


def test_equals_training_s_datasets(
    model: tf.Module, test_songs: dict[str, list], run: Run, data: PreparedData
) -> None:
    expected = {
        name: predict_split(name, run.load_model(name), run, data, TEST)
        for name in ("text", "cnn", "combined")
    }
    count = len(test_songs["artist"])
    words = {name: test_songs[name] for name in ("artist", "title", "year")}
    nothing = {"artist": [""] * count, "title": [""] * count, "year": [0] * count}
    answers = {
        "combined": ask(model, **test_songs),
        "cnn": ask(model, spectrogram_png=test_songs["spectrogram_png"], **nothing),
        "text": ask(model, spectrogram_png=[b""] * count, **words),
    }
    for name, answer in answers.items():
        # An FFT may round a pixel the other way in another graph.
        near = 1e-4 if name == "text" else 0.02
        np.testing.assert_allclose(answer[:, 0], expected[name], atol=near)
        known = 0 if name == "cnn" else -1
        half = run.half_widths(name)[known]
        np.testing.assert_allclose(answer[:, 1], np.clip(answer[:, 0] - half, 0, 100), atol=1e-3)
        np.testing.assert_allclose(answer[:, 2], np.clip(answer[:, 0] + half, 0, 100), atol=1e-3)
    np.testing.assert_array_equal(ask(model, "metadata_only", **words), answers["text"])


def test_the_interval_is_that_of_songs_of_which_as_much_is_known(
    model: tf.Module, run: Run
) -> None:
    songs = {"artist": ["A", "A", "", " "], "title": ["B", "", "", "B"], "year": [1999, 0, 0, 1999]}
    answer = ask(model, "metadata_only", **songs)
    number = {pattern: place for place, pattern in enumerate(PATTERNS)}
    known = [WORDS, ("artist",), (), ("title", "year")]
    half = run.half_widths("text")[[number[pattern] for pattern in known]]
    np.testing.assert_allclose(answer[:, 2], np.clip(answer[:, 0] + half, 0, 100), atol=1e-3)


@pytest.mark.parametrize(
    ("lacking", "with_both", "alone"),
    [("combined", "text", "cnn"), ("cnn", "combined", "combined")],
)
def test_another_model_answers_where_a_run_lacks_one(
    run: Run,
    data: PreparedData,
    sample: Path,
    tmp_path: Path,
    lacking: str,
    with_both: str,
    alone: str,
) -> None:
    shutil.copytree(run.directory, tmp_path / "run")
    for name in (lacking, f"{lacking}_naive"):
        (tmp_path / "run" / "history" / f"{name}.json").unlink()
    part = Run.open(tmp_path / "run")
    song = data.songs_of(TEST).iloc[0]
    png = sample / "spectrograms" / song.file
    predictor = open_predictor(part.directory)
    songs = [Song(song.artist, song.title, int(song.year), png), Song(spectrogram=png)]
    for one in songs:
        predictor.check(one)
    found = predictor.predict(songs)
    for one, name, pattern in zip(found, (with_both, alone), (-1, 0), strict=True):
        expected = predict_patterns(name, run.load_model(name), run, data, TEST)[pattern, 0]
        assert one.popularity == pytest.approx(expected, abs=0.02)


def test_a_run_is_another_model_once_what_answers_was_trained_anew(
    run: Run, tmp_path: Path
) -> None:
    history = Path(shutil.copytree(run.directory, tmp_path / "run")) / "history"
    identity = open_predictor(history.parent).identity
    (history / "text_naive.json").unlink()
    assert open_predictor(history.parent).identity == identity, "it answers nobody"
    (history / "text.json").write_text("[]")
    assert open_predictor(history.parent).identity != identity


def test_a_batch_mixes_what_is_known(model: tf.Module) -> None:
    png = [encoded(pixels(256, width)) for width in (700, 3001)]
    songs = {
        "spectrogram_png": [png[0], b"", png[1], b"", png[1]],
        "artist": ["A", "B", "", "", "Ñandú"],
        "title": ["", "Song", "", "", "Песня"],
        "year": [1999, 0, 0, 1980, 2005],
    }
    together = ask(model, **songs)
    apart = [
        ask(model, **{name: column[row : row + 1] for name, column in songs.items()})
        for row in range(5)
    ]
    np.testing.assert_allclose(together, np.concatenate(apart), atol=1e-3)
    assert ((together >= 0) & (together <= 100)).all()


@pytest.mark.parametrize(
    "image",
    [
        b"nonsense",
        encoded(pixels(256, 256), "JPEG"),
        encoded(pixels(256, 700))[:-30],
        encoded(pixels(16, 700)),
    ],
    ids=["no image", "JPEG", "cut off", "too low"],
)
def test_a_bad_image_harms_no_other_song(model: tf.Module, image: bytes) -> None:
    good = encoded(pixels(256, 700))
    answer = ask(
        model,
        spectrogram_png=[good, image, b""],
        artist=["A"] * 3,
        title=["B"] * 3,
        year=[1999] * 3,
    )
    assert np.isnan(answer[1]).all()
    assert np.isfinite(answer[[0, 2]]).all()


def test_no_songs_no_answers(model: tf.Module) -> None:
    assert ask(model, spectrogram_png=[], artist=[], title=[], year=[]).shape == (0, 3)


def test_uses_only_operations_that_a_stock_server_has(exported: Path) -> None:
    saved = saved_model_pb2.SavedModel.FromString((exported / "saved_model.pb").read_bytes())
    graph = saved.meta_graphs[0].graph_def
    nodes = [*graph.node, *(node for part in graph.library.function for node in part.node_def)]
    functions = {part.signature.name for part in graph.library.function}
    operations = {node.op for node in nodes} - functions
    assert "DecodePng" in operations
    assert operations - set(dir(tf.raw_ops)) == TEXT_OPERATIONS
    # These are TensorFlow's own, but call Python, which no server has.
    assert not [operation for operation in operations if "PyFunc" in operation]
    # A table would have to be filled by an initializer that not every loader runs.
    assert not [operation for operation in operations if "Table" in operation]


def forget_tensors(version: Path) -> None:
    """What versions of before say nothing of."""
    path = version / SIGNATURES_FILE
    path.write_text(path.read_text().replace('"tensor"', '"of old"'))


def test_versions_count_up_and_leave_nothing_else(run: Run, exported: Path) -> None:
    second = export(run, exported.parent)
    assert [path.name for path in sorted(exported.parent.iterdir())] == ["1", "2"]
    assert second.name == "2"
    described = json.loads((second / "signatures.json").read_text())
    assert set(described["signatures"]) == {"serving_default", "metadata_only"}


def test_opens_runs_and_exported_models_alike(run: Run, exported: Path, sample: Path) -> None:
    png = next((sample / "spectrograms").rglob("*.png"))
    songs = [Song("A", "B", 1999), Song(spectrogram=png), Song("A", "B", 1999, png)]
    of_run = open_predictor(run.directory).predict(songs)
    for directory in (exported, exported.parent):
        np.testing.assert_allclose(open_predictor(directory).predict(songs), of_run, atol=1e-3)


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda version: (version / "signatures.json").unlink(), "expected a model of `songpop-tf"),
        (lambda version: (version / GRAPH).write_bytes(b"nothing"), "expected a SavedModel"),
        (forget_tensors, "export the run again"),
    ],
)
def test_names_a_version_that_cannot_be_opened(
    exported: Path, tmp_path: Path, spoil: Callable[[Path], object], problem: str
) -> None:
    version = tmp_path / "1"
    shutil.copytree(exported, version)
    spoil(version)
    with pytest.raises(InputError, match=problem):
        open_predictor(tmp_path)


def test_a_run_is_no_place_for_a_model(run: Run) -> None:
    with pytest.raises(InputError, match="expected a folder of its own"):
        export(run, run.directory)


def test_only_folders_that_hold_a_model_are_versions(exported: Path, tmp_path: Path) -> None:
    for name in ("1", "0002", "3", "12"):
        (tmp_path / name).mkdir()
    for name in ("1", "0002", "12"):
        (tmp_path / name / "saved_model.pb").touch()
    assert versions(tmp_path) == [1, 12]
    assert versions(tmp_path / "none") == []


def test_needs_a_text_model(data: PreparedData, run: Run, tmp_path: Path) -> None:
    started = Run.start(tmp_path / "run", data, run.config())
    started.finish("cnn", run.load_model("cnn"), [], np.full(8, 10.0))
    with pytest.raises(InputError, match="expected a trained model named text, found cnn"):
        export(started, tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_the_networks_alone_open_with_keras_and_read_what_the_words_folder_makes(
    run: Run, data: PreparedData, tmp_path: Path
) -> None:
    version = export(run, tmp_path / "networks", "keras")
    songs = data.songs_of(TEST)
    expected = predict_split("text", run.load_model("text"), run, data, TEST)
    reader = MetadataReader.load(version / "words" / "text")
    model = keras.models.load_model(version / "text.keras")
    found = model.predict(reader.inputs(reader.encode_table(songs)), verbose=0)
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-4)
    names = sorted(path.name for path in version.glob("*.keras"))
    assert names == ["cnn.keras", "combined.keras", "text.keras"]
    with pytest.raises(InputError, match="expected versions of the format savedmodel only"):
        export(run, tmp_path / "networks")
