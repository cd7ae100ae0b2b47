"""The command ``spectrogram``."""

from pathlib import Path

import soundfile

from pipelines.audio.synchrosqueezing import SAMPLE_RATE
from tests.pipelines.audio.signals import tone
from tests.songpop_tf.cli.runner import error_line, invoke


def test_folder_of_sound_files(tmp_path: Path) -> None:
    (tmp_path / "music" / "1977").mkdir(parents=True)
    soundfile.write(tmp_path / "music" / "1977" / "A - B.wav", tone(440), SAMPLE_RATE)
    result = invoke("spectrogram", tmp_path / "music", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "1 spectrograms written" in result.output
    assert f"Next: songpop-tf prepare --spectrograms {tmp_path / 'out'}" in result.output
    again = invoke("spectrogram", tmp_path / "music", "--out", tmp_path / "out")
    assert "0 spectrograms written" in again.output
    assert "1 already there" in again.output


def test_failures_are_printed_and_exit_with_1(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "A - B.wav", tone(440), SAMPLE_RATE)
    result = invoke("spectrogram", tmp_path / "A - B.wav", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "expected a year in the tags or --year" in result.stderr
    assert "failures.csv" in result.stderr
    dated = invoke("spectrogram", tmp_path / "A - B.wav", "--out", tmp_path / "out", "--year", 1977)
    assert dated.exit_code == 0, dated.output
    assert (tmp_path / "out" / "1977" / "A_-_B.png").is_file()


def test_calibration_needs_originals(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "A - B.wav", tone(440), SAMPLE_RATE)
    options = ("--out", tmp_path / "out", "--calibrate", tmp_path)
    result = invoke("spectrogram", tmp_path / "A - B.wav", *options)
    assert "expected at least 30 original spectrograms" in error_line(result)
