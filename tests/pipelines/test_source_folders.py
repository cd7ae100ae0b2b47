"""Songs from folders of spectrograms and of sound files."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import tensorflow as tf

from pipelines.audio.audio_spectrogram import audio_spectrogram
from pipelines.audio.synchrosqueezing import SAMPLE_RATE
from pipelines.config import SplitConfig
from pipelines.errors import InputError
from pipelines.prepare import PrepareOptions, prepare
from pipelines.source_folders import SourceFolders, to_folder
from pipelines.spectrograms.loading import resize_spectrogram
from pipelines.spectrograms.tfrecords import parse_song
from tests.conftest import no_progress
from tests.pipelines.audio.signals import chirp
from tests.pipelines.images import pixels, write_png

SONGS = 12


def write_songs(directory: Path) -> Path:
    """Sound files named as songs, and a table of tracks with them and others."""
    for number in range(SONGS):
        path = directory / "music" / str(1970 + number) / f"Artist{number} - Song{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, chirp(100 + 50 * number, 4000, 0.5), SAMPLE_RATE)
    tracks = pd.DataFrame(
        {
            "name": [f"Song{number}" for number in range(5 * SONGS)],
            "artists": [f"['Artist{number}']" for number in range(5 * SONGS)],
            "popularity": np.arange(5 * SONGS) % 100,
            "release_date": [str(1970 + number % SONGS) for number in range(5 * SONGS)],
        }
    )
    tracks.to_csv(directory / "tracks.csv", index=False)
    return directory


def test_sound_files_are_prepared_without_a_png_in_between(tmp_path: Path) -> None:
    write_songs(tmp_path)
    broken = tmp_path / "music" / "1999" / "Artist13 - Song13.mp3"
    broken.parent.mkdir()
    broken.write_bytes(b"no sound")
    options = PrepareOptions(
        None,
        [tmp_path / "tracks.csv"],
        SplitConfig(validation=0.3, test=0.3),
        0.2,
        tmp_path / "music",
    )
    data = prepare(options, tmp_path / "data", no_progress)
    assert len(data.songs) == SONGS
    song = data.songs_of("train").iloc[0]
    record = parse_song(next(iter(tf.data.TFRecordDataset(str(data.shards_of("train")[0])))))
    image = audio_spectrogram(tmp_path / "music" / song.file)
    np.testing.assert_array_equal(record["spectrogram"], resize_spectrogram(tf.constant(image)))
    assert record["columns"] == 100
    quarantine = pd.read_csv(data.directory / "quarantine.csv")
    reasons = quarantine[quarantine.file == "1999/Artist13 - Song13.mp3"].reason.tolist()
    assert len(reasons) == 1
    assert "expected a sound file" in reasons[0]
    assert data.folders == SourceFolders(None, tmp_path / "music")
    again = prepare(options, tmp_path / "data", no_progress)
    assert again.manifest == data.manifest


def test_both_folders_are_listed_together(tmp_path: Path) -> None:
    write_songs(tmp_path)
    write_png(tmp_path / "images" / "1999" / "Artist20_-_Song20.png", pixels(64, 100, seed=0))
    (tmp_path / "music" / "noise.wav").touch()
    folders = SourceFolders(tmp_path / "images", tmp_path / "music")
    files, rejects = folders.find_songs()
    assert len(files) == SONGS + 1
    assert files.name.tolist()[:2] == ["Artist20 - Song20", "Artist0 - Song0"]
    assert rejects.file.tolist() == ["noise.wav"]
    assert all(folders.path(file).is_file() for file in files.file)


def test_broken_link_to_a_sound_file_is_rejected(tmp_path: Path) -> None:
    write_songs(tmp_path)
    (tmp_path / "music" / "1999").mkdir()
    (tmp_path / "music" / "1999" / "A - B.wav").symlink_to(tmp_path / "nowhere.wav")
    files, rejects = SourceFolders(audio=tmp_path / "music").find_songs()
    assert len(files) == SONGS
    assert rejects.file.to_list() == ["1999/A - B.wav"]
    assert "broken link" in rejects.reason[0]


def test_a_folder_is_needed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="received none"):
        SourceFolders().find_songs()
    (tmp_path / "noise.wav").touch()
    with pytest.raises(InputError, match="none of 1 sound files can be used"):
        SourceFolders(audio=tmp_path).find_songs()
    with pytest.raises(InputError, match="found no folder"):
        SourceFolders(audio=tmp_path / "missing").find_songs()


@pytest.mark.parametrize(
    "address", ["hdfs://songs", "file:///songs", Path("gs://songs"), "s3://a/*", "gs:///a"]
)
def test_other_addresses_are_rejected(address: str | Path) -> None:
    with pytest.raises(InputError, match="expected a path of this machine, or .* gs://"):
        to_folder(address)
