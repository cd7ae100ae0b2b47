"""The baselines on songs with a known year and artist effect."""

import numpy as np
import pandas as pd
import pytest

from songpop_tf.evaluation.baselines import predict_baselines
from songpop_tf.evaluation.metrics import metrics


def songs(count: int, seed: int) -> pd.DataFrame:
    """Popularity = linear year effect + artist effect + noise."""
    rng = np.random.default_rng(seed)
    artist = rng.integers(0, 30, count)
    year = rng.integers(1960, 2021, count)
    artist_effect = np.linspace(-20, 20, 30)[artist]
    popularity = 50 + (year - 1990) * 0.4 + artist_effect + rng.normal(0, 3, count)
    return pd.DataFrame(
        {
            "artist": [f"Artist {number}" for number in artist],
            "title": [f"Song {number}" for number in range(count)],
            "year": year,
            "popularity": popularity.clip(0, 100),
        }
    )


@pytest.fixture(scope="module")
def r2() -> dict[str, float]:
    test = songs(300, seed=3)
    predictions = predict_baselines(songs(400, seed=1), songs(1500, seed=2), test, seed=0)
    truth = test.popularity.to_numpy("float64")
    return {name: metrics(truth, vector, 0)["r2"] for name, vector in predictions.items()}


def test_each_baseline_explains_more_variance_than_the_one_before(r2: dict[str, float]) -> None:
    assert abs(r2["mean"]) < 0.05
    assert 0.15 < r2["year"] < 0.5
    assert r2["boosting"] > 0.85


def test_unknown_years_and_an_empty_pretraining_set_are_accepted() -> None:
    train, test = songs(200, seed=1), songs(20, seed=2)
    train.loc[::3, "year"] = 0
    test.loc[::2, "year"] = 0
    predictions = predict_baselines(train, train.iloc[:0], test, seed=0)
    for prediction in predictions.values():
        assert np.isfinite(prediction).all()
        assert prediction.min() >= 0
        assert prediction.max() <= 100
