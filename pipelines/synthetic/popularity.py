"""The popularity model of invented songs, and the best R2 that it allows.

    popularity = clip(round(MEAN + artist + year + title + audio + noise), 0, 100)

The terms are independent of each other. A model of the metadata can predict the first three, a
model of the spectrogram can predict audio, and no model can predict noise.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.synthetic.invented_names import TITLE_WORDS

Values = NDArray[np.float64]

MEAN = 45.0
STDDEV = 19.0
VARIANCE_SHARES = {"artist": 0.35, "year": 0.15, "title": 0.05, "audio": 0.27, "noise": 0.18}
# Every fourth title word raises popularity, every seventh lowers it.
WORD_EFFECT = {
    word: (1.0 if index % 4 == 0 else 0.0) - (1.0 if index % 7 == 3 else 0.0)
    for index, word in enumerate(TITLE_WORDS)
}
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class PopularityTerms:
    """The terms of each song's popularity, on the 0-100 scale; float64 arrays of equal length."""

    artist: Values
    year: Values
    title: Values
    audio: Values
    noise: Values

    def popularity(self) -> NDArray[np.int64]:
        """Return the integer popularity of each song, 0 to 100."""
        total = MEAN + self.artist + self.year + self.title + self.audio + self.noise
        return np.clip(np.rint(total), 0, 100).astype(np.int64)

    def take(self, rows: NDArray[np.int64]) -> "PopularityTerms":
        """Return the terms of the given rows only."""
        return PopularityTerms(
            self.artist[rows],
            self.year[rows],
            self.title[rows],
            self.audio[rows],
            self.noise[rows],
        )


def audio_appeal(audio_features: pd.DataFrame) -> Values:
    """Return the unscaled effect of a song's audio, a function of visible attributes only.

    Args:
        audio_features: columns tempo, loudness, energy, danceability, acousticness, in the units
            of Spotify.

    Returns:
        float64, one value per row: increases with danceability (saturating), energy and loudness,
        decreases with acousticness and, weakly, with the distance of the tempo from 118.
    """
    danceability, energy, loudness, acousticness, tempo = (
        audio_features[name].to_numpy(np.float64)
        for name in ("danceability", "energy", "loudness", "acousticness", "tempo")
    )
    dance_term = np.tanh(2.0 * (danceability - 0.55) / 0.3)
    energy_term = (energy - 0.62) / 0.2
    loudness_term = (loudness + 8.7) / 3.4
    acoustic_term = (acousticness - 0.3) / 0.28
    tempo_term = np.abs(tempo - 118.0) / 27.0
    return np.asarray(
        0.9 * dance_term
        + 0.5 * energy_term
        + 0.3 * loudness_term
        - 0.5 * acoustic_term
        - 0.15 * tempo_term,
        np.float64,
    )


def year_appeal(year: NDArray[np.int64]) -> Values:
    """Return the unscaled effect of the year: newer songs are played more, in slow waves."""
    age = (year - 1990) / 30.0
    return np.asarray(np.tanh(1.2 * age) + 0.3 * np.sin(2.0 * np.pi * age), np.float64)


def title_appeal(titles: Sequence[str]) -> Values:
    """Return the unscaled effect of the words of each title."""
    return np.array(
        [
            sum(WORD_EFFECT.get(word, 0.0) for word in _WORD.findall(title.lower()))
            for title in titles
        ]
    )


def popularity_terms(
    artist: NDArray[np.int64],
    year: NDArray[np.int64],
    titles: Sequence[str],
    audio_features: pd.DataFrame,
    rng: np.random.Generator,
) -> PopularityTerms:
    """Return the terms of each song, each with its share of the variance over all songs.

    Args:
        artist: int64, index of each song's artist.
        year: int64, year of release.
        titles: the songs' titles.
        audio_features: see `audio_appeal`.
        rng: generator of the artists' effects and of the noise.
    """
    artist_effects = rng.standard_normal(int(artist.max()) + 1)
    return PopularityTerms(
        artist=_scale(artist_effects[artist], "artist"),
        year=_scale(year_appeal(year), "year"),
        title=_scale(title_appeal(titles), "title"),
        audio=_scale(audio_appeal(audio_features), "audio"),
        noise=_scale(rng.standard_normal(artist.size), "noise"),
    )


def _scale(values: Values, term: str) -> Values:
    """Scale a term to mean 0 and its share of the variance; a constant becomes 0."""
    stddev = float(values.std())
    if stddev == 0.0:
        return np.zeros_like(values)
    target_stddev = STDDEV * VARIANCE_SHARES[term] ** 0.5
    return np.asarray((values - values.mean()) * (target_stddev / stddev), np.float64)


def best_predictions(terms: PopularityTerms) -> pd.DataFrame:
    """Return the best prediction of each branch: the sum of the terms that it can know.

    Returns:
        columns text, cnn and combined, one row per song, on the 0-100 scale.
    """
    text = MEAN + terms.artist + terms.year + terms.title
    return pd.DataFrame(
        {"text": text, "cnn": MEAN + terms.audio, "combined": text + terms.audio}
    ).clip(0, 100)


def reachable_r2(terms: PopularityTerms) -> dict[str, float] | None:
    """Return the R2 of the best predictions on these songs.

    Returns:
        keys text, cnn, combined; None if popularity does not vary (a single song).
    """
    popularity = terms.popularity().astype(np.float64)
    total_sum_of_squares = float(((popularity - popularity.mean()) ** 2).sum())
    if total_sum_of_squares == 0.0:
        return None
    return {
        str(branch): 1.0 - float(((popularity - prediction) ** 2).sum()) / total_sum_of_squares
        for branch, prediction in best_predictions(terms).items()
    }
