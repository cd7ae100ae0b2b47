"""The networks of a run as a KerasHub task and its preset."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.prepared_data import PreparedData
from songpop_tf.serving.backend import Backend
from songpop_tf.serving.export import export
from songpop_tf.serving.loading import load
from songpop_tf.serving.predictor import Predictor
from songpop_tf.serving.song import Song
from songpop_tf.serving.song_popularity import SongPopularity
from songpop_tf.serving.song_preprocessor import SongPreprocessor
from songpop_tf.training.configurations import find_configuration
from songpop_tf.training.run import Run
from tests.test_docs import code_blocks


@pytest.fixture(scope="module")
def preset(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(run, tmp_path_factory.mktemp("exports") / "songpop", "preset")


@pytest.fixture(scope="module")
def task(preset: Path) -> SongPopularity:
    """Loaded from the preset; only read it."""
    return SongPopularity.from_preset(preset)


@pytest.fixture(scope="module")
def png(sample: Path) -> Path:
    return next((sample / "spectrograms").rglob("*.png"))


def columns(png: Path) -> dict[str, np.ndarray]:
    """Songs with words, with both, with an image alone, and with a file that is none."""
    return {
        "artist": np.array(["A", "A", "", "A"], object),
        "title": np.array(["B", "B", "", "B"], object),
        "year": np.array([1999, 1999, 0, 1999]),
        "spectrogram_png": np.array([b"", png.read_bytes(), png.read_bytes(), b"text"], object),
    }


def test_preset_predicts_as_the_run(
    preset: Path, task: SongPopularity, run_backend: Backend, png: Path
) -> None:
    songs = [Song("A", "B", 1999), Song("A", "B", 1999, png), Song(spectrogram=png)]
    expected = np.array(Predictor(run_backend).predict_songs(songs))
    model = load(preset)
    np.testing.assert_allclose(model.predict_songs(songs), expected, atol=1e-3)
    assert model.backend.year_quantiles == run_backend.year_quantiles
    assert model.identity == load(preset).identity
    popularity = task.predict(columns(png), verbose=0)
    assert popularity.shape == (4, 1)
    # The file that is no image counts as none.
    np.testing.assert_allclose(popularity[:, 0], expected[[0, 1, 2, 0], 0], atol=1e-3)


def test_keras_file_holds_the_preprocessor(task: SongPopularity, png: Path, tmp_path: Path) -> None:
    task.save(tmp_path / "task.keras")
    restored = keras.models.load_model(tmp_path / "task.keras", compile=False)
    expected = task.predict(columns(png), verbose=0)
    np.testing.assert_allclose(restored.predict(columns(png), verbose=0), expected, atol=1e-4)


def test_preset_is_fine_tuned(preset: Path, tmp_path: Path) -> None:
    task = SongPopularity.from_preset(preset)
    songs = {"artist": np.array(["A", "C"], object), "year": np.array([1999, 2010])}
    before = task.predict(songs, verbose=0)
    task.fit(songs, np.array([90.0, 90.0]), epochs=2, shuffle=False, verbose=0)
    after = task.predict(songs, verbose=0)
    assert (after > before).all()
    task.save_to_preset(tmp_path / "tuned")
    restored = SongPopularity.from_preset(tmp_path / "tuned")
    np.testing.assert_allclose(restored.predict(songs, verbose=0), after, atol=1e-4)


def test_preprocessor_is_loaded_alone(preset: Path, task: SongPopularity) -> None:
    song = {"artist": np.array(["A feat. B"])}
    loaded = SongPreprocessor.from_preset(preset)(song)
    expected = task.preprocessor(song)
    assert set(loaded) == {tensor.name for tensor in task.inputs}
    for name, tensor in expected.items():
        np.testing.assert_array_equal(loaded[name], tensor, name)
    with pytest.raises(ValueError, match="expected some of artist, title, year.*received name"):
        loaded = task.preprocessor({"name": np.array(["A"])})
    without_assets = SongPreprocessor.from_config(task.preprocessor.get_config())
    with pytest.raises(ValueError, match="expected loaded assets, received none"):
        without_assets(song)


def test_damaged_preset_is_named(preset: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(preset, damaged)
    (damaged / "model.weights.h5").write_bytes(b"")
    with pytest.raises(InputError, match=r"damaged: expected a preset of SongPopularity"):
        SongPopularity.from_preset(damaged)
    (damaged / "assets" / "metadata" / "vocabulary.txt").unlink()
    with pytest.raises(InputError, match=r"vocabulary.txt: expected a vocabulary, received a miss"):
        load(damaged)
    with pytest.raises(InputError, match=r"none: expected a preset of SongPopularity, received a"):
        SongPopularity.from_preset(tmp_path / "none")


def test_combined_model_that_knows_other_artists_is_left_out(
    run: Run, data: PreparedData, tmp_path: Path
) -> None:
    mixed = Run.start(tmp_path / "run", data, run.config())
    for name in ("combined_naive", "text"):
        one = find_configuration(name)
        mixed.save_model(one, run.load_model(one), [], run.load_intervals(one))
        run.load_preprocessor(one).save(mixed.preprocessor_directory(one))
    assert SongPopularity.from_run(mixed.directory).preprocessor.branches == ("text",)


def test_text_model_is_required(run: Run, data: PreparedData, tmp_path: Path) -> None:
    empty = Run.start(tmp_path / "run", data, run.config())
    with pytest.raises(InputError, match="a trained model named text, received a run without"):
        SongPopularity.from_run(empty.directory)


def test_script_in_the_documentation_runs(
    preset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "1").symlink_to(preset)
    monkeypatch.chdir(tmp_path)
    (script,) = (
        block for block in code_blocks("docs/serving.md", "python") if "save_to_preset" in block
    )
    exec(compile(script, "documentation", "exec"), {})
    assert (tmp_path / "tuned" / "task.json").is_file()


def test_preset_has_the_files_of_keras_hub(preset: Path) -> None:
    names = {path.name for path in preset.iterdir()}
    assert {"config.json", "task.json", "preprocessor.json", "model.weights.h5"} <= names
    task = json.loads((preset / "task.json").read_text())
    assert task["registered_name"] == "songpop_tf>SongPopularity"
