"""Baselines: the mean, the year alone, and gradient boosting on hand-made features.

Gradient boosting gets the same data as the text branch: the training songs and the pre-training
set.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline, make_pipeline

from pipelines.constants import UNKNOWN_YEAR
from pipelines.metadata.year_baseline import fit_year_baseline, year_index
from songpop_tf.array_types import Vector

BASELINES = ("mean", "year", "boosting")

_PRIOR_SONGS = 3.0
"""Weight of the prior, a residual of 0, in the mean residual of an artist, in songs."""
_MAX_FOLDS = 5
_NGRAM_RANGE = (2, 4)
_NGRAM_COMPONENTS = 48
_RIDGE_ALPHA = 10.0


def predict_baselines(
    train: pd.DataFrame, pretraining: pd.DataFrame, test: pd.DataFrame, seed: int
) -> dict[str, Vector]:
    """Fit the three baselines and predict the test songs.

    Args:
        train: songs with the columns artist, title, year (0 = unknown) and popularity.
        pretraining: rows of the pre-training set with the same columns; may be empty.
        test: songs to predict; their popularity is not used.
        seed: of the folds and of the boosting.

    Returns:
        Predictions ``(songs,)`` by name of the baseline.
    """
    return {
        "mean": np.full(len(test), train.popularity.mean()),
        "year": _predict_year_baseline(train, test),
        "boosting": _predict_boosting(train, pretraining, test, seed),
    }


def ridge_on_ngrams(train: pd.DataFrame, test: pd.DataFrame) -> Vector:
    """Year baseline plus a ridge regression of the residuals on character n-grams.

    Args:
        train: songs with the columns artist, title, year (0 = unknown) and popularity.
        test: songs to predict; their popularity is not used.
    """
    vectorizer = TfidfVectorizer(
        analyzer="char_wb", ngram_range=_NGRAM_RANGE, min_df=3, sublinear_tf=True
    )
    model = make_pipeline(vectorizer, Ridge(_RIDGE_ALPHA))
    model.fit(_texts(train), train.popularity - _predict_year_baseline(train, train))
    residual = model.predict(_texts(test))
    prediction: Vector = np.clip(_predict_year_baseline(train, test) + residual, 0, 100)
    return prediction


def _predict_year_baseline(train: pd.DataFrame, test: pd.DataFrame) -> Vector:
    return fit_year_baseline(train)[year_index(test.year.to_numpy())].astype("float64")


def _predict_boosting(
    train: pd.DataFrame, pretraining: pd.DataFrame, test: pd.DataFrame, seed: int
) -> Vector:
    # The source of a row is a feature: the sets may differ in their mean popularity.
    rows = pd.concat(
        [train.assign(is_pretraining=0), pretraining.assign(is_pretraining=1)], ignore_index=True
    )
    test = test.assign(is_pretraining=0)
    year_baseline = _year_baseline_by_source(rows, rows)
    residual = rows.popularity.to_numpy("float64") - year_baseline
    ngrams = _ngram_transformer(seed).fit(_texts(rows))
    artist_means = _out_of_fold_artist_means(rows.artist, residual, seed)
    model = HistGradientBoostingRegressor(
        max_iter=400,
        learning_rate=0.06,
        min_samples_leaf=20,
        early_stopping=True,
        random_state=seed,
    )
    model.fit(_features(rows, year_baseline, artist_means, ngrams), rows.popularity)
    test_artist_means = _artist_means(rows.artist, residual, test.artist)
    test_year_baseline = _year_baseline_by_source(test, rows)
    features = _features(test, test_year_baseline, test_artist_means, ngrams)
    prediction: Vector = np.clip(model.predict(features), 0, 100)
    return prediction


def _year_baseline_by_source(table: pd.DataFrame, train: pd.DataFrame) -> Vector:
    """The year baseline for each row of ``table``, fitted to the rows of the same source."""
    year_baseline = np.empty(len(table))
    for is_pretraining in (0, 1):
        selected = (table.is_pretraining == is_pretraining).to_numpy()
        if selected.any():
            source = train[train.is_pretraining == is_pretraining]
            year_baseline[selected] = _predict_year_baseline(source, table[selected])
    return year_baseline


def _features(
    table: pd.DataFrame,
    year_baseline: Vector,
    artist_means: npt.NDArray[np.float64],
    ngrams: Pipeline,
) -> npt.NDArray[np.float64]:
    """``(rows, features)`` for gradient boosting; an unknown year is NaN."""
    year = np.where(table.year == UNKNOWN_YEAR, np.nan, table.year)
    return np.column_stack(
        [year, year_baseline, table.is_pretraining, artist_means, ngrams.transform(_texts(table))]
    )


def _artist_means(
    train_artists: pd.Series, residual: Vector, artists: pd.Series
) -> npt.NDArray[np.float64]:
    """``(n, 2)``: mean residual of each artist, shrunk towards 0, and the number of its songs.

    Args:
        train_artists: artist of each training row.
        residual: of each training row.
        artists: artists to look up; 0 and 0 for an artist without training rows.
    """
    by_artist = pd.Series(residual).groupby(train_artists.to_numpy())
    total, count = by_artist.sum(), by_artist.size()
    mean = (total / (count + _PRIOR_SONGS)).reindex(artists).fillna(0.0)
    return np.column_stack([mean, count.reindex(artists).fillna(0)])


def _out_of_fold_artist_means(
    artists: pd.Series, residual: Vector, seed: int
) -> npt.NDArray[np.float64]:
    """`_artist_means` of each row from the other folds: its own label must not leak."""
    means = np.empty((len(artists), 2))
    folds = KFold(min(_MAX_FOLDS, len(artists)), shuffle=True, random_state=seed)
    for others, fold in folds.split(artists):
        means[fold] = _artist_means(artists.iloc[others], residual[others], artists.iloc[fold])
    return means


def _ngram_transformer(seed: int) -> Pipeline:
    """From texts to a few dense columns: TF-IDF of character n-grams, reduced by SVD."""
    return make_pipeline(
        # Hashing needs no vocabulary of all n-grams in memory.
        HashingVectorizer(
            analyzer="char_wb", ngram_range=_NGRAM_RANGE, n_features=2**16, alternate_sign=False
        ),
        TfidfTransformer(sublinear_tf=True),
        TruncatedSVD(_NGRAM_COMPONENTS, random_state=seed),
    )


def _texts(table: pd.DataFrame) -> "pd.Series[str]":
    return table.artist + " | " + table.title
