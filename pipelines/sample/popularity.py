"""Where an invented song's popularity comes from, and so what a model can reach at best.

    popularity = clip(round(MEAN + artist + year + title + sound + noise), 0, 100)

The terms are independent of each other. A model of the metadata can know the first three, a
model of the spectrogram the sound, and nobody the noise.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.sample.words import TITLE_WORDS

Values = NDArray[np.float64]

MEAN = 45.0
DEVIATION = 19.0
SHARE = {"artist": 0.35, "year": 0.15, "title": 0.05, "sound": 0.27, "noise": 0.18}
# Every fourth title word helps, every seventh harms.
WORD_EFFECT = {
    word: (1.0 if place % 4 == 0 else 0.0) - (1.0 if place % 7 == 3 else 0.0)
    for place, word in enumerate(TITLE_WORDS)
}
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class PopularityTerms:
    """The parts of each song's popularity, on the 0-100 scale; float64 arrays of one length."""

    artist: Values
    year: Values
    title: Values
    sound: Values
    noise: Values

    def popularity(self) -> NDArray[np.int64]:
        """Return the whole-number popularity of each song, 0 to 100."""
        total = MEAN + self.artist + self.year + self.title + self.sound + self.noise
        return np.clip(np.rint(total), 0, 100).astype(np.int64)

    def of(self, rows: NDArray[np.int64]) -> "PopularityTerms":
        """Return the terms of some songs only."""
        return PopularityTerms(
            self.artist[rows],
            self.year[rows],
            self.title[rows],
            self.sound[rows],
            self.noise[rows],
        )


def sound_appeal(sound: pd.DataFrame) -> Values:
    """Return how much a song's sound pleases, in no unit: a function of visible traits only.

    Args:
        sound: columns tempo, loudness, energy, danceability, acousticness, as Spotify has them.

    Returns:
        float64, one value a row: rises with danceability (levelling off), energy and loudness,
        falls with acousticness and, mildly, with the distance of the tempo from 118.
    """
    dance = np.tanh(2.0 * (sound["danceability"].to_numpy(np.float64) - 0.55) / 0.3)
    energy = (sound["energy"].to_numpy(np.float64) - 0.62) / 0.2
    loudness = (sound["loudness"].to_numpy(np.float64) + 8.7) / 3.4
    acoustic = (sound["acousticness"].to_numpy(np.float64) - 0.3) / 0.28
    tempo = np.abs(sound["tempo"].to_numpy(np.float64) - 118.0) / 27.0
    return np.asarray(
        0.9 * dance + 0.5 * energy + 0.3 * loudness - 0.5 * acoustic - 0.15 * tempo, np.float64
    )


def year_appeal(year: NDArray[np.int64]) -> Values:
    """Return how much the era helps, in no unit: newer songs are played more, in slow waves."""
    age = (year - 1990) / 30.0
    return np.asarray(np.tanh(1.2 * age) + 0.3 * np.sin(2.0 * np.pi * age), np.float64)


def title_appeal(titles: Sequence[str]) -> Values:
    """Return how much the words of each title help, in no unit."""
    return np.array(
        [sum(WORD_EFFECT.get(word, 0.0) for word in _WORD.findall(t.lower())) for t in titles]
    )


def popularity_terms(
    artist: NDArray[np.int64],
    year: NDArray[np.int64],
    titles: Sequence[str],
    sound: pd.DataFrame,
    rng: np.random.Generator,
) -> PopularityTerms:
    """Return the terms of each song, each with its share of the variance over all songs.

    Args:
        artist: int64, number of each song's artist.
        year: int64, year of release.
        titles: the songs' titles.
        sound: as `sound_appeal` takes it.
        rng: draws the artists' standing and the noise.
    """
    standing = rng.standard_normal(int(artist.max()) + 1)
    return PopularityTerms(
        artist=_scaled(standing[artist], "artist"),
        year=_scaled(year_appeal(year), "year"),
        title=_scaled(title_appeal(titles), "title"),
        sound=_scaled(sound_appeal(sound), "sound"),
        noise=_scaled(rng.standard_normal(artist.size), "noise"),
    )


def _scaled(values: Values, term: str) -> Values:
    """Give a term mean 0 and its share of the variance; a constant stays without effect."""
    deviation = float(values.std())
    if deviation == 0.0:
        return np.zeros_like(values)
    wanted = DEVIATION * SHARE[term] ** 0.5
    return np.asarray((values - values.mean()) * (wanted / deviation), np.float64)


def best_predictions(terms: PopularityTerms) -> pd.DataFrame:
    """Return the best prediction that each branch allows: all of its terms, none of the noise.

    Returns:
        columns text, cnn and combined, one row a song, on the 0-100 scale.
    """
    text = MEAN + terms.artist + terms.year + terms.title
    return pd.DataFrame(
        {"text": text, "cnn": MEAN + terms.sound, "combined": text + terms.sound}
    ).clip(0, 100)


def reachable_r2(terms: PopularityTerms) -> dict[str, float] | None:
    """Return the R2 of the best predictions over these songs.

    Returns:
        keys text, cnn, combined; None if the songs' popularity does not vary (a single song).
    """
    popularity = terms.popularity().astype(np.float64)
    spread = float(((popularity - popularity.mean()) ** 2).sum())
    if spread == 0.0:
        return None
    return {
        str(branch): 1.0 - float(((popularity - best) ** 2).sum()) / spread
        for branch, best in best_predictions(terms).items()
    }
