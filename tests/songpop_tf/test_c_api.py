"""The exported model answers without Python, as TensorFlow Serving runs it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from pipelines.prepare import PrepareOptions, prepare
from pipelines.prepared import PreparedData
from pipelines.sample import write_sample
from pipelines.splits import SIDES, TEST
from songpop_tf.config import SplitConfig
from songpop_tf.serving.c_library import Column, Names, SavedModel, TensorFlowError
from songpop_tf.serving.names import GRAPH, METADATA_ONLY, OUTPUTS, WITH_SPECTROGRAM
from songpop_tf.serving.open import open_predictor
from songpop_tf.serving.predict import Song
from songpop_tf.training.inputs import predict_split
from songpop_tf.training.run import Run
from tests.conftest import no_progress
from tests.songpop_tf import c_api_client
from tests.songpop_tf.c_api_client import write_request

NO_IMAGE, NO_WORDS, BROKEN_IMAGE = 0, 1, 2


@pytest.fixture(scope="module")
def columns(data: PreparedData, sample: Path) -> dict[str, Column]:
    """The test songs as a client would send them, and of three of them less."""
    songs = data.songs_of(TEST)
    images = [(sample / "spectrograms" / file).read_bytes() for file in songs.file]
    words = {name: [text.encode() for text in songs[name]] for name in ("artist", "title")}
    year = songs.year.to_numpy(np.int64, copy=True)
    images[NO_IMAGE] = b""
    words["artist"][NO_WORDS] = words["title"][NO_WORDS] = b""
    year[NO_WORDS] = 0
    # A zero is a byte like any other, also at the end.
    images[BROKEN_IMAGE] = images[BROKEN_IMAGE][:-30] + b"\0"
    return {"spectrogram_png": images, **words, "year": year}


def signatures_of(model: Path) -> dict[str, dict[str, Names]]:
    """The tensors behind the inputs and outputs of each signature."""
    saved = saved_model_pb2.SavedModel.FromString((model / GRAPH).read_bytes())
    return {
        signature: {
            "inputs": {name: info.name for name, info in described.inputs.items()},
            "outputs": {name: info.name for name, info in described.outputs.items()},
        }
        for signature, described in saved.meta_graphs[0].signature_def.items()
    }


def ask_c_api(
    model: Path, signature: str, columns: dict[str, Column], folder: Path
) -> dict[str, np.ndarray]:
    """The outputs, as a process without Python TensorFlow gets them."""
    request, answer = folder / "request.npz", folder / "answer.npz"
    write_request(request, signatures_of(model), columns)
    client = [sys.executable, c_api_client.__file__, model, request, answer]
    # No setting of TensorFlow that this process may hold is needed.
    shell = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    done = subprocess.run(
        [*client, "--signature", signature], capture_output=True, text=True, check=False, env=shell
    )
    assert done.returncode == 0, done.stderr
    with np.load(answer) as arrays:
        return dict(arrays)


@pytest.mark.parametrize("signature", [WITH_SPECTROGRAM, METADATA_ONLY])
def test_answers_without_python_as_with_it(
    exported: Path, columns: dict[str, Column], signature: str, tmp_path: Path
) -> None:
    function = tf.saved_model.load(str(exported)).signatures[signature]
    inputs = set(function.structured_input_signature[1])
    assert inputs == set(columns) - ({"spectrogram_png"} if signature == METADATA_ONLY else set())
    expected = function(**{name: tf.constant(columns[name]) for name in inputs})

    answer = ask_c_api(exported, signature, columns, tmp_path)

    assert set(answer) == set(OUTPUTS)
    for name in OUTPUTS:
        assert answer[name].dtype == np.float32
        np.testing.assert_allclose(answer[name], expected[name].numpy(), rtol=0, atol=1e-4)
        unusable = np.flatnonzero(np.isnan(answer[name])).tolist()
        assert unusable == ([BROKEN_IMAGE] if signature == WITH_SPECTROGRAM else [])


def songs_of_many_lengths(folder: Path) -> tuple[PreparedData, pd.DataFrame]:
    """200 other songs, prepared, and the table of them with whole paths, split by split."""
    spectrograms = folder / "spectrograms"
    tables = []
    # Above a minute they are shrunk as songs of full length are, the others in two other ways.
    for seconds, count in ((61.0, 40), (20.0, 20), (3.0, 140)):
        sample = folder / f"{count} songs"
        write_sample(sample, count, seconds=seconds, seed=count, workers=1)
        shutil.copytree(sample / "spectrograms", spectrograms, dirs_exist_ok=True)
        tables.append(sample / "tracks.csv")
    options = PrepareOptions(spectrograms, tables, SplitConfig())
    data = prepare(options, folder / "data", no_progress)
    songs = pd.concat([data.songs_of(split) for split in SIDES], ignore_index=True)
    return data, songs.assign(file=[str(spectrograms / file) for file in songs.file])


def test_200_songs_are_the_same_to_training_prediction_server_and_c_api(
    exported: Path, run: Run, tmp_path: Path
) -> None:
    data, songs = songs_of_many_lengths(tmp_path)
    assert len(songs) == 200
    files = songs.file.map(Path).tolist()
    columns: dict[str, Column] = {
        "spectrogram_png": [file.read_bytes() for file in files],
        **{name: [text.encode() for text in songs[name]] for name in ("artist", "title")},
        "year": songs.year.to_numpy(np.int64, copy=True),
    }
    model = run.load_model("combined")
    by_training = np.concatenate(
        [predict_split("combined", model, run, data, split) for split in SIDES]
    )
    served = tf.saved_model.load(str(exported)).signatures[WITH_SPECTROGRAM]
    by_graph = served(**{name: tf.constant(column) for name, column in columns.items()})
    by_c_api = ask_c_api(exported, WITH_SPECTROGRAM, columns, tmp_path)
    words = zip(songs.artist, songs.title, songs.year.tolist(), strict=True)
    predictor = open_predictor(run.directory)
    by_run = predictor.predict(
        [Song(*known, file) for known, file in zip(words, files, strict=True)]
    )
    for found in (by_graph["popularity"], by_c_api["popularity"], [one[0] for one in by_run]):
        np.testing.assert_allclose(found, by_training, rtol=0, atol=1e-4)


def resident() -> int:
    """Bytes of memory that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the memory is told otherwise")
def test_what_was_asked_is_not_kept(exported: Path) -> None:
    signature = signatures_of(exported)[WITH_SPECTROGRAM]
    model = SavedModel(exported)
    # Not an image: nothing is computed for it, so only the strings themselves could stay.
    columns: dict[str, Column] = {
        "spectrogram_png": [b"x" * 2**24],
        "artist": [b"Cher"],
        "title": [b"Believe" * 1000],
        "year": np.array([1998]),
    }
    model.ask(**signature, columns=columns)
    before = resident()
    for _ in range(30):
        model.ask(**signature, columns=columns)
    assert resident() < before + 5 * 2**24


def test_a_graph_says_what_it_cannot_compute(exported: Path) -> None:
    signature = signatures_of(exported)[METADATA_ONLY]
    model = SavedModel(exported)
    columns: dict[str, Column] = {"artist": [b"A"], "title": [b"B", b"C"], "year": np.array([1990])}
    with pytest.raises(TensorFlowError, match="1"):
        model.ask(**signature, columns=columns)
    with pytest.raises(TensorFlowError, match="expected a tensor nothing:0"):
        model.ask(signature["inputs"], {"popularity": "nothing:0"}, columns)


def test_a_folder_without_a_graph_is_named(tmp_path: Path) -> None:
    with pytest.raises(TensorFlowError, match=tmp_path.name):
        SavedModel(tmp_path)


def test_numbers_of_another_kind_are_named(exported: Path) -> None:
    signature = signatures_of(exported)[METADATA_ONLY]
    columns: dict[str, Column] = {"artist": [b"A"], "title": [b"B"], "year": np.array([1990.0])}
    with pytest.raises(ValueError, match=r"received float64 \(1,\)"):
        SavedModel(exported).ask(**signature, columns=columns)
