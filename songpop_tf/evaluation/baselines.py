"""What a model has to beat: the mean, the year alone, and gradient boosting on hand-made features.

The boosting gets everything that the text branch gets: the training songs and the large set.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline

from pipelines.trend import trend_places, year_trend
from pipelines.years import UNKNOWN_YEAR
from songpop_tf.evaluation.metrics import Vector

BASELINES = ("mean", "year", "boosting")
_PRIOR_SONGS = 3.0
"""An artist's mean is drawn towards 0 as by this many songs of an average artist."""
_NGRAM_COMPONENTS = 48
_RIDGE = 10.0


def predict_baselines(
    train: pd.DataFrame, large: pd.DataFrame, test: pd.DataFrame, seed: int
) -> dict[str, Vector]:
    """Fit the three baselines and predict the test songs.

    Args:
        train: songs with the columns artist, title, year (0 = unknown) and popularity.
        large: rows of the large set with the same columns; may be empty.
        test: songs to predict; their popularity is not looked at.
        seed: of the folds and of the boosting.
    """
    return {
        "mean": np.full(len(test), train.popularity.mean()),
        "year": _year_spline(train, test),
        "boosting": _boosting(train, large, test, seed),
    }


def _year_spline(train: pd.DataFrame, test: pd.DataFrame) -> Vector:
    return year_trend(train)[trend_places(test.year.to_numpy())].astype("float64")


def _boosting(train: pd.DataFrame, large: pd.DataFrame, test: pd.DataFrame, seed: int) -> Vector:
    # Which set a row comes from is a feature: the two may differ in how popular songs are.
    rows = pd.concat([train.assign(in_large=0), large.assign(in_large=1)], ignore_index=True)
    asked = test.assign(in_large=0)
    trend = _trend(rows, rows)
    residual = rows.popularity.to_numpy("float64") - trend
    ngrams = _NGrams(rows, seed)
    artist = _out_of_fold_artist_means(rows.artist, residual, seed)
    model = HistGradientBoostingRegressor(
        max_iter=400,
        learning_rate=0.06,
        min_samples_leaf=20,
        early_stopping=True,
        random_state=seed,
    )
    model.fit(_features(rows, trend, artist, ngrams), rows.popularity)
    seen = _artist_means(rows.artist, residual, asked.artist)
    features = _features(asked, _trend(asked, rows), seen, ngrams)
    prediction: Vector = np.clip(model.predict(features), 0, 100)
    return prediction


def ridge_on_ngrams(train: pd.DataFrame, test: pd.DataFrame) -> Vector:
    """Year trend and a ridge regression of the rest on character n-grams; arguments as above."""
    ngrams = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=3, sublinear_tf=True)
    model = make_pipeline(ngrams, Ridge(_RIDGE))
    model.fit(_NGrams.texts(train), train.popularity - _year_spline(train, train))
    rest = model.predict(_NGrams.texts(test))
    prediction: Vector = np.clip(_year_spline(train, test) + rest, 0, 100)
    return prediction


def _trend(table: pd.DataFrame, rows: pd.DataFrame) -> Vector:
    """Popularity as the year alone explains it, apart for each set."""
    trend = np.empty(len(table))
    for in_large in (0, 1):
        here = (table.in_large == in_large).to_numpy()
        if here.any():
            trend[here] = _year_spline(rows[rows.in_large == in_large], table[here])
    return trend


def _features(
    table: pd.DataFrame, trend: Vector, artist: npt.NDArray[np.float64], ngrams: "_NGrams"
) -> npt.NDArray[np.float64]:
    year = np.where(table.year == UNKNOWN_YEAR, np.nan, table.year)
    return np.column_stack([year, trend, table.in_large, artist, ngrams(table)])


def _artist_means(
    artists: pd.Series, residual: Vector, asked: pd.Series
) -> npt.NDArray[np.float64]:
    """``(n, 2)``: mean residual of each asked artist, drawn towards 0, and its number of songs."""
    groups = pd.Series(residual).groupby(artists.to_numpy())
    total, count = groups.sum(), groups.size()
    mean = (total / (count + _PRIOR_SONGS)).reindex(asked).fillna(0.0)
    return np.column_stack([mean, count.reindex(asked).fillna(0)])


def _out_of_fold_artist_means(
    artists: pd.Series, residual: Vector, seed: int
) -> npt.NDArray[np.float64]:
    """As :func:`_artist_means`, each row from the other folds: its own label must not leak."""
    means = np.empty((len(artists), 2))
    for others, fold in KFold(min(5, len(artists)), shuffle=True, random_state=seed).split(artists):
        means[fold] = _artist_means(artists.iloc[others], residual[others], artists.iloc[fold])
    return means


class _NGrams:
    """Character n-grams of artist and title, reduced to a few dense columns."""

    def __init__(self, rows: pd.DataFrame, seed: int) -> None:
        self._hash = HashingVectorizer(
            analyzer="char_wb", ngram_range=(2, 4), n_features=2**16, alternate_sign=False
        )
        self._weigh = make_pipeline(
            TfidfTransformer(sublinear_tf=True),
            TruncatedSVD(_NGRAM_COMPONENTS, random_state=seed),
        )
        self._weigh.fit(self._hash.transform(self.texts(rows)))

    def __call__(self, table: pd.DataFrame) -> npt.NDArray[np.float64]:
        reduced: npt.NDArray[np.float64] = self._weigh.transform(
            self._hash.transform(self.texts(table))
        )
        return reduced

    @staticmethod
    def texts(table: pd.DataFrame) -> pd.Series:
        """What the n-grams are taken from."""
        return table.artist + " | " + table.title
