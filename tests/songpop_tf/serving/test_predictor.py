"""Batches, and explanations of missing predictions."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import soundfile

from pipelines.audio.audio_spectrogram import audio_spectrogram, encode_png
from pipelines.audio.synchrosqueezing import SAMPLE_RATE
from pipelines.errors import InputError
from pipelines.prepared_data import PreparedData
from songpop_tf.serving.backend import Backend, Inputs, Row, Rows
from songpop_tf.serving.loading import connect
from songpop_tf.serving.predictor import Prediction, Predictor
from songpop_tf.serving.song import Song
from tests.pipelines.audio.signals import chirp
from tests.pipelines.images import encode_image, pixels, write_png
from tests.songpop_tf.serving.fake_server import ServedModel


def songs_with_varied_inputs(data: PreparedData, sample: Path, count: int) -> list[Song]:
    """Songs with and without spectrogram, text and year."""
    rows = data.songs.head(count)
    files = [sample / "spectrograms" / file for file in rows.file]
    fields = zip(rows.artist, rows.title, rows.year.tolist(), strict=True)
    songs = [
        Song(*known, file if index % 2 else None)
        for index, (known, file) in enumerate(zip(fields, files, strict=True))
    ]
    return [*songs, Song("Beyoncé", "Песня"), Song(spectrogram=files[0]), Song(year=1999)]


def test_server_predicts_as_the_local_model_in_batches(
    url: str, served_model: ServedModel, exported_backend: Backend, data: PreparedData, sample: Path
) -> None:
    songs = songs_with_varied_inputs(data, sample, 40)
    predictor = connect(url)
    for song in songs:
        predictor.check(song)
    expected = Predictor(exported_backend).predict_songs(songs)
    np.testing.assert_allclose(predictor.predict_songs(songs), expected, atol=1e-3)
    assert max(served_model.requests) <= 32
    assert len(served_model.requests) < 5, "songs are sent in batches"


def test_damaged_image_does_not_affect_the_other_songs_of_its_batch(
    url: str, sample: Path, tmp_path: Path
) -> None:
    good = next((sample / "spectrograms").rglob("*.png")).read_bytes()
    damaged = bytearray(good)
    damaged[len(good) // 2 : len(good) // 2 + 40] = b"x" * 40
    for name, content in (("good", good), ("damaged", bytes(damaged)), ("cat", b"meow")):
        (tmp_path / f"{name}.png").write_bytes(content)
    predictor = connect(url)
    songs = [Song("A", "B", 1999, tmp_path / f"{name}.png") for name in ("good", "damaged", "cat")]
    for song in songs[1:]:
        with pytest.raises(InputError, match=f"{song.spectrogram}: expected a PNG"):
            predictor.check(song)
    # Sent despite the failed checks: the server detects both too.
    predicted, rejected, unusable = predictor.predict_songs(songs)
    assert not isinstance(predicted, InputError)
    assert "expected status" in str(rejected)
    assert str(unusable).startswith(f"{tmp_path / 'cat.png'}: expected inputs that the model can")


def test_server_that_rejects_every_song_is_not_sent_all_of_them(
    rest_url: str, served_model: ServedModel
) -> None:
    predictor = connect(rest_url)
    served_model.faults = [400] * 100
    with pytest.raises(InputError, match="received 400"):
        predictor.predict_songs([Song("Queen", "Innuendo", 1991)] * 80)
    assert len(served_model.faults) == 100 - 33


class RecordingBackend:
    """A model that reads spectrograms and records what it is sent."""

    name = identity = "recording"
    branches: ClassVar = ["text", "cnn", "combined"]
    validate_images = True

    def __init__(self) -> None:
        self.requests: list[tuple[str, Inputs]] = []

    def predict_batch(self, signature: str, inputs: Inputs) -> Rows:
        self.requests.append((signature, inputs))
        return [Row(50.0, 40.0, 60.0, usable=True)] * len(inputs["year"])


@pytest.mark.parametrize("processes", [1, 2])
def test_sound_file_is_sent_as_its_spectrogram(tmp_path: Path, processes: int) -> None:
    soundfile.write(tmp_path / "a.wav", chirp(100, 4000, 1.0), SAMPLE_RATE)
    (tmp_path / "broken.mp3").write_bytes(b"no sound")
    backend = RecordingBackend()
    predictor = Predictor(backend)
    write_png(tmp_path / "d.png", pixels(256, 40))
    songs = [
        Song("A", "B", audio=tmp_path / "broken.mp3"),
        Song("D", "E", 2001, tmp_path / "d.png"),
        Song("A", "B", 1999, audio=tmp_path / "a.wav"),
        Song("C"),
    ]
    for song in songs:
        predictor.check(song)
    broken, *predictions = predictor.predict_songs(songs, processes)
    assert isinstance(broken, InputError)
    assert str(broken).startswith(f"{tmp_path / 'broken.mp3'}: expected")
    assert predictions == [(50.0, 40.0, 60.0)] * 3
    (_, text_inputs), (signature, inputs) = backend.requests
    assert signature == "serving_default"
    drawn = encode_png(audio_spectrogram(tmp_path / "a.wav"))
    assert inputs["spectrogram_png"] == [(tmp_path / "d.png").read_bytes(), drawn]
    assert inputs["artist"] == ["D", "A"]
    assert text_inputs["artist"] == ["C"]


def test_table_is_predicted_row_by_row() -> None:
    table = pd.DataFrame(
        {"artist": ["A", "B", None], "title": ["C", "D", "E"], "year": [np.nan, 1999, 2001]},
        index=["x", "y", "z"],
    )
    backend = RecordingBackend()
    predicted = Predictor(backend).predict(table)
    assert predicted.index.tolist() == ["x", "y", "z"]
    assert predicted.to_numpy().tolist() == [[50.0, 40.0, 60.0]] * 3
    assert predicted.columns.tolist() == ["popularity", "low", "high"]
    ((_, inputs),) = backend.requests
    assert inputs == {
        "artist": ["A", "B", ""],
        "title": ["C", "D", "E"],
        "year": [0, 1999, 2001],
    }
    assert Predictor(backend).predict(artist="A", year=1999) == Prediction(50.0, 40.0, 60.0)


def test_error_names_the_row_or_the_argument(tmp_path: Path) -> None:
    predictor = Predictor(RecordingBackend())
    (tmp_path / "broken.mp3").write_bytes(b"no sound")
    table = pd.DataFrame({"artist": ["A", "B"], "title": "C", "year": [1999, 1]}, index=[7, 8])
    with pytest.raises(InputError, match=r"^row 8: year: expected .* received 1$"):
        predictor.predict(table)
    with pytest.raises(InputError, match=r"^row 7: .*broken.mp3: expected"):
        predictor.predict(table.assign(year=1999, audio=[tmp_path / "broken.mp3", None]))
    with pytest.raises(InputError, match=r"^year, audio: expected a table or the fields of one"):
        predictor.predict(table, year=1999, audio="a.mp3")  # type: ignore[call-overload]
    with pytest.raises(InputError, match=r"broken.mp3: expected"):
        predictor.predict(audio=tmp_path / "broken.mp3")


def test_probably_resized_image_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encode_image(pixels(256, 1024)))
    with pytest.warns(UserWarning, match="a.png is probably resized"):
        Predictor(RecordingBackend()).predict(spectrogram=tmp_path / "a.png")
