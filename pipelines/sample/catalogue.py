"""An invented catalogue: artists with careers, their songs, and how popular each became."""

import string
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.sample.plan import PlannedImage, SamplePlan, columns_of, traits_of
from pipelines.sample.popularity import best_predictions, popularity_terms, reachable_r2
from pipelines.sample.spelling import chart_spelling, image_path, track_title
from pipelines.sample.words import invented_artists, invented_titles

# Songs of the large set, without a spectrogram, for each song that has one.
TRACKS_PER_SONG = 20
SONGS_PER_ARTIST = 25
FEWEST_ARTISTS = 4
FIRST_YEAR, LAST_YEAR = 1960, 2020
GUEST_SHARE = 0.08
# Energy, danceability, acousticness, loudness: how the traits of real songs go together.
TRAIT_CORRELATION = np.array(
    [[1.0, 0.2, -0.55, 0.65], [0.2, 1.0, -0.3, 0.1], [-0.55, -0.3, 1.0, -0.4], [0.65, 0.1, -0.4, 1]]
)
_ID_LETTERS = np.array(list(string.digits + string.ascii_letters))
_ID_LENGTH = 22

Integers = NDArray[np.int64]


class _Songs(NamedTuple):
    """The songs of the catalogue; columns of one length but for `names`."""

    names: list[str]
    artist: Integers
    guest: Integers
    year: Integers
    titles: list[str]
    listed_titles: list[str]
    sound: pd.DataFrame


def invented_plan(songs: int, seconds: float | None, rng: np.random.Generator) -> SamplePlan:
    """Plan a sample of invented songs.

    Args:
        songs: how many get a spectrogram; tracks.csv holds TRACKS_PER_SONG more for each.
        seconds: length of every image, or None for the songs' own lengths, 120 to 300 s.
        rng: decides everything.
    """
    count = songs * (1 + TRACKS_PER_SONG)
    catalogue = _draw_songs(count, rng)
    terms = popularity_terms(
        catalogue.artist, catalogue.year, catalogue.titles, catalogue.sound, rng
    )
    drawn, images = _drawn_songs(catalogue, songs, seconds, rng)
    return SamplePlan(
        images=tuple(images),
        tracks=_tracks_table(catalogue, terms.popularity(), rng),
        rows=count,
        reachable_r2=reachable_r2(terms.of(drawn)),
        best=best_predictions(terms.of(drawn)),
    )


def _draw_songs(count: int, rng: np.random.Generator) -> _Songs:
    names = invented_artists(max(FEWEST_ARTISTS, count // SONGS_PER_ARTIST), rng)
    # A few artists made hundreds of songs, most made a handful.
    weight = rng.lognormal(0.0, 1.0, size=len(names))
    artist = rng.choice(len(names), size=count, p=weight / weight.sum())
    debut = rng.integers(FIRST_YEAR - 5, LAST_YEAR - 5, size=len(names))
    career = rng.integers(8, 23, size=len(names))
    earliest = np.maximum(debut, FIRST_YEAR)[artist]
    latest = np.minimum(debut + career, LAST_YEAR)[artist]
    year = rng.integers(earliest, latest + 1)
    titles = _distinct_titles(artist, rng)
    other = (artist + rng.integers(1, len(names), size=count)) % len(names)
    guest = np.where(rng.random(count) < GUEST_SHARE, other, -1)
    listed = [
        track_title(title, names[who] if who >= 0 else None, when, rng)
        for title, who, when in zip(titles, guest.tolist(), year.tolist(), strict=True)
    ]
    return _Songs(names, artist, guest, year, titles, listed, _draw_sound(count, rng))


def _distinct_titles(artist: Integers, rng: np.random.Generator) -> list[str]:
    """Return a title for each song; no artist has two songs of one title."""
    titles = [""] * artist.size
    taken: set[tuple[int, str]] = set()
    waiting = list(enumerate(artist.tolist()))
    while waiting:
        refused = []
        drawn = invented_titles(len(waiting), rng)
        for (song, who), title in zip(waiting, drawn, strict=True):
            if (who, title) in taken:
                refused.append((song, who))
            else:
                taken.add((who, title))
                titles[song] = title
        waiting = refused
    return titles


def _draw_sound(count: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return the audio features of songs, distributed as real ones, rounded as in tracks.csv."""
    normal = rng.multivariate_normal(np.zeros(4), TRAIT_CORRELATION, size=count)
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
            # Most songs have little of it, a few have nothing else.
            "acousticness": (1.0 / (1.0 + np.exp(-1.7 * acoustic)) ** 2.2).round(4),
            "instrumentalness": (rng.random(count) ** 12).round(5),
            "liveness": rng.beta(1.5, 6.0, size=count).round(4),
            "valence": rng.beta(2.2, 1.6, size=count).round(3),
            "tempo": rng.normal(120.0, 27.0, size=count).clip(60.0, 210.0).round(3),
            "time_signature": np.where(rng.random(count) < 0.92, 4, 3),
        }
    ).astype({"duration_ms": np.int64})


def _drawn_songs(
    catalogue: _Songs, songs: int, seconds: float | None, rng: np.random.Generator
) -> tuple[Integers, list[PlannedImage]]:
    """Choose the songs that get a spectrogram; return their rows and images."""
    drawn: list[int] = []
    images: list[PlannedImage] = []
    taken: set[str] = set()
    for song in rng.permutation(len(catalogue.titles)).tolist():
        if len(drawn) == songs:
            break
        year = int(catalogue.year[song])
        artist, title = chart_spelling(
            catalogue.names[catalogue.artist[song]], catalogue.listed_titles[song], rng
        )
        path = image_path(artist, title, year)
        if path is None or str(path).casefold() in taken:
            continue
        sound = catalogue.sound.iloc[song]
        length = float(sound["duration_ms"]) / 1000 if seconds is None else seconds
        taken.add(str(path).casefold())
        drawn.append(song)
        images.append(PlannedImage(path, traits_of(sound.to_dict()), columns_of(length)))
    return np.array(drawn, dtype=np.int64), images


def _tracks_table(
    catalogue: _Songs, popularity: Integers, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the table in the column order of the Kaggle tracks.csv."""
    count = len(catalogue.titles)
    artist_ids = _identifiers(len(catalogue.names), rng)
    credits = [
        [first] if guest < 0 else [first, guest]
        for first, guest in zip(catalogue.artist.tolist(), catalogue.guest.tolist(), strict=True)
    ]
    facts = pd.DataFrame(
        {
            "id": _identifiers(count, rng),
            "name": catalogue.listed_titles,
            "popularity": popularity,
            "duration_ms": catalogue.sound["duration_ms"],
            "explicit": (rng.random(count) < 0.08).astype(np.int64),
            "artists": [str([catalogue.names[who] for who in credit]) for credit in credits],
            "id_artists": [str([artist_ids[who] for who in credit]) for credit in credits],
            "release_date": _release_dates(catalogue.year, rng),
        }
    )
    return pd.concat([facts, catalogue.sound.drop(columns="duration_ms")], axis="columns")


def _identifiers(count: int, rng: np.random.Generator) -> list[str]:
    letters = _ID_LETTERS[rng.integers(0, _ID_LETTERS.size, size=(count, _ID_LENGTH))]
    return ["".join(row) for row in letters]


def _release_dates(year: Integers, rng: np.random.Generator) -> Sequence[str]:
    """Return dates: most with a day, a quarter of the year only, a few without a day."""
    month = rng.integers(1, 13, size=year.size).tolist()
    day = rng.integers(1, 29, size=year.size).tolist()
    length = rng.choice([4, 7, 10], size=year.size, p=[0.25, 0.03, 0.72]).tolist()
    return [
        f"{y:04d}-{m:02d}-{d:02d}"[:kept]
        for y, m, d, kept in zip(year.tolist(), month, day, length, strict=True)
    ]
