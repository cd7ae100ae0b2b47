"""Images whose width is not their length."""

from pathlib import Path

import pytest

from pipelines.spectrograms.widths import is_probably_resized, resized_warning
from tests.pipelines.images import pixels, write_png


@pytest.mark.parametrize(
    ("rows", "columns", "is_resized"),
    [
        (256, 1024, True),
        (128, 1024, True),
        (256, 256, True),
        (224, 224, True),
        (256, 64, True),
        (256, 960, False),
        (256, 1023, False),
        (256, 1025, False),
        (256, 2048, False),
        (256, 300, False),
    ],
)
def test_size_that_no_song_has(tmp_path: Path, rows: int, columns: int, is_resized: bool) -> None:
    path = write_png(tmp_path / "a.png", pixels(rows, columns))
    assert is_probably_resized(path) == is_resized


def test_warning_names_the_first_image_and_counts_the_others(tmp_path: Path) -> None:
    paths = [
        write_png(tmp_path / f"{number}.png", pixels(64, columns))
        for number, columns in enumerate((700, 1024, 1024, 900, 1024))
    ]
    assert resized_warning([paths[0], paths[3]]) == ""
    assert f"{paths[1]} is probably resized" in resized_warning(paths[:2])
    warning = resized_warning(paths)
    assert f"{paths[1]} and 2 other images are probably resized" in warning
    assert "received 64 x 1024, which is 5.1 seconds; they are taken as songs of" in warning
    assert "\n" not in warning


def test_other_resized_images_are_read_by_their_width(tmp_path: Path) -> None:
    warning = resized_warning([write_png(tmp_path / "a.png", pixels(224, 224))])
    assert "the models read the width as the song's length" in warning


def test_file_without_header_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "short.png").write_bytes(b"\x89PNG")
    assert resized_warning([tmp_path / "short.png"]) == ""
