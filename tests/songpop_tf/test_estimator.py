"""The scikit-learn estimator."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import songpop_tf
from pipelines.errors import InputError
from songpop_tf import FitConfig, MetadataEncoderConfig, RunConfig, SongPopularityRegressor
from tests.conftest import QUICK, TINY

CONFIG = RunConfig(
    cnn=TINY.cnn,
    metadata=MetadataEncoderConfig(vocabulary_size=200, tokens=8, layers=1, heads=1, width=8),
    text_naive_fit=FitConfig(learning_rate=1e-2, epochs=12, batch_size=32, patience=12),
    combined_naive_fit=QUICK,
)


@pytest.fixture(scope="module")
def songs() -> tuple[pd.DataFrame, "pd.Series[float]"]:
    """Songs whose popularity rises with the year; some fields are unknown."""
    rng = np.random.default_rng(0)
    years = rng.integers(1960, 2020, 240)
    table = pd.DataFrame(
        {
            "year": years.astype(object),
            "artist": rng.choice(["Abba", "Queen", "Björk", None], 240),
            "title": rng.choice(["One", "Two", "Three"], 240),
        },
        index=range(1000, 1240),
    )
    popularity = pd.Series((years - 1960) * 1.2 + 15 + rng.normal(0, 3, 240), table.index)
    table.iloc[0, 0] = np.nan
    return table, popularity.clip(0, 100)


@pytest.fixture(scope="module")
def fitted(songs: tuple[pd.DataFrame, "pd.Series[float]"]) -> SongPopularityRegressor:
    return SongPopularityRegressor(CONFIG).fit(*songs)


def test_learns_from_metadata(
    fitted: SongPopularityRegressor, songs: tuple[pd.DataFrame, "pd.Series[float]"]
) -> None:
    assert fitted.score(*songs) > 0.7
    assert fitted.feature_names_in_.tolist() == ["artist", "title", "year"]
    assert [entry["epoch"] for entry in fitted.history_] == list(range(1, len(fitted.history_) + 1))


def test_songs_are_predicted_in_their_order(
    fitted: SongPopularityRegressor, songs: tuple[pd.DataFrame, "pd.Series[float]"]
) -> None:
    table, _ = songs
    forward, backward = fitted.predict(table), fitted.predict(table.iloc[::-1])
    np.testing.assert_allclose(forward, backward[::-1], atol=1e-3)


def test_same_seed_same_model(
    fitted: SongPopularityRegressor, songs: tuple[pd.DataFrame, "pd.Series[float]"]
) -> None:
    copy = clone(fitted)
    assert copy.get_params() == {"config": CONFIG, "validation_fraction": 0.15}
    with pytest.raises(NotFittedError):
        copy.predict(songs[0])
    np.testing.assert_allclose(copy.fit(*songs).predict(songs[0]), fitted.predict(songs[0]))


def test_pickled_model_predicts_the_same(
    fitted: SongPopularityRegressor, songs: tuple[pd.DataFrame, "pd.Series[float]"]
) -> None:
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_allclose(copy.predict(songs[0]), fitted.predict(songs[0]), atol=1e-4)


def test_works_in_cross_validation_of_a_pipeline(
    songs: tuple[pd.DataFrame, "pd.Series[float]"],
) -> None:
    renamed = songs[0].rename(columns={"artist": "singer"})
    rename = FunctionTransformer(pd.DataFrame.rename, kw_args={"columns": {"singer": "artist"}})
    pipeline = make_pipeline(rename, SongPopularityRegressor(CONFIG))
    scores = cross_val_score(pipeline, renamed, songs[1], cv=2, error_score="raise")
    baseline = cross_val_score(LinearRegression(), np.zeros((240, 1)), songs[1], cv=2)
    assert (scores > baseline).all()


def test_learns_from_spectrograms(sample: Path) -> None:
    paths = sorted((sample / "spectrograms").rglob("*.png"))[:16]
    table = pd.DataFrame({"artist": "A", "title": "x", "year": 1990, "spectrogram": paths})
    model = SongPopularityRegressor(CONFIG).fit(table, np.linspace(0, 100, len(table)))
    assert model.n_features_in_ == 4
    predicted = model.predict(table)
    assert predicted.shape == (len(table),)
    assert predicted.std() > 0
    np.testing.assert_allclose(predicted[::-1], model.predict(table.iloc[::-1]), atol=1e-3)
    with pytest.raises(InputError, match="missing: spectrogram"):
        model.predict(table.drop(columns="spectrogram"))
    unreadable = table.assign(spectrogram=[*paths[:-1], sample / "tracks.csv"])
    with pytest.raises(InputError, match="tracks.csv"):
        model.predict(unreadable)


@pytest.mark.parametrize(
    ("columns", "popularity", "message"),
    [
        ({"year": ["x"] * 12}, [50.0] * 12, "X, row 0: year"),
        ({}, [50.0] * 11, "y: expected 12 numbers"),
        ({}, [50.0] * 11 + [np.nan], "y: expected popularity from 0 to 100, received nan"),
        ({}, [50.0] * 11 + [101], "received 101"),
        ({"spectrogram": [None, *["a.png"] * 11]}, [50.0] * 12, "X, row 0: expected a spectrogram"),
    ],
)
def test_unusable_songs_are_named(
    columns: dict[str, list[object]], popularity: list[float], message: str
) -> None:
    table = pd.DataFrame({"artist": ["A"] * 12, "title": "x", "year": 1990}).assign(**columns)
    with pytest.raises(InputError, match=message):
        SongPopularityRegressor(CONFIG).fit(table, popularity)


def test_too_few_songs_and_no_held_out_songs_are_refused() -> None:
    table = pd.DataFrame({"artist": ["A"] * 3, "title": "x", "year": 1990})
    with pytest.raises(InputError, match="expected 10 songs or more, received 3"):
        songpop_tf.SongPopularityRegressor(CONFIG).fit(table, [1.0, 2.0, 3.0])
    with pytest.raises(InputError, match="validation_fraction"):
        SongPopularityRegressor(CONFIG, validation_fraction=1.0).fit(table, [1.0, 2.0, 3.0])
