"""The command ``prepare``."""

from pathlib import Path

from tests.songpop_tf.cli.runner import error_line, invoke


def test_input_errors_are_one_line(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "tracks.csv").write_text("name,popularity\nDreams,80\n")
    (tmp_path / "empty").mkdir()
    images = ("--spectrograms", sample / "spectrograms")
    out = ("--out", tmp_path / "data")
    missing = error_line(invoke("prepare", *images, "--tracks", tmp_path / "tracks.csv", *out))
    assert "missing: artists, release_date" in missing
    nowhere = error_line(invoke("prepare", *images, "--tracks", tmp_path / "no.csv", *out))
    assert "no.csv" in nowhere
    tracks = ("--tracks", sample / "tracks.csv")
    empty = error_line(invoke("prepare", "--spectrograms", tmp_path / "empty", *tracks, *out))
    assert "received a folder without PNG" in empty
