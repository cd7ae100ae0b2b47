"""Segments, bands, and the most important of them."""

import pytest

from songpop_tf.explanation.occlusion import (
    BANDS,
    MAX_SEGMENTS,
    MIN_SEGMENTS,
    band_patches,
    hertz_at,
    most_important,
    segment_patches,
)


@pytest.mark.parametrize(
    ("columns", "count"), [(36_007, MAX_SEGMENTS), (6000, 30), (400, MIN_SEGMENTS)]
)
def test_segments_cover_the_song_once(columns: int, count: int) -> None:
    patches = segment_patches(256, columns)
    assert len(patches) == count
    covered = [
        column for patch in patches for column in range(patch.first_column, patch.last_column + 1)
    ]
    assert covered == list(range(columns))
    assert {(patch.first_row, patch.last_row) for patch in patches} == {(0, 255)}


def test_bands_cover_the_rows_from_low_to_high() -> None:
    patches = band_patches(250, 700)
    assert len(patches) == BANDS
    covered = [row for patch in patches for row in range(patch.last_row, patch.first_row - 1, -1)]
    assert covered == list(range(249, -1, -1))
    assert hertz_at(patches[0].last_row + 1, 250) == pytest.approx(30)
    assert hertz_at(patches[-1].first_row, 250) == pytest.approx(12_000)


def test_most_important_parts_do_not_cancel_out() -> None:
    assert most_important([3.0, -1.0, 2.0, -2.5, -2.0], 2) == [0, 2]
    assert most_important([1.0, -1.0, 2.0, -2.5, -2.0], 2) == [3, 4]
