"""Folders of sound files become folders of spectrograms."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image

from pipelines.audio.audio_spectrogram import audio_spectrogram
from pipelines.audio.convert import FAILURES_FILE, convert_audio, find_audio
from pipelines.audio.synchrosqueezing import SAMPLE_RATE
from pipelines.errors import InputError
from tests.pipelines.audio.signals import tone


def write_sound(path: Path, hertz: float = 440.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone(hertz, 0.5), SAMPLE_RATE)
    return path


def test_spectrograms_are_written_in_the_kaggle_layout(tmp_path: Path) -> None:
    files = [
        write_sound(tmp_path / "music" / "1977" / "Fleetwood_Mac_-_Dreams.wav"),
        write_sound(tmp_path / "music" / "AC DC - T.N.T..flac", 880.0),
    ]
    summary = convert_audio(
        find_audio([tmp_path / "music"]), tmp_path / "out", year=1975, processes=2
    )
    assert (summary.converted, summary.existing, len(summary.failures)) == (2, 0, 0)
    written = sorted(str(path.relative_to(tmp_path / "out")) for path in tmp_path.rglob("*.png"))
    assert written == ["1975/AC_DC_-_T.N.T..png", "1977/Fleetwood_Mac_-_Dreams.png"]
    image = Image.open(tmp_path / "out" / "1977" / "Fleetwood_Mac_-_Dreams.png")
    np.testing.assert_array_equal(np.asarray(image), audio_spectrogram(files[0]))
    assert not (tmp_path / "out" / FAILURES_FILE).exists()


def test_existing_spectrograms_are_kept(tmp_path: Path) -> None:
    files = [write_sound(tmp_path / "1977" / f"A_-_{number}.wav") for number in range(3)]
    convert_audio(files[:2], tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.png")}
    calls: list[tuple[int, int]] = []
    summary = convert_audio(
        files, tmp_path / "out", progress=lambda done, total: calls.append((done, total))
    )
    assert (summary.converted, summary.existing) == (1, 2)
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    assert calls == [(2, 3), (3, 3)]


def test_failures_are_listed_with_their_reasons(tmp_path: Path) -> None:
    good = write_sound(tmp_path / "1977" / "A_-_B.wav")
    same = write_sound(tmp_path / "copies" / "1977" / "A_-_B.flac")
    nameless = write_sound(tmp_path / "1977" / "sound.wav")
    undated = write_sound(tmp_path / "C - D.wav")
    broken = tmp_path / "1977" / "E_-_F.mp3"
    broken.write_bytes(b"\x89PNG" + bytes(50))
    files = [good, same, nameless, undated, broken]
    summary = convert_audio(files, tmp_path / "out")
    assert summary.converted == 1
    table = pd.read_csv(tmp_path / "out" / FAILURES_FILE)
    reasons = dict(zip(table.file, table.reason, strict=True))
    assert list(reasons) == [str(file) for file in (same, nameless, undated, broken)]
    assert "than those of" in reasons[str(same)]
    assert "expected artist and title" in reasons[str(nameless)]
    assert "expected a year in the tags or --year" in reasons[str(undated)]
    assert reasons[str(broken)] == "expected a sound file, received a PNG image"


def test_folders_are_searched_and_must_hold_sounds(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected sound files"):
        find_audio([tmp_path])
    with pytest.raises(InputError, match="missing: expected a sound file or a folder"):
        find_audio([tmp_path / "missing"])
    inner = write_sound(tmp_path / "a" / "b" / "X - Y.WAV")
    write_sound(tmp_path / "a" / "._X - Y.wav")
    (tmp_path / "a" / "cover.jpg").touch()
    assert find_audio([tmp_path]) == [inner]


def test_broken_link_is_a_failure_and_loops_end(tmp_path: Path) -> None:
    inner = write_sound(tmp_path / "music" / "1999" / "X - Y.wav")
    broken = tmp_path / "music" / "1999" / "A - B.wav"
    broken.symlink_to(tmp_path / "nowhere.wav")
    (tmp_path / "music" / "1999" / "again").symlink_to(tmp_path / "music")
    assert find_audio([tmp_path / "music"]) == [broken, inner]
    summary = convert_audio([broken, inner], tmp_path / "out")
    assert summary.failures.file.to_list() == [str(broken)]
    assert "No such file" in summary.failures.reason[0]
