"""The text branch predicts known artists by their history, and copes with unknown fields."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from pipelines.config import MaskingConfig
from songpop_tf.config import FitConfig, MetadataEncoderConfig
from songpop_tf.evaluation.metrics import r2
from songpop_tf.training.callbacks import Checkpoint
from songpop_tf.training.fit import fit
from songpop_tf.training.text_branch import TextBranch, build_preprocessor

CONFIG = MetadataEncoderConfig(
    vocabulary_size=300, tokens=6, layers=1, heads=2, width=8, history_features=16, features=16
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
            "is_pretraining": 0,
        }
    ).assign(popularity=lambda table: table.popularity.clip(0, 100))


@pytest.fixture(scope="module")
def branch(tmp_path_factory: pytest.TempPathFactory) -> TextBranch:
    keras.utils.set_random_seed(0)
    train, validation = songs(KNOWN, seed=1), songs(KNOWN, seed=2)
    branch = TextBranch.create(build_preprocessor(train, CONFIG), CONFIG)
    masking = MaskingConfig(artist_name_rate=0.9, year_rate=0.1)
    path = tmp_path_factory.mktemp("fit") / "text.npz"
    fit(
        branch.trained_part,
        branch.train_dataset(train, SETTINGS.batch_size, masking=masking, seed=0),
        branch.dataset(validation, 256),
        stage="text",
        config=SETTINGS,
        steps_per_epoch=-(-len(train) // SETTINGS.batch_size),
        checkpoint=Checkpoint(path, patience=SETTINGS.patience),
    )
    return branch


def r2_on(branch: TextBranch, table: pd.DataFrame, **replaced: object) -> float:
    """R2 on a table of which some columns are replaced."""
    dataset = branch.dataset(table.assign(**replaced), 256)
    prediction = branch.trained_part.predict(dataset, verbose=0)[:, 0]
    return r2(table.popularity.to_numpy("float64"), prediction.astype("float64"))


def r2_of_year(branch: TextBranch, table: pd.DataFrame) -> float:
    """R2 of the year baseline alone."""
    inputs = branch.preprocessor.to_model_inputs(branch.preprocessor.tokenize_table(table))
    baseline = inputs["year_baseline"].numpy().astype("float64")
    return r2(table.popularity.to_numpy("float64"), baseline)


def test_known_artists_are_predicted_by_their_history(branch: TextBranch) -> None:
    table = songs(KNOWN, seed=3)
    assert r2_on(branch, table) > 0.85 > r2_of_year(branch, table) + 0.2


def test_unknown_artists_are_predicted_as_well_as_by_year(branch: TextBranch) -> None:
    unseen = songs(range(200, 300), seed=4)
    assert r2_on(branch, unseen) > r2_of_year(branch, unseen) - 0.06
    assert r2_on(branch, unseen, artist="", title="") > r2_of_year(branch, unseen) - 0.06


def test_artist_helps_where_the_year_is_unknown(branch: TextBranch) -> None:
    table = songs(KNOWN, seed=5)
    assert r2_on(branch, table, year=0) > 0.3
    assert abs(r2_on(branch, table, year=0, artist="", title="")) < 0.15


def test_saved_preprocessor_gives_the_same_predictions(branch: TextBranch, tmp_path: Path) -> None:
    branch.preprocessor.save(tmp_path)
    loaded = replace(branch, preprocessor=type(branch.preprocessor).load(tmp_path))
    table = songs(range(5), seed=6)
    assert r2_on(loaded, table) == pytest.approx(r2_on(branch, table))
