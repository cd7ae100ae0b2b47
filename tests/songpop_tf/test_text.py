"""The text branch learns artists by their other songs, and does with what is known."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from songpop_tf.config import FitConfig, HidingConfig, MetadataEncoderConfig
from songpop_tf.evaluation.metrics import r2
from songpop_tf.training.fit import fit
from songpop_tf.training.text import TextBranch, new_reader
from tests.conftest import SilentConsole

CONFIG = MetadataEncoderConfig(
    vocabulary_size=300, tokens=6, layers=1, heads=2, width=8, song_features=16, features=16
)
KNOWN = range(100)
SETTINGS = FitConfig(learning_rate=5e-3, epochs=12, batch_size=64, patience=12)


def songs(artists: range, seed: int) -> pd.DataFrame:
    """Popularity = a rise with the year + a strength of the artist + a little noise."""
    random = np.random.default_rng(seed)
    artist = random.choice(list(artists), 12 * len(artists))
    year = random.integers(1960, 2021, len(artist))
    strength = np.random.default_rng(9).normal(0, 15, 1000)[artist]
    return pd.DataFrame(
        {
            "artist": [f"Name{number}" for number in artist],
            "title": [f"Song {number}" for number in random.integers(0, 10**6, len(artist))],
            "year": year,
            "popularity": 50 + (year - 1990) * 0.5 + strength + random.normal(0, 3, len(artist)),
            "in_large": 0,
        }
    ).assign(popularity=lambda table: table.popularity.clip(0, 100))


@pytest.fixture(scope="module")
def branch(tmp_path_factory: pytest.TempPathFactory) -> TextBranch:
    keras.utils.set_random_seed(0)
    train, validation = songs(KNOWN, seed=1), songs(KNOWN, seed=2)
    branch = TextBranch.new(new_reader(train, CONFIG), CONFIG)
    steps = -(-len(train) // SETTINGS.batch_size)
    fit(
        branch.trained,
        branch.train_dataset(
            train, SETTINGS.batch_size, HidingConfig(names=0.9, years=0.1), seed=0
        ),
        steps,
        branch.dataset(validation, 256),
        SETTINGS,
        tmp_path_factory.mktemp("fit") / "state.npz",
        "text",
        SilentConsole(),
    )
    return branch


def reached(branch: TextBranch, table: pd.DataFrame, **known: object) -> float:
    """R2 on a table of which some columns are replaced."""
    given = table.assign(**known)
    prediction = branch.trained.predict(branch.dataset(given, 256), verbose=0)[:, 0]
    return r2(table.popularity.to_numpy("float64"), prediction.astype("float64"))


def by_year(branch: TextBranch, table: pd.DataFrame) -> float:
    trend = branch.reader.inputs(branch.reader.encode_table(table))["trend"].numpy()
    return r2(table.popularity.to_numpy("float64"), trend.astype("float64"))


def test_known_artists_are_predicted_by_their_other_songs(branch: TextBranch) -> None:
    table = songs(KNOWN, seed=3)
    assert reached(branch, table) > 0.85 > by_year(branch, table) + 0.2


def test_unseen_and_unnamed_artists_are_predicted_as_well_as_by_the_year(
    branch: TextBranch,
) -> None:
    unseen = songs(range(200, 300), seed=4)
    assert reached(branch, unseen) > by_year(branch, unseen) - 0.06
    assert reached(branch, unseen, artist="", title="") > by_year(branch, unseen) - 0.06


def test_without_a_year_the_artist_still_tells(branch: TextBranch) -> None:
    table = songs(KNOWN, seed=5)
    assert reached(branch, table, year=0) > 0.3
    assert abs(reached(branch, table, year=0, artist="", title="")) < 0.15


def test_the_reader_is_stored_with_the_branch(branch: TextBranch, tmp_path: Path) -> None:
    branch.reader.save(tmp_path)
    again = replace(branch, reader=type(branch.reader).load(tmp_path))
    table = songs(range(5), seed=6)
    assert reached(again, table) == pytest.approx(reached(branch, table))
