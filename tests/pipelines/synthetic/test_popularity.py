"""The popularity model: the shares of its terms, and the best possible R2."""

import numpy as np
import pytest

from pipelines.synthetic.catalog import plan_invented_songs
from pipelines.synthetic.popularity import (
    VARIANCE_SHARES,
    PopularityTerms,
    audio_appeal,
    best_predictions,
    reachable_r2,
)


@pytest.fixture(scope="module")
def plan():
    return plan_invented_songs(300, 2.0, np.random.default_rng(5))


def test_popularity_is_centered_and_rarely_clipped(plan):
    popularity = plan.tracks["popularity"]
    assert popularity.mean() == pytest.approx(45, abs=1.5)
    assert popularity.std() == pytest.approx(19, abs=1.5)
    assert popularity.isin([0, 100]).mean() < 0.03


def test_audio_explains_its_share_of_the_variance(plan):
    correlation = np.corrcoef(audio_appeal(plan.tracks), plan.tracks["popularity"])[0, 1]
    assert correlation**2 == pytest.approx(VARIANCE_SHARES["audio"], abs=0.04)


def test_audio_is_independent_of_artist_and_year(plan):
    appeal = audio_appeal(plan.tracks)
    year = plan.tracks["release_date"].str[:4].astype(int)
    assert abs(np.corrcoef(appeal, year)[0, 1]) < 0.05
    by_artist = plan.tracks.assign(appeal=appeal).groupby("artists")["appeal"]
    assert (by_artist.transform("mean").var() / appeal.var()) < 3 * by_artist.ngroups / appeal.size


def test_reachable_r2_agrees_with_the_variance_shares(plan):
    reachable = plan.reachable_r2
    assert reachable["text"] == pytest.approx(0.55, abs=0.12)
    assert reachable["cnn"] == pytest.approx(0.27, abs=0.12)
    assert reachable["combined"] == pytest.approx(0.82, abs=0.06)


def test_reachable_r2_is_the_r2_of_the_known_terms():
    rng = np.random.default_rng(0)
    terms = PopularityTerms(*(rng.normal(0, 8, 50) for _ in range(5)))
    popularity = np.clip(
        np.rint(45 + terms.artist + terms.year + terms.title + terms.audio + terms.noise), 0, 100
    )
    np.testing.assert_array_equal(terms.popularity(), popularity)
    residual = popularity - 45 - terms.audio
    expected = 1 - np.mean(residual**2) / np.var(popularity)
    assert reachable_r2(terms)["cnn"] == pytest.approx(expected)


def test_a_single_song_has_no_reachable_r2():
    assert reachable_r2(PopularityTerms(*(np.ones(1) for _ in range(5)))) is None


def test_best_predictions_are_the_sum_of_the_known_terms():
    rng = np.random.default_rng(0)
    terms = PopularityTerms(*(rng.normal(0, 5, 50) for _ in range(5)))
    best = best_predictions(terms)
    total = 45 + terms.artist + terms.year + terms.title + terms.audio + terms.noise
    np.testing.assert_allclose(best["combined"], total - terms.noise)
    np.testing.assert_allclose(best["text"], total - terms.noise - terms.audio)
    np.testing.assert_allclose(best["cnn"], 45 + terms.audio)
