"""Tests of the checks of a server's responses to the signature ``history``."""

import math

import pytest

from pipelines.errors import InputError
from songpop_tf.serving.backend import HistorySong, Row
from songpop_tf.serving.schema import WITH_HISTORY
from songpop_tf.serving.server_responses import rows_from_columns

URL = "http://localhost:8501/v1/models/songpop"
COLUMNS = {
    "popularity": [40, 50.5],
    "popularity_low": [20.0, 30.0],
    "popularity_high": [60.0, 70.0],
    "usable": [True, True],
    "song_year": [1977, 0],
    "song_difference": [12.5, -3],
    "song_count": [1.0, 2.25],
}


def test_rows_describe_the_song_left_out() -> None:
    assert rows_from_columns(URL, WITH_HISTORY, COLUMNS, 2) == [
        Row(40.0, 20.0, 60.0, True, HistorySong(1977, 12.5, 1.0)),
        Row(50.5, 30.0, 70.0, True, HistorySong(0, -3.0, 2.25)),
    ]


@pytest.mark.parametrize("name", ["song_year", "song_difference", "song_count"])
@pytest.mark.parametrize("values", [None, [1.0], [1.0, math.nan], [1.0, "2"], [1.0, None], 7])
def test_malformed_history_is_refused(name: str, values: object) -> None:
    columns = {**COLUMNS, name: values}
    with pytest.raises(InputError, match=f"{URL}: expected 2 numbers as {name}, received"):
        rows_from_columns(URL, WITH_HISTORY, columns, 2)
