"""An invented catalog: artists with careers, their songs, and the popularity of each."""

import string
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.synthetic.invented_names import invented_artists, invented_titles
from pipelines.synthetic.popularity import best_predictions, popularity_terms, reachable_r2
from pipelines.synthetic.sample_plan import (
    PlannedSong,
    SamplePlan,
    parse_audio_attributes,
)
from pipelines.synthetic.spelling_variants import chart_spelling, track_title
from pipelines.tables.spectrogram_files import spectrogram_path

# Songs of the pre-training set, without a spectrogram, for each song that has one.
TRACKS_PER_SONG = 20
SONGS_PER_ARTIST = 25
MIN_ARTISTS = 4
FIRST_YEAR, LAST_YEAR = 1960, 2020
GUEST_PROBABILITY = 0.08
# Correlations of energy, danceability, acousticness and loudness, as in real songs.
FEATURE_CORRELATION = np.array(
    [[1.0, 0.2, -0.55, 0.65], [0.2, 1.0, -0.3, 0.1], [-0.55, -0.3, 1.0, -0.4], [0.65, 0.1, -0.4, 1]]
)
_NO_GUEST = -1
_ID_CHARACTERS = np.array(list(string.digits + string.ascii_letters))
_ID_LENGTH = 22

Integers = NDArray[np.int64]


class _Songs(NamedTuple):
    """The songs of the catalog; columns of equal length except for `artist_names`.

    Attributes:
        artist_names: of all artists.
        artist: index of the first artist.
        guest: index of the featured artist, or -1.
        year: of release.
        titles: without remarks.
        track_titles: with guests and versions, as in tracks.csv.
        audio_features: as in tracks.csv.
    """

    artist_names: list[str]
    artist: Integers
    guest: Integers
    year: Integers
    titles: list[str]
    track_titles: list[str]
    audio_features: pd.DataFrame


def plan_invented_songs(songs: int, seconds: float | None, rng: np.random.Generator) -> SamplePlan:
    """Plan a sample of invented songs.

    Args:
        songs: number of spectrograms; tracks.csv has TRACKS_PER_SONG more songs for each.
        seconds: length of every song, or None for natural lengths, 120 to 300 s.
        rng: generator of the whole plan.
    """
    count = songs * (1 + TRACKS_PER_SONG)
    catalog = _sample_songs(count, rng)
    terms = popularity_terms(
        catalog.artist, catalog.year, catalog.titles, catalog.audio_features, rng
    )
    rows, planned = _choose_songs(catalog, songs, seconds, rng)
    return SamplePlan(
        songs=tuple(planned),
        tracks=_tracks_table(catalog, terms.popularity(), rng),
        rows=count,
        reachable_r2=reachable_r2(terms.take(rows)),
        best_predictions=best_predictions(terms.take(rows)),
    )


def _sample_songs(count: int, rng: np.random.Generator) -> _Songs:
    names = invented_artists(max(MIN_ARTISTS, count // SONGS_PER_ARTIST), rng)
    # A few artists have hundreds of songs, most have a handful.
    weight = rng.lognormal(0.0, 1.0, size=len(names))
    artist = rng.choice(len(names), size=count, p=weight / weight.sum())
    debut = rng.integers(FIRST_YEAR - 5, LAST_YEAR - 5, size=len(names))
    career = rng.integers(8, 23, size=len(names))
    earliest = np.maximum(debut, FIRST_YEAR)[artist]
    latest = np.minimum(debut + career, LAST_YEAR)[artist]
    year = rng.integers(earliest, latest + 1)
    titles = _distinct_titles(artist, rng)
    other_artist = (artist + rng.integers(1, len(names), size=count)) % len(names)
    guest = np.where(rng.random(count) < GUEST_PROBABILITY, other_artist, _NO_GUEST)
    track_titles = [
        track_title(title, None if index == _NO_GUEST else names[index], song_year, rng)
        for title, index, song_year in zip(titles, guest.tolist(), year.tolist(), strict=True)
    ]
    audio_features = _sample_audio_features(count, rng)
    return _Songs(names, artist, guest, year, titles, track_titles, audio_features)


def _distinct_titles(artist: Integers, rng: np.random.Generator) -> list[str]:
    """Return a title for each song; no artist has two songs of the same title."""
    titles = [""] * artist.size
    used: set[tuple[int, str]] = set()
    untitled = list(enumerate(artist.tolist()))
    while untitled:
        rejected = []
        candidates = invented_titles(len(untitled), rng)
        for (song, artist_index), title in zip(untitled, candidates, strict=True):
            if (artist_index, title) in used:
                rejected.append((song, artist_index))
            else:
                used.add((artist_index, title))
                titles[song] = title
        untitled = rejected
    return titles


def _sample_audio_features(count: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return the audio features of songs, distributed as real ones, rounded as in tracks.csv."""
    normal = rng.multivariate_normal(np.zeros(4), FEATURE_CORRELATION, size=count)
    energy, dance, acoustic, loudness = normal.T
    return pd.DataFrame(
        {
            "duration_ms": np.rint(1000 * rng.normal(200.0, 40.0, size=count).clip(120.0, 300.0)),
            "danceability": (0.6 + 0.15 * dance).clip(0.05, 0.98).round(3),
            "energy": (0.62 + 0.2 * energy).clip(0.02, 0.99).round(3),
            "key": rng.integers(0, 12, size=count),
            "loudness": (-8.7 + 3.4 * loudness).clip(-25.0, -1.0).round(3),
            "mode": (rng.random(count) < 0.7).astype(np.int64),
            "speechiness": rng.beta(1.2, 14.0, size=count).round(4),
            # Skewed: low in most songs, close to 1 in a few.
            "acousticness": (1.0 / (1.0 + np.exp(-1.7 * acoustic)) ** 2.2).round(4),
            "instrumentalness": (rng.random(count) ** 12).round(5),
            "liveness": rng.beta(1.5, 6.0, size=count).round(4),
            "valence": rng.beta(2.2, 1.6, size=count).round(3),
            "tempo": rng.normal(120.0, 27.0, size=count).clip(60.0, 210.0).round(3),
            "time_signature": np.where(rng.random(count) < 0.92, 4, 3),
        }
    ).astype({"duration_ms": np.int64})


def _choose_songs(
    catalog: _Songs, songs: int, seconds: float | None, rng: np.random.Generator
) -> tuple[Integers, list[PlannedSong]]:
    """Choose the songs that get a spectrogram; return their rows and what to synthesize."""
    rows: list[int] = []
    planned: list[PlannedSong] = []
    used_paths: set[str] = set()
    for row in rng.permutation(len(catalog.titles)).tolist():
        if len(rows) == songs:
            break
        artist, title = chart_spelling(
            catalog.artist_names[catalog.artist[row]], catalog.track_titles[row], rng
        )
        path = spectrogram_path(artist, title, int(catalog.year[row]))
        if path is None or str(path).casefold() in used_paths:
            continue
        features = catalog.audio_features.iloc[row]
        length = float(features["duration_ms"]) / 1000 if seconds is None else seconds
        attributes = parse_audio_attributes(features.to_dict())
        used_paths.add(str(path).casefold())
        rows.append(row)
        planned.append(PlannedSong(path, attributes, length))
    return np.array(rows, dtype=np.int64), planned


def _tracks_table(catalog: _Songs, popularity: Integers, rng: np.random.Generator) -> pd.DataFrame:
    """Return the table in the column order of the Kaggle tracks.csv."""
    count = len(catalog.titles)
    names, artist_ids = catalog.artist_names, _identifiers(len(catalog.artist_names), rng)
    credits = [
        [artist] if guest == _NO_GUEST else [artist, guest]
        for artist, guest in zip(catalog.artist.tolist(), catalog.guest.tolist(), strict=True)
    ]
    track_columns = pd.DataFrame(
        {
            "id": _identifiers(count, rng),
            "name": catalog.track_titles,
            "popularity": popularity,
            "duration_ms": catalog.audio_features["duration_ms"],
            "explicit": (rng.random(count) < 0.08).astype(np.int64),
            "artists": [str([names[index] for index in credit]) for credit in credits],
            "id_artists": [str([artist_ids[index] for index in credit]) for credit in credits],
            "release_date": _release_dates(catalog.year, rng),
        }
    )
    features = catalog.audio_features.drop(columns="duration_ms")
    return pd.concat([track_columns, features], axis="columns")


def _identifiers(count: int, rng: np.random.Generator) -> list[str]:
    indices = rng.integers(0, _ID_CHARACTERS.size, size=(count, _ID_LENGTH))
    return ["".join(characters) for characters in _ID_CHARACTERS[indices]]


def _release_dates(year: Integers, rng: np.random.Generator) -> Sequence[str]:
    """Return dates: most as YYYY-MM-DD, a quarter as YYYY, a few as YYYY-MM."""
    month = rng.integers(1, 13, size=year.size).tolist()
    day = rng.integers(1, 29, size=year.size).tolist()
    length = rng.choice([4, 7, 10], size=year.size, p=[0.25, 0.03, 0.72]).tolist()
    return [
        f"{y:04d}-{m:02d}-{d:02d}"[:characters]
        for y, m, d, characters in zip(year.tolist(), month, day, length, strict=True)
    ]
