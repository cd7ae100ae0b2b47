"""Songs, batches, and explanations of missing predictions."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.prepared_data import PreparedData
from songpop_tf.serving.loading import connect, open_predictor
from songpop_tf.serving.predictor import Song
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
    url: str, served_model: ServedModel, exported: Path, data: PreparedData, sample: Path
) -> None:
    songs = songs_with_varied_inputs(data, sample, 40)
    predictor = connect(url)
    for song in songs:
        predictor.check(song)
    expected = open_predictor(exported).predict(songs)
    np.testing.assert_allclose(predictor.predict(songs), expected, atol=1e-3)
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
    predicted, rejected, unusable = predictor.predict(songs)
    assert not isinstance(predicted, InputError)
    assert "expected status" in str(rejected)
    assert "expected a prediction, received NaN" in str(unusable)


def test_server_that_rejects_every_song_is_not_sent_all_of_them(
    rest_url: str, served_model: ServedModel
) -> None:
    predictor = connect(rest_url)
    served_model.faults = [400] * 100
    with pytest.raises(InputError, match="received 400"):
        predictor.predict([Song("Queen", "Innuendo", 1991)] * 80)
    assert len(served_model.faults) == 100 - 33


def test_song_accepts_text_of_any_script() -> None:
    for artist in (
        "Fleetwood\xa0Mac",
        "宇多田\u3000ヒカル",
        "نوش\u200cآفرین",
        "Who \U0001f468\u200d\U0001f3a4",
    ):
        assert Song(artist).artist == artist


def test_song_rejects_control_characters() -> None:
    for artist in ("Fleetwood\nMac", "Beyonc\udce9", "\x1b[2J"):
        with pytest.raises(InputError, match="without control characters"):
            Song(artist)
