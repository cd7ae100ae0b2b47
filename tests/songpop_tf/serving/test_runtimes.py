"""Networks for other runtimes predict what the exported graph predicts."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from pipelines import extras
from pipelines.errors import InputError
from pipelines.prepared_data import PreparedData
from pipelines.spectrograms.loading import load_spectrogram
from songpop_tf.serving.export import export
from songpop_tf.serving.runtimes import Runtime
from songpop_tf.serving.schema import METADATA_ONLY, OUTPUTS, WITH_SPECTROGRAM
from songpop_tf.training.run import Run
from tests.conftest import Once

MODULES: dict[Runtime, tuple[str, ...]] = {
    "litert": ("ai_edge_litert",),
    "onnx": ("tf2onnx", "onnxruntime"),
    "openvino": ("openvino",),
}
TOLERANCE = 1e-4
"""Points of 100: what float32 leaves after some hundred additions."""

SONGS: list[tuple[str, str, int]] = [
    ("Fleetwood Mac", "Dreams", 1977),
    ("Beyoncé feat. JAY-Z", "Déjà Vu (Live)", 2006),
    *(("", "", 0), ("", "Dreams", 0), ("Nobody", "", 1850), ("!!!", "???", 2150)),
]


@pytest.fixture(scope="module", params=MODULES)
def version(request: pytest.FixtureRequest, run: Run, once: Once) -> Path:
    """The networks of the run for a runtime; skipped where that is not installed."""
    runtime: Runtime = request.param
    for module in MODULES[runtime]:
        pytest.importorskip(module, reason=f"the extra {runtime} is not installed")
    return once(f"networks_{runtime}", lambda path: export(run, path, runtime)) / "1"


@pytest.fixture
def script(version: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``predict.py`` of the networks as a module."""
    monkeypatch.syspath_prepend(str(version))
    spec = importlib.util.spec_from_file_location("predict", version / "predict.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def served(saved_model: Any, signature: str, **inputs: Any) -> dict[str, np.ndarray]:
    """Outputs of the exported graph for `SONGS`."""
    artists, titles, years = zip(*SONGS, strict=True)
    fields = {"artist": artists, "title": titles}
    tensors = {name: tf.constant(values) for name, values in {**fields, **inputs}.items()}
    outputs = saved_model.signatures[signature](year=tf.constant(years, tf.int64), **tensors)
    return {name: values.numpy() for name, values in outputs.items()}


def assert_close(received: dict[str, Any], expected: dict[str, np.ndarray]) -> None:
    assert set(received) == set(OUTPUTS)
    for name in OUTPUTS:
        np.testing.assert_allclose(received[name], expected[name], atol=TOLERANCE, rtol=0)


def test_songs_without_spectrogram(script: ModuleType, saved_model: tf.Module) -> None:
    received = script.predict(*map(list, zip(*SONGS, strict=True)))
    assert_close(received, served(saved_model, METADATA_ONLY))


def test_songs_with_resized_spectrogram(script: ModuleType, saved_model: tf.Module) -> None:
    images = np.random.default_rng(0).integers(0, 256, (len(SONGS), 256, 1024)).astype("uint8")
    images[:, ::2] = 0
    png = [tf.io.encode_png(image[:, :, np.newaxis]).numpy() for image in images]
    received = script.predict(*map(list, zip(*SONGS, strict=True)), images)
    expected = served(saved_model, WITH_SPECTROGRAM, spectrogram_png=png)
    # The third song is known by its spectrogram only: the model "cnn" answers for it.
    known = np.arange(len(SONGS)) != 2
    assert_close(
        {name: values[known] for name, values in received.items()},
        {name: values[known] for name, values in expected.items()},
    )


def test_cnn_with_length_and_statistics(
    script: ModuleType, saved_model: tf.Module, data: PreparedData, sample: Path
) -> None:
    png = [path.read_bytes() for path in sorted(sample.rglob("*.png"))[: len(SONGS)]]
    unknown = {"artist": [""] * len(SONGS), "title": [""] * len(SONGS)}
    rows = [load_spectrogram(tf.constant(file)) for file in png]
    inputs = {name: np.stack([row[name].numpy() for row in rows]) for name in rows[0]}
    received = script.load("cnn")(**{**inputs, "spectrogram": inputs["spectrogram"].astype("f4")})
    outputs = saved_model.signatures[WITH_SPECTROGRAM](  # type: ignore[attr-defined]
        spectrogram_png=tf.constant(png),
        year=tf.zeros(len(png), tf.int64),
        **{name: tf.constant(values) for name, values in unknown.items()},
    )
    assert_close(received, {name: values.numpy() for name, values in outputs.items()})


def test_script_predicts_without_tensorflow(version: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "song.npy", np.zeros((256, 1024), "uint8"))
    for package in ("tensorflow", "keras", "songpop_tf", "pipelines"):
        (tmp_path / f"{package}.py").write_text(f"raise ImportError({package!r})")
    for files in ((), (tmp_path / "song.npy",)):
        done = subprocess.run(
            [sys.executable, version / "predict.py", "Fleetwood Mac", "Dreams", "1977", *files],
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert sorted(line.split()[0] for line in done.stdout.splitlines()) == sorted(OUTPUTS)


def test_missing_converter_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    with pytest.raises(
        InputError, match=r"the package tf2onnx .* pip install 'songpop-tf\[onnx\]'"
    ):
        export(run, tmp_path / "networks", "onnx")
    assert not list((tmp_path / "networks").glob("*"))
