"""The corpus is as large as it is said to be."""

from tests.corpus.png import broken_images
from tests.corpus.sounds import broken_sounds
from tests.corpus.tables import bad_rows, broken_tables, odd_rows


def test_images_sounds_and_tables_are_more_than_300() -> None:
    parts = (
        broken_images(seed=0),
        broken_sounds(seed=0, count=1),
        broken_tables(seed=0),
        bad_rows(),
        odd_rows(),
    )
    assert sum(map(len, parts)) >= 300


def test_the_same_seed_gives_the_same_files() -> None:
    assert broken_images(seed=3) == broken_images(seed=3)
    assert broken_tables(seed=3) == broken_tables(seed=3)
