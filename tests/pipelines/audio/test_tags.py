"""Artist, title and year of sound files."""

from pathlib import Path

import pytest
import soundfile

from pipelines.audio.synchrosqueezing import SAMPLE_RATE
from pipelines.audio.tags import SongTags, read_tags
from tests.pipelines.audio.signals import tone


def write_tagged(path: Path, **tags: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1) as file:
        for name, value in tags.items():
            setattr(file, name, value)
        file.write(tone(440, 0.2))
    return path


def test_tags_are_read(tmp_path: Path) -> None:
    path = write_tagged(tmp_path / "x.flac", artist="Béla", title="Song", date="1977-02-04")
    assert read_tags(path) == SongTags("Béla", "Song", 1977)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("1977/Fleetwood_Mac_-_Dreams.wav", SongTags("Fleetwood Mac", "Dreams", 1977)),
        ("music/Fleetwood Mac - Dreams.wav", SongTags("Fleetwood Mac", "Dreams", 0)),
        ("03 Fleetwood Mac - Dreams.wav", SongTags("Fleetwood Mac", "Dreams", 0)),
        ("A - B - C.wav", SongTags("A", "B - C", 0)),
        ("07 - Dreams.wav", SongTags("", "Dreams", 0)),
        ("Dreams.wav", SongTags("", "Dreams", 0)),
        ("99 Luftballons.wav", SongTags("", "99 Luftballons", 0)),
        ("3. Dreams.wav", SongTags("", "Dreams", 0)),
        ("50 Cent - In Da Club.wav", SongTags("50 Cent", "In Da Club", 0)),
        ("11 - Fleetwood Mac - Dreams.wav", SongTags("Fleetwood Mac", "Dreams", 0)),
        ("1977/live/Fleetwood Mac - Dreams.wav", SongTags("Fleetwood Mac", "Dreams", 0)),
    ],
)
def test_names_stand_in_for_missing_tags(tmp_path: Path, name: str, expected: SongTags) -> None:
    assert read_tags(write_tagged(tmp_path / name)) == expected


def test_tags_win_over_names(tmp_path: Path) -> None:
    path = write_tagged(tmp_path / "1980" / "Wrong_-_Name.flac", artist="Right")
    assert read_tags(path) == SongTags("Right", "Name", 1980)


def test_file_without_tags_that_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "A - B.mp3").write_bytes(b"nothing")
    assert read_tags(tmp_path / "A - B.mp3") == SongTags("A", "B", 0)
