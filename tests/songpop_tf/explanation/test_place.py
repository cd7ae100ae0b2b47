"""The place of a prediction within its year."""

from pipelines.metadata.year_quantiles import YearSongs
from songpop_tf.explanation.place import Place, place_within_year

SONGS = YearSongs(1976, 1978, 300, tuple(float(2 * step) for step in range(51)))


def test_place_names_the_songs_it_compares_with() -> None:
    place = place_within_year(72.0, 1977, {1977: SONGS})
    assert place is not None
    assert round(place.higher_than, 3) == 0.72
    assert (place.songs, place.years) == (300, "1976 to 1978")
    assert Place(0.5, 100, 1977, 1977).years == "1977"


def test_unknown_place_is_not_guessed() -> None:
    assert place_within_year(72.0, 1977, None) is None
    assert place_within_year(72.0, 2020, {1977: SONGS}) is None
    assert place_within_year(72.0, 0, {1977: SONGS}) is None
