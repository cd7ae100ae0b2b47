"""The served graph predicts as training's datasets and models do."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipelines.audio.audio_spectrogram import encode_png
from pipelines.audio.grayscale import to_grayscale
from pipelines.audio.synchrosqueezing import SynchrosqueezedTransform
from pipelines.metadata.known_fields import FIELDS, MISSINGNESS_PATTERNS
from pipelines.prepared_data import PreparedData
from pipelines.splits import TEST, TRAIN
from songpop_tf.serving.loading import open_predictor
from songpop_tf.serving.schema import NO_PREDICTION, OUTPUTS, USABLE
from songpop_tf.serving.serving_model import ServingModel
from songpop_tf.serving.song import Song
from songpop_tf.training.configurations import find_configuration
from songpop_tf.training.conformal import Covariates
from songpop_tf.training.inference import predict_patterns, predict_split, run_covariates
from songpop_tf.training.run import Run
from tests.pipelines.audio.signals import chirp, noise
from tests.pipelines.images import encode_image, pixels


def predict(model: tf.Module, signature: str = "serving_default", **columns: list) -> np.ndarray:
    """The numbers, ``(batch, 3)``, of songs that are all usable."""
    outputs, usable = predict_any(model, signature, **columns)
    assert usable.all()
    return outputs


def predict_any(
    model: tf.Module, signature: str = "serving_default", **columns: list
) -> tuple[np.ndarray, np.ndarray]:
    """The numbers, ``(batch, 3)``, all finite, and whether each song is usable, ``(batch,)``."""
    dtypes = {"year": tf.int64, "samples": tf.int64, "audio": tf.float32}
    tensors = {
        name: tf.constant(column, dtypes.get(name, tf.string)) for name, column in columns.items()
    }
    outputs = model.signatures[signature](**tensors)
    assert set(outputs) == {*OUTPUTS, USABLE}
    numbers = np.stack([outputs[name].numpy() for name in OUTPUTS], axis=1)
    assert np.isfinite(numbers).all()
    assert outputs[USABLE].dtype == tf.bool
    return numbers, outputs[USABLE].numpy()


@pytest.fixture(scope="module")
def test_songs(data: PreparedData, sample: Path) -> dict[str, list]:
    """The test songs as columns of a request."""
    songs = data.songs_of(TEST)
    files = [(sample / "spectrograms" / file).read_bytes() for file in songs.file]
    fields = {name: songs[name].tolist() for name in ("artist", "title", "year")}
    return {"spectrogram_png": files, **fields}


def test_predictions_equal_those_on_training_datasets(
    saved_model: tf.Module, test_songs: dict[str, list], run: Run, data: PreparedData
) -> None:
    count = len(test_songs["artist"])
    fields = {name: test_songs[name] for name in ("artist", "title", "year")}
    unknown = {"artist": [""] * count, "title": [""] * count, "year": [0] * count}
    outputs = {
        "combined": predict(saved_model, **test_songs),
        "cnn": predict(saved_model, spectrogram_png=test_songs["spectrogram_png"], **unknown),
        "text": predict(saved_model, spectrogram_png=[b""] * count, **fields),
    }
    for branch, received in outputs.items():
        configuration = find_configuration(branch)
        model = run.load_model(configuration)
        expected = predict_split(configuration, model, run, data, TEST)
        # An FFT may round a pixel differently in another graph.
        tolerance = 1e-4 if branch == "text" else 0.02
        np.testing.assert_allclose(received[:, 0], expected, atol=tolerance)
        covariates = run_covariates(configuration, run, data.songs_of(TEST))
        pattern = 0 if branch == "cnn" else -1
        low, high = run.load_intervals(configuration).ends(
            received[:, 0], covariates.of_pattern(pattern)
        )
        np.testing.assert_allclose(received[:, 1], low, atol=1e-3)
        np.testing.assert_allclose(received[:, 2], high, atol=1e-3)
    np.testing.assert_array_equal(predict(saved_model, "metadata_only", **fields), outputs["text"])


def test_interval_depends_on_known_fields_and_artists(
    saved_model: tf.Module, run: Run, data: PreparedData
) -> None:
    artist = data.songs_of(TRAIN).artist.iloc[0]
    songs = {
        "artist": [artist, "A", "A", "", " "],
        "title": ["B", "B", "", "", "B"],
        "year": [1999, 1999, 0, 0, 1999],
    }
    outputs = predict(saved_model, "metadata_only", **songs)
    known = [FIELDS, FIELDS, ("artist",), (), ("title", "year")]
    covariates = Covariates(
        pattern=np.array([MISSINGNESS_PATTERNS.index(pattern) for pattern in known]),
        year=np.array(songs["year"]),
        has_history=np.arange(5) == 0,
    )
    intervals = run.load_intervals(find_configuration("text"))
    low, high = intervals.ends(outputs[:, 0], covariates)
    np.testing.assert_allclose(outputs[:, 1:], np.stack([low, high], axis=1), atol=1e-3)
    assert len(np.unique(np.round(high - low, 2))) == 5


@pytest.mark.parametrize(
    ("missing", "with_both", "spectrogram_only"),
    [("combined", "text", "cnn"), ("cnn", "combined", "combined")],
)
def test_another_branch_predicts_if_the_run_lacks_one(
    run: Run,
    data: PreparedData,
    sample: Path,
    tmp_path: Path,
    missing: str,
    with_both: str,
    spectrogram_only: str,
) -> None:
    shutil.copytree(run.directory, tmp_path / "run")
    partial_run = Run.open(tmp_path / "run")
    for name in (missing, f"{missing}_naive"):
        partial_run.history_path(find_configuration(name)).unlink()
    song = data.songs_of(TEST).iloc[0]
    png = sample / "spectrograms" / song.file
    predictor = open_predictor(partial_run.directory)
    songs = [Song(song.artist, song.title, int(song.year), png), Song(spectrogram=png)]
    for known in songs:
        predictor.check(known)
    predictions = predictor.predict_songs(songs)
    for prediction, name, pattern in zip(
        predictions, (with_both, spectrogram_only), (-1, 0), strict=True
    ):
        configuration = find_configuration(name)
        model = run.load_model(configuration)
        expected = predict_patterns(configuration, model, run, data, TEST)[pattern, 0]
        assert prediction.popularity == pytest.approx(expected, abs=0.02)


def test_batch_mixes_songs_with_different_known_inputs(saved_model: tf.Module) -> None:
    png = [encode_image(pixels(256, width)) for width in (700, 3001)]
    songs = {
        "spectrogram_png": [png[0], b"", png[1], b"", png[1]],
        "artist": ["A", "B", "", "", "Ñandú"],
        "title": ["", "Song", "", "", "Песня"],
        "year": [1999, 0, 0, 1980, 2005],
    }
    batch = predict(saved_model, **songs)
    single = [
        predict(saved_model, **{name: column[row : row + 1] for name, column in songs.items()})
        for row in range(5)
    ]
    np.testing.assert_allclose(batch, np.concatenate(single), atol=1e-3)
    assert ((batch >= 0) & (batch <= 100)).all()


@pytest.mark.parametrize(
    "image",
    [
        b"nonsense",
        encode_image(pixels(256, 256), "JPEG"),
        encode_image(pixels(256, 700))[:-30],
        encode_image(pixels(16, 700)),
        encode_image(np.full((256, 700), 7, "uint8")),
        encode_image(np.zeros((256, 700), "uint16")),
        encode_image(np.stack([pixels(256, 700, seed) for seed in range(3)], axis=-1)),
    ],
    ids=["no image", "JPEG", "truncated", "too few rows", "blank", "blank 16-bit", "color"],
)
def test_song_with_unusable_image_is_predicted_from_its_other_inputs(
    saved_model: tf.Module, image: bytes
) -> None:
    outputs, usable = predict_any(
        saved_model,
        spectrogram_png=[encode_image(pixels(256, 700)), image, b"", image, b""],
        artist=["A"] * 3 + [""] * 2,
        title=["B"] * 3 + [""] * 2,
        year=[1999] * 3 + [0] * 2,
    )
    assert usable.tolist() == [True, False, True, False, True]
    np.testing.assert_allclose(outputs[[1, 3]], outputs[[2, 4]], atol=1e-4)
    assert abs(outputs[0] - outputs[2]).max() > 0.01, "the image changes the prediction"


def test_song_that_no_model_reads_has_no_prediction(run: Run, tmp_path: Path) -> None:
    shutil.copytree(run.directory, tmp_path / "run")
    cnn_only = Run.open(tmp_path / "run")
    for name in ("text", "text_naive", "combined", "combined_naive"):
        cnn_only.history_path(find_configuration(name)).unlink()
    outputs, usable = predict_any(
        ServingModel(cnn_only),
        spectrogram_png=[encode_image(pixels(256, 700)), b"nonsense", b""],
        artist=["A"] * 3,
        title=["B"] * 3,
        year=[1999] * 3,
    )
    assert usable.tolist() == [True, False, False]
    np.testing.assert_array_equal(outputs[1:], [NO_PREDICTION] * 2)


def test_empty_batch_has_empty_outputs(saved_model: tf.Module) -> None:
    outputs = predict(saved_model, spectrogram_png=[], artist=[], title=[], year=[])
    assert outputs.shape == (0, 3)


def test_audio_is_predicted_as_its_png(saved_model: tf.Module) -> None:
    sounds = [chirp(100, 4000, 3.0) + noise(3.0), noise(1.5, seed=1), noise(0.1)]
    audio = np.zeros((4, max(map(len, sounds))), np.float32)
    for row, sound in zip(audio, sounds, strict=False):
        row[: len(sound)] = sound
    fields = {"artist": ["A", "", "A", "A"], "title": ["B", "", "B", "B"], "year": [1999, 0, 0, 0]}
    samples = [*map(len, sounds), 0]
    outputs, usable = predict_any(saved_model, "audio", audio=audio, samples=samples, **fields)
    transform = SynchrosqueezedTransform()
    png = [encode_png(to_grayscale(transform(sound))) for sound in sounds[:2]]
    expected = predict(saved_model, spectrogram_png=[*png, b"", b""], **fields)
    np.testing.assert_allclose(outputs[:2], expected[:2], atol=0.05)
    assert usable.tolist() == [True, True, False, True], "the third is too short"
    text = predict(saved_model, "metadata_only", **fields)
    np.testing.assert_allclose(outputs[2:], text[2:], atol=1e-4)


def test_song_with_unusable_audio_is_predicted_from_its_metadata(
    saved_model: tf.Module,
) -> None:
    sound = chirp(100, 4000, 1.0).astype(np.float32)
    audio = np.stack([sound] * 5)
    audio[1, 7] = np.inf
    audio[2, 7] = np.nan
    audio[3] = 0.0
    samples = [len(sound)] * 4 + [len(sound) + 1]
    fields = {"artist": ["A"] * 5, "title": ["B"] * 5, "year": [1999] * 5}
    outputs, usable = predict_any(saved_model, "audio", audio=audio, samples=samples, **fields)
    assert usable.tolist() == [True, False, False, False, False]
    text = predict(saved_model, "metadata_only", **fields)
    np.testing.assert_allclose(outputs[1:], text[1:], atol=1e-4)
