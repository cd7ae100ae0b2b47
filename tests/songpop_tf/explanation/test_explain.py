"""Explanations by a run, an exported model and servers."""

import io
import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import tensorflow as tf
from PIL import Image

from pipelines.audio.audio_spectrogram import audio_spectrogram, encode_png
from pipelines.audio.synchrosqueezing import SAMPLE_RATE
from pipelines.constants import HISTORY_LENGTH
from pipelines.errors import InputError
from pipelines.metadata.artist_keys import NO_ARTIST, artist_keys
from pipelines.prepared_data import PreparedData
from pipelines.splits import TRAIN
from songpop_tf.explanation.explain import Explanation, explain, explain_fields
from songpop_tf.explanation.history import HistoryEffect
from songpop_tf.serving.backend import Backend
from songpop_tf.serving.loading import connect, open_predictor
from songpop_tf.serving.predictor import Predictor
from songpop_tf.serving.schema import SIGNATURES_FILE, YEAR_QUANTILES_FILE
from songpop_tf.serving.song import Song
from tests.pipelines.audio.signals import chirp
from tests.pipelines.images import cover, write_png
from tests.songpop_tf.serving.fake_server import ServedModel, grpc_server, rest_server


def assert_same(received: Explanation, expected: Explanation) -> None:
    for part in ("words", "segments", "bands"):
        pairs = zip(getattr(received, part), getattr(expected, part), strict=True)
        assert all(abs(one.effect - other.effect) < 0.05 for one, other in pairs)
    assert received.fields.shapley == pytest.approx(expected.fields.shapley, abs=0.05)
    assert received.history.effect == pytest.approx(expected.history.effect, abs=0.05)
    assert len(received.history.songs) == len(expected.history.songs)
    for one, other in zip(received.history.songs, expected.history.songs, strict=True):
        assert (one.year, one.represented) == (other.year, other.represented)
        assert one.effect == pytest.approx(other.effect, abs=0.05)
        assert one.difference == pytest.approx(other.difference, abs=0.05)


def test_effects_add_up_to_the_prediction(explanation: Explanation) -> None:
    fields = explanation.fields
    total = explanation.prediction.popularity - fields.nothing_known
    assert list(fields.shapley) == ["year", "artist", "title", "sound"]
    assert sum(fields.shapley.values()) == pytest.approx(total, abs=1e-3)
    assert sum(fields.waterfall.values()) == pytest.approx(total, abs=1e-3)


def test_prediction_is_that_of_predict(
    explanation: Explanation, song: Song, exported_backend: Backend
) -> None:
    (expected,) = Predictor(exported_backend).predict_songs([song])
    np.testing.assert_allclose(explanation.prediction, expected, atol=0.02)


def test_segment_is_what_the_mean_in_its_place_in_the_file_changes(
    explanation: Explanation, song: Song, exported_backend: Backend, tmp_path: Path
) -> None:
    assert explanation.png is not None
    segment = explanation.segments[7]
    with Image.open(io.BytesIO(explanation.png)) as file:
        image = np.array(file)
    first, last = round(200 * segment.start), round(200 * segment.end) - 1
    write_png(tmp_path / "covered.png", cover(image, first, last, 0, len(image) - 1))
    covered = Song(song.artist, song.title, song.year, tmp_path / "covered.png")
    (expected,) = Predictor(exported_backend).predict_songs([covered])
    effect = explanation.prediction.popularity - expected.popularity
    assert segment.effect == pytest.approx(effect, abs=0.05)


def test_run_explains_as_its_export(
    explanation: Explanation, song: Song, run_backend: Backend
) -> None:
    received = explain(Predictor(run_backend), song)
    assert_same(received, explanation)
    assert received.fields.place == explanation.fields.place
    assert received.fields.place is not None


@pytest.mark.parametrize("server", [rest_server, grpc_server])
def test_server_explains_as_the_export(
    explanation: Explanation,
    song: Song,
    served_model: ServedModel,
    server: Callable[[ServedModel], AbstractContextManager[str]],
) -> None:
    with server(served_model) as url:
        received = explain(connect(url), replace(song, spectrogram=None))
        assert max(served_model.requests) <= 32, "servers limit batches of metadata"
        received = explain(connect(url), song)
    assert_same(received, explanation)
    assert received.fields.place is None, "no signature tells it"


def test_history_is_the_artists_other_songs(
    data: PreparedData, explanation: Explanation, song: Song, exported_backend: Backend
) -> None:
    training = pd.concat([data.songs_of(TRAIN), data.metadata_of(TRAIN)])
    keys = artist_keys(tf.constant(training.artist.to_numpy(object))).numpy()
    main, counts = np.unique(keys[(keys[:, 1:] == NO_ARTIST).all(axis=1), 0], return_counts=True)
    # A longer history would be sampled.
    key = next(key for key in main[counts > 4] if (keys == key).sum() <= HISTORY_LENGTH)
    artist = training.artist[(keys == [key, NO_ARTIST, NO_ARTIST]).all(axis=1)].iloc[0]
    years = training.year[(keys == key).any(axis=1)]
    other = replace(song, artist=artist, title="Another", spectrogram=None)
    history = explain(Predictor(exported_backend), other).history
    assert [one.year for one in history.songs] == sorted(years)
    assert history.song_count == len(years)
    unknown = replace(other, artist="Nobody's Name")
    assert explain(Predictor(exported_backend), unknown).history == HistoryEffect()
    assert explanation.history.songs


def test_sound_file_is_explained_as_its_spectrogram(
    exported_backend: Backend, tmp_path: Path
) -> None:
    audio, spectrogram = tmp_path / "a.wav", tmp_path / "a.png"
    soundfile.write(audio, chirp(100, 4000, 6.0), SAMPLE_RATE)
    spectrogram.write_bytes(encode_png(audio_spectrogram(audio)))
    predictor = Predictor(exported_backend)
    sound, picture = Song("A", "B", 1999, audio=audio), Song("A", "B", 1999, spectrogram)
    assert_same(explain(predictor, sound), explain(predictor, picture))
    assert explain_fields(predictor, sound) == explain_fields(predictor, picture)
    audio.write_bytes(b"no sound")
    for function in (explain, explain_fields):
        with pytest.raises(InputError, match=r"a\.wav: expected"):
            function(predictor, sound)


def test_song_without_sound_or_words(song: Song, exported_backend: Backend) -> None:
    predictor = Predictor(exported_backend)
    words = explain(predictor, Song(song.artist, song.title, song.year))
    assert (words.segments, words.bands, words.png) == ((), (), None)
    assert list(words.fields.shapley) == ["year", "artist", "title"]
    sound = explain(predictor, Song(spectrogram=song.spectrogram))
    assert sound.words == ()
    assert list(sound.fields.shapley) == ["sound"]
    assert sound.fields.place is None


def test_export_of_an_earlier_version_asks_for_another_export(
    song: Song, exported: Path, tmp_path: Path
) -> None:
    old = tmp_path / "1"
    shutil.copytree(exported, old)
    (old / YEAR_QUANTILES_FILE).unlink()
    description = json.loads((old / SIGNATURES_FILE).read_text())
    del description["signatures"]["occlusion"], description["signatures"]["history"]
    (old / SIGNATURES_FILE).write_text(json.dumps(description))
    predictor = open_predictor(old)
    with pytest.raises(InputError, match="signature occlusion, received .*; export the run again"):
        explain(predictor, song)
    fields = explain_fields(predictor, Song(song.artist, song.title, song.year))
    assert fields.place is None
    assert len(fields.shapley) == 3
    assert explain(predictor, Song(song.artist)).history.songs == ()


def test_unusable_image_is_named(song: Song, exported_backend: Backend, tmp_path: Path) -> None:
    predictor = Predictor(exported_backend)
    blank = tmp_path / "blank.png"
    Image.fromarray(np.zeros((256, 700), "uint8")).save(blank)
    with pytest.raises(InputError, match=r"blank\.png: expected a spectrogram, received a blank"):
        explain(predictor, Song(song.artist, spectrogram=blank))
    (tmp_path / "cat.png").write_bytes(b"meow")
    with pytest.raises(InputError, match=r"cat\.png: expected a PNG file"):
        explain(predictor, Song(song.artist, spectrogram=tmp_path / "cat.png"))


def test_json_has_every_part(explanation: Explanation) -> None:
    content = json.loads(json.dumps(explanation.to_json()))
    assert {"popularity", "nothing_known", "shapley", "waterfall", "place"} <= set(content)
    assert len(content["segments"]) == len(explanation.segments)
    assert content["words"][-1]["field"] == "year"
    assert len(content["history"]["songs"]) == len(explanation.history.songs)
