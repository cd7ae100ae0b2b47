"""The exported model through TensorFlow's C API, without Python code in the graph."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2, saved_model_pb2

from pipelines.config import SplitConfig
from pipelines.prepare import PrepareOptions, prepare
from pipelines.prepared_data import PreparedData
from pipelines.splits import SPLITS, TEST
from pipelines.synthetic import write_sample
from songpop_tf.serving.backend import Backend
from songpop_tf.serving.predictor import Predictor
from songpop_tf.serving.schema import GRAPH_FILE, METADATA_ONLY, OUTPUTS, USABLE, WITH_SPECTROGRAM
from songpop_tf.serving.song import Song
from songpop_tf.serving.tf_c_api import (
    WITHOUT_OPTIMIZERS,
    Column,
    SavedModel,
    TensorFlowError,
    TensorNames,
)
from songpop_tf.training.configurations import find_configuration
from songpop_tf.training.inference import predict_split
from songpop_tf.training.run import Run
from tests.conftest import no_progress
from tests.songpop_tf.serving import c_api_client
from tests.songpop_tf.serving.c_api_client import write_request

NO_IMAGE, NO_METADATA, DAMAGED_IMAGE = 0, 1, 2


@pytest.fixture(scope="module")
def columns(data: PreparedData, sample: Path) -> dict[str, Column]:
    """The test songs as columns of a request; three of them have missing or damaged inputs."""
    songs = data.songs_of(TEST)
    images = [(sample / "spectrograms" / file).read_bytes() for file in songs.file]
    text = {name: [value.encode() for value in songs[name]] for name in ("artist", "title")}
    year = songs.year.to_numpy(np.int64, copy=True)
    images[NO_IMAGE] = b""
    text["artist"][NO_METADATA] = text["title"][NO_METADATA] = b""
    year[NO_METADATA] = 0
    # Trailing zero bytes must be kept.
    images[DAMAGED_IMAGE] = images[DAMAGED_IMAGE][:-30] + b"\0"
    return {"spectrogram_png": images, **text, "year": year}


def signatures_of(model: Path) -> dict[str, dict[str, TensorNames]]:
    """The tensors of the inputs and outputs of each signature."""
    saved = saved_model_pb2.SavedModel.FromString((model / GRAPH_FILE).read_bytes())
    return {
        signature: {
            "inputs": {name: info.name for name, info in definition.inputs.items()},
            "outputs": {name: info.name for name, info in definition.outputs.items()},
        }
        for signature, definition in saved.meta_graphs[0].signature_def.items()
    }


def run_c_api(
    model: Path, signature: str, columns: dict[str, Column], folder: Path
) -> dict[str, np.ndarray]:
    """The outputs, computed by a process that does not import TensorFlow."""
    request, response = folder / "request.npz", folder / "response.npz"
    write_request(request, signatures_of(model), columns)
    client = [sys.executable, c_api_client.__file__, model, request, response]
    # Without TensorFlow settings of this process.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    process = subprocess.run(
        [*client, "--signature", signature],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert process.returncode == 0, process.stderr
    with np.load(response) as arrays:
        return dict(arrays)


@pytest.mark.parametrize("signature", [WITH_SPECTROGRAM, METADATA_ONLY])
def test_c_api_computes_the_same_as_python(
    exported: Path,
    saved_model: tf.Module,
    columns: dict[str, Column],
    signature: str,
    tmp_path: Path,
) -> None:
    function = saved_model.signatures[signature]
    inputs = set(function.structured_input_signature[1])
    assert inputs == set(columns) - ({"spectrogram_png"} if signature == METADATA_ONLY else set())
    expected = function(**{name: tf.constant(columns[name]) for name in inputs})

    outputs = run_c_api(exported, signature, columns, tmp_path)

    assert set(outputs) == {*OUTPUTS, USABLE}
    for name in OUTPUTS:
        assert outputs[name].dtype == np.float32
        np.testing.assert_allclose(outputs[name], expected[name].numpy(), rtol=0, atol=1e-4)
    assert outputs[USABLE].dtype == np.bool_
    unusable = np.flatnonzero(~outputs[USABLE]).tolist()
    assert unusable == ([DAMAGED_IMAGE] if signature == WITH_SPECTROGRAM else [])


def songs_of_many_lengths(folder: Path) -> tuple[PreparedData, pd.DataFrame]:
    """100 other songs, prepared, and their table with absolute paths, split by split."""
    spectrograms = folder / "spectrograms"
    tables = []
    # Images of more than a minute are down-sampled; shorter ones take two other paths.
    for seconds, count in ((61.0, 8), (20.0, 9), (3.0, 83)):
        sample = folder / f"{count} songs"
        write_sample(sample, count, seconds=seconds, seed=count, workers=1)
        shutil.copytree(sample / "spectrograms", spectrograms, dirs_exist_ok=True)
        tables.append(sample / "tracks.csv")
    options = PrepareOptions(spectrograms, tables, SplitConfig())
    data = prepare(options, folder / "data", no_progress)
    songs = pd.concat([data.songs_of(split) for split in SPLITS], ignore_index=True)
    return data, songs.assign(file=[str(spectrograms / file) for file in songs.file])


def test_training_run_graph_and_c_api_predict_100_songs_the_same(
    exported: Path, saved_model: tf.Module, run: Run, run_backend: Backend, tmp_path: Path
) -> None:
    data, songs = songs_of_many_lengths(tmp_path)
    assert len(songs) == 100
    files = songs.file.map(Path).tolist()
    columns: dict[str, Column] = {
        "spectrogram_png": [file.read_bytes() for file in files],
        **{name: [value.encode() for value in songs[name]] for name in ("artist", "title")},
        "year": songs.year.to_numpy(np.int64, copy=True),
    }
    combined = find_configuration("combined")
    model = run.load_model(combined)
    expected = np.concatenate(
        [predict_split(combined, model, run, data, split) for split in SPLITS]
    )
    served = saved_model.signatures[WITH_SPECTROGRAM]
    graph_outputs = served(**{name: tf.constant(column) for name, column in columns.items()})
    c_api_outputs = run_c_api(exported, WITH_SPECTROGRAM, columns, tmp_path)
    fields = zip(songs.artist, songs.title, songs.year.tolist(), strict=True)
    predictions = Predictor(run_backend).predict_songs(
        [Song(*known, file) for known, file in zip(fields, files, strict=True)]
    )
    for popularity in (
        graph_outputs["popularity"],
        c_api_outputs["popularity"],
        [prediction.popularity for prediction in predictions],
    ):
        difference = np.abs(np.asarray(popularity) - expected)
        assert np.mean(difference < 1e-4) > 0.9, difference
        # The FFTs of two graphs round differently. Where that moves a pixel to the next gray level,
        # the predictions of a song differ a little.
        assert difference.max() < 1e-2, difference


def resident_bytes() -> int:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_session_skips_both_graph_optimizers() -> None:
    options = config_pb2.ConfigProto.FromString(WITHOUT_OPTIMIZERS).graph_options
    assert options.optimizer_options.opt_level == config_pb2.OptimizerOptions.L0
    assert options.rewrite_options.disable_meta_optimizer


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_inputs_are_freed(exported: Path) -> None:
    signature = signatures_of(exported)[WITH_SPECTROGRAM]
    model = SavedModel(exported)
    # Not an image: the graph computes nothing, so only the strings could leak.
    columns: dict[str, Column] = {
        "spectrogram_png": [b"x" * 2**24],
        "artist": [b"Cher"],
        "title": [b"Believe" * 1000],
        "year": np.array([1998]),
    }
    model.run(**signature, columns=columns)
    before = resident_bytes()
    for _ in range(30):
        model.run(**signature, columns=columns)
    assert resident_bytes() < before + 5 * 2**24


def test_errors_of_the_graph_are_raised(exported: Path) -> None:
    signature = signatures_of(exported)[METADATA_ONLY]
    model = SavedModel(exported)
    columns: dict[str, Column] = {"artist": [b"A"], "title": [b"B", b"C"], "year": np.array([1990])}
    with pytest.raises(TensorFlowError, match="1"):
        model.run(**signature, columns=columns)
    with pytest.raises(TensorFlowError, match="expected a tensor nothing:0"):
        model.run(signature["inputs"], {"popularity": "nothing:0"}, columns)


def test_folder_without_a_graph_is_reported(tmp_path: Path) -> None:
    with pytest.raises(TensorFlowError, match=tmp_path.name):
        SavedModel(tmp_path)


def test_unsupported_dtype_is_reported(exported: Path) -> None:
    signature = signatures_of(exported)[METADATA_ONLY]
    columns: dict[str, Column] = {"artist": [b"A"], "title": [b"B"], "year": np.array([1990.0])}
    with pytest.raises(ValueError, match=r"received float64 \(1,\)"):
        SavedModel(exported).run(**signature, columns=columns)
