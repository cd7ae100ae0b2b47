"""Parity, latency and cold start of a run's networks in LiteRT, ONNX Runtime and OpenVINO.

    pip install '.[litert,onnx,openvino]'
    python benchmarks/runtimes.py --run demo/run

The run is exported as a SavedModel and for each runtime that is installed. Songs are rendered, and
predicted by all of them: words alone, spectrograms alone, and both. Parity is the largest
difference of a song's popularity or of an end of its interval, in points of 100. Latency is that of
one song from its text and its resized spectrogram, interleaved with TensorFlow. Cold start is a
process that predicts one song from artist, title and year, and ends.
"""

import argparse
import importlib.util
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the tokenizer's operations
from result_table import Row, print_table
from timing import log, measure_interleaved, run_measured, songpop_tf_command, time_call

from pipelines.spectrograms.loading import load_spectrogram
from pipelines.synthetic import write_sample
from songpop_tf.serving.export import export
from songpop_tf.serving.runtimes import Runtime
from songpop_tf.serving.schema import METADATA_ONLY, OUTPUTS, WITH_SPECTROGRAM
from songpop_tf.serving.song_inputs import SongInputs
from songpop_tf.training.run import Run

MODULES: dict[Runtime, tuple[str, ...]] = {
    "litert": ("ai_edge_litert",),
    "onnx": ("tf2onnx", "onnxruntime"),
    "openvino": ("openvino",),
}
SONG = ("Fleetwood Mac", "Dreams", "1977")
Arrays = dict[str, Any]


class Songs:
    """Rendered songs as requests to the exported graph, and as inputs of the networks.

    Args:
        folder: where they are rendered.
        songs: how many.
        preprocessors: folder of an export.
    """

    def __init__(self, folder: Path, songs: int, preprocessors: Path) -> None:
        write_sample(folder, songs, seconds=20.0)
        files = sorted((folder / "spectrograms").rglob("*.png"))
        tracks = pd.read_csv(folder / "tracks.csv").iloc[: len(files)]
        self._fields = (
            tracks.artists.str.strip("[]'").tolist(),
            tracks["name"].fillna("").tolist(),
            tracks.release_date.astype(str).str[:4].astype(int).tolist(),
        )
        self._png = [path.read_bytes() for path in files]
        rows = [load_spectrogram(tf.constant(png)) for png in self._png]
        self._images = {name: np.stack([row[name].numpy() for row in rows]) for name in rows[0]}
        self._images["spectrogram"] = self._images["spectrogram"].astype("float32")
        self._preprocessors = preprocessors

    def request(self, branch: str, count: int | None = None) -> tuple[str, Arrays]:
        """Signature of the exported graph, and its inputs."""
        artist, title, year = (column[:count] for column in self._fields)
        if branch == "cnn":
            artist, title, year = [""] * len(artist), [""] * len(artist), [0] * len(artist)
        inputs = {
            "artist": tf.constant(artist),
            "title": tf.constant(title),
            "year": tf.constant(year, tf.int64),
        }
        if branch == "text":
            return METADATA_ONLY, inputs
        return WITH_SPECTROGRAM, {**inputs, "spectrogram_png": tf.constant(self._png[:count])}

    def inputs(self, branch: str, count: int | None = None) -> Arrays:
        """Inputs of a network."""
        images = {name: values[:count] for name, values in self._images.items()}
        if branch == "cnn":
            return images
        metadata = SongInputs(self._preprocessors / branch)(
            *(column[:count] for column in self._fields)
        )
        return metadata if branch == "text" else {**images, **metadata}


def load_script(version: Path) -> ModuleType:
    """`predict.py` of an export as a module."""
    sys.path.insert(0, str(version))
    spec = importlib.util.spec_from_file_location(version.parent.name, version / "predict.py")
    if spec is None or spec.loader is None:
        raise ImportError(str(version))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def largest_difference(received: Arrays, expected: Arrays) -> float:
    """In points, over all songs and outputs."""
    return max(float(np.abs(received[name] - expected[name]).max()) for name in OUTPUTS)


def parity_rows(
    runtime: str, networks: dict[str, Callable[..., Arrays]], model: Any, songs: Songs
) -> list[Row]:
    """The largest difference for each network."""
    rows = []
    for branch, network in networks.items():
        signature, request = songs.request(branch)
        expected = {k: v.numpy() for k, v in model.signatures[signature](**request).items()}
        received = network(**songs.inputs(branch))
        difference = largest_difference(received, expected)
        count = len(received[OUTPUTS[0]])
        name = f"{runtime}, {branch}: largest difference of {count} songs"
        rows.append(Row(name, result=difference, unit="points", maximum=1e-4))
    return rows


def latency_rows(
    runtime: str,
    networks: dict[str, Callable[..., Arrays]],
    model: Any,
    songs: Songs,
    rounds: int,
) -> list[Row]:
    """One song through each network, against TensorFlow."""
    rows = []
    for branch, network in networks.items():
        signature, request = songs.request(branch, 1)
        calls: dict[str, Callable[[], object]] = {
            runtime: partial(network, **songs.inputs(branch, 1)),
            "TensorFlow": partial(model.signatures[signature], **request),
        }
        for call in calls.values():
            call()
        seconds = measure_interleaved(
            {name: partial(time_call, call) for name, call in calls.items()}, rounds
        )
        shown, reference = (f"{seconds[name] * 1e3:.2f} ms" for name in calls)
        what = "with preprocessing" if branch == "text" else "with decoding and preprocessing"
        rows.append(
            Row(f"{runtime}, {branch}: one song", shown, f"{reference} (TensorFlow, {what})")
        )
    return rows


def cold_start_row(runtime: str, version: Path, model: Path, rounds: int) -> Row:
    """A process that predicts a song from words, against `songpop-tf predict`."""
    artist, title, year = SONG
    words = ("--artist", artist, "--title", title, "--year", year)
    commands = {
        runtime: (sys.executable, version / "predict.py", *SONG),
        "predict": (songpop_tf_command(), "predict", "--model", model, *words),
    }
    seconds = measure_interleaved(
        {
            name: lambda command=command: run_measured(*command).seconds
            for name, command in commands.items()
        },
        rounds,
    )
    return Row(
        f"{runtime}: process that predicts one song",
        f"{seconds[runtime]:.2f} s",
        f"{seconds['predict']:.2f} s (`songpop-tf predict`)",
        seconds[runtime],
        "s",
        maximum=1.5,
    )


def main() -> None:
    """Export, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--run", type=Path, required=True, help="folder of `train`, all branches")
    parser.add_argument("--songs", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    run = Run.open(options.run)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        saved_model = export(run, folder / "savedmodel")
        model = tf.saved_model.load(str(saved_model))
        preprocessors = export(run, folder / "keras", "keras") / "preprocessors"
        songs = Songs(folder / "songs", options.songs, preprocessors)
        for runtime, modules in MODULES.items():
            if not all(map(importlib.util.find_spec, modules)):
                log(f"{runtime}: not installed")
                continue
            version = export(run, folder / runtime, runtime)
            script = load_script(version)
            networks = {branch: script.load(branch) for branch in run.best_by_branch()}
            rows += parity_rows(runtime, networks, model, songs)
            rows += latency_rows(runtime, networks, model, songs, options.rounds)
            rows.append(cold_start_row(runtime, version, saved_model.parent, 3))
    print_table(rows)


if __name__ == "__main__":
    main()
