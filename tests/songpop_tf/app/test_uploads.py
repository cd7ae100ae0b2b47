"""Names of uploaded files."""

import pytest

pytest.importorskip("starlette", reason="needs the extra [app]")

from songpop_tf.app.uploads import file_name


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("Artist - Title.mp3", "Artist - Title.mp3"),
        ("../../etc/passwd", "passwd"),
        ("C:\\music\\song.mp3", "song.mp3"),
        ("/", "upload"),
        ("..", "upload"),
        ("", "upload"),
        ("a\0b\n.wav", "a b .wav"),
        ("é" * 300 + ".mp3", "é" * 60 + ".mp3"),
    ],
)
def test_only_the_last_part_of_a_name_is_used(name: str, stored: str) -> None:
    assert file_name(name) == stored
