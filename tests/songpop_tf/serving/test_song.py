"""What is known of a song."""

from pathlib import Path

import pytest

from pipelines.errors import InputError
from songpop_tf.serving.song import Song


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


def test_song_has_one_source_of_its_sound(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a spectrogram or a sound file, received both"):
        Song(spectrogram=tmp_path / "a.png", audio=tmp_path / "a.mp3")
    with pytest.raises(InputError, match="or a sound file, received none"):
        Song()
