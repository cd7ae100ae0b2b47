"""Record linkage: which track is the song of a spectrogram, and which tracks are the same song.

A file and a track are compared by the keys of `pipelines.names`, from the surest evidence to the
weakest; the first that finds a track decides. A cover by somebody else, another recording (live,
remix) and another number ('Part 2') never link.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import pandas as pd
from rapidfuzz import fuzz, process

from pipelines import names
from pipelines.similarity import (
    artist_similarity,
    lacks_subtitle,
    squash_title,
    title_similarity,
)
from pipelines.songs import credited_names

EXACT = "exact"
"""Title and artist (all artists of the track, or one of them) are spelt the same."""
NORMALISED = "normalised"
"""The same title key, and the first artist of one is credited by the other."""
SUBTITLE = "subtitle"
"""As normalised, but one of the two lacks the subtitle, or the remark 'Part 1'."""
FUZZY = "fuzzy"
"""Misspellings within words: of the title, or of the artist, or of both."""
UNMATCHED = "unmatched"

KINDS = (EXACT, NORMALISED, SUBTITLE, FUZZY, UNMATCHED)

NO_TRACK = -1

_SCORES = {EXACT: 100.0, NORMALISED: 98.0, SUBTITLE: 95.0}
# Of fuzzy links: how alike two artists must be under the same title, how alike artists and titles
# must be when both differ, and from where on two spellings surely are one artist.
_ARTISTS, _BOTH, _SAME_ARTIST = 76.0, 90.0, 95.0
# Fuzzy evidence holds only near the year of the chart; later there are remasters and
# compilations. A similar artist is weaker evidence than the same artist.
_YEARS_BEFORE, _YEARS_AFTER, _YEARS_OTHER_ARTIST = 5, 25, 3


class _Names(NamedTuple):
    """Keys of a credit: the single artists, squashed; the first one and all main ones, in words."""

    singles: tuple[str, ...]
    words: tuple[str, str]


class _Reading(NamedTuple):
    """One way to read a file name: as artist and title, and the keys of both."""

    artist: str
    title: str
    year: int
    names: _Names


class _Found(NamedTuple):
    """Tracks that fit a reading of the file name, all by the same kind of evidence."""

    kind: str
    scores: dict[int, float]
    reading: _Reading


class _Tracks:
    """The columns of the tracks as lists, and their positions by the keys of their songs."""

    def __init__(self, tracks: pd.DataFrame) -> None:
        self.labels = tracks.index.to_list()
        self.titles: list[str] = tracks["title"].to_list()
        self.artists: list[str] = tracks["artist"].to_list()
        self.singles: list[tuple[str, ...]] = tracks["artists"].to_list()
        self.years: list[int] = tracks["year"].to_list()
        self.popularities: list[float] = tracks["popularity"].to_list()
        self.sources: list[int] = tracks["source"].to_list()
        known: dict[tuple[str, ...], _Names] = {}
        for artists in self.singles:
            if artists not in known:
                known[artists] = _names_of(artists)
        self.names = [known[artists] for artists in self.singles]
        self.by_name: dict[str, list[int]] = {}
        self.by_title: dict[str, list[int]] = {}
        for position, (title, credit) in enumerate(zip(self.titles, self.names, strict=True)):
            self.by_title.setdefault(squash_title(names.title_key(title)), []).append(position)
            for name in credit.singles:
                self.by_name.setdefault(name, []).append(position)
        self.all_names = list(self.by_name)

    def by(self, credit: _Names) -> list[int]:
        """Positions of the tracks that share an artist with a credit, the first one of either."""
        found = {
            position
            for name in credit.singles
            for position in self.by_name.get(name, ())
            if name == credit.singles[0] or self.names[position].singles[0] in credit.singles
        }
        return sorted(found)


def link(
    files: pd.DataFrame,
    tracks: pd.DataFrame,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Find the track of every spectrogram file.

    Among tracks that fit equally well, one whose first artist is the file's wins, then the earlier
    source, the higher popularity and the nearer year.

    Args:
        files: columns file, year and name, as `find_spectrograms` returns them.
        tracks: as `read_tracks` returns them; its index labels must be unique integers.
        progress: called with the number of files done and of all files, after every file.

    Returns:
        One row per file, in the order and with the index of `files`: file, year, artist, title (as
        read from the name), kind (see the constants), score (0-100), track (index label into
        `tracks`, or -1), matched_artist, matched_title, matched_year (0 = unknown or unmatched),
        matched_popularity (NaN when unmatched) and reason (why there is no track, or what made
        the choice ambiguous; else "").
    """
    index = _Tracks(tracks)
    rows: list[tuple[object, ...]] = []
    for file, year, name in zip(files["file"], files["year"], files["name"], strict=True):
        readings = list(_readings(name, year))
        rows.append((file, year, *_describe(_find(readings, index), readings[0], index)))
        if progress is not None:
            progress(len(rows), len(files))
    columns = ["file", "year", "artist", "title", "kind", "score", "track", "matched_artist"]
    columns += ["matched_title", "matched_year", "matched_popularity", "reason"]
    return pd.DataFrame(rows, columns=columns, index=files.index)


def _names_of(artists: Sequence[str]) -> _Names:
    words = (names.artist_names(artists[0])[0], names.artist_key(", ".join(artists)))
    return _Names(credited_names(artists), words)


def _readings(name: str, year: int) -> Iterator[_Reading]:
    """Every place where the name can be parted; the first is the usual one."""
    parts = name.split(" - ")
    for place in range(1, len(parts)):
        artist, title = " - ".join(parts[:place]), " - ".join(parts[place:])
        yield _Reading(artist.strip(), title.strip(), year, _names_of([artist]))


def _find(readings: Sequence[_Reading], index: _Tracks) -> _Found | None:
    for step in (_same_title, _same_main_title, _similar):
        for reading in readings:
            found = step(reading, index)
            if found is not None:
                return found
    return None


def _same_title(reading: _Reading, index: _Tracks) -> _Found | None:
    key, version = squash_title(names.title_key(reading.title)), names.recording(reading.title)
    fitting = [
        position
        for position in index.by_title.get(key, ())
        if _credited(reading.names, index.names[position])
        and names.recording(index.titles[position]) == version
    ]
    exact = [
        position
        for position in fitting
        if index.titles[position] == reading.title
        and reading.artist in (index.artists[position], *index.singles[position])
    ]
    kind = EXACT if exact else NORMALISED
    return _found(kind, dict.fromkeys(exact or fitting, _SCORES[kind]), reading)


def _credited(ours: _Names, theirs: _Names) -> bool:
    return ours.singles[0] in theirs.singles or theirs.singles[0] in ours.singles


def _same_main_title(reading: _Reading, index: _Tracks) -> _Found | None:
    fitting = [
        position
        for position in index.by(reading.names)
        if lacks_subtitle(reading.title, index.titles[position])
        and names.recording(index.titles[position]) == names.recording(reading.title)
    ]
    return _found(SUBTITLE, dict.fromkeys(fitting, _SCORES[SUBTITLE]), reading)


def _similar(reading: _Reading, index: _Tracks) -> _Found | None:
    version = names.recording(reading.title)
    by_title, by_artist = _similar_titles(reading, index), _similar_artists(reading, index)
    scores = {
        position: max(by_title.get(position, 0.0), by_artist.get(position, 0.0))
        for position in by_title | by_artist
        if names.recording(index.titles[position]) == version
    }
    best = max(scores.values(), default=0.0)
    return _found(FUZZY, {at: score for at, score in scores.items() if score >= best}, reading)


def _similar_titles(reading: _Reading, index: _Tracks) -> dict[int, float]:
    """Tracks with a similar title by the same artist, or by one of almost the same name."""
    key = names.title_key(reading.title)
    near = process.extract(
        reading.names.singles[0], index.all_names, scorer=fuzz.ratio, score_cutoff=_BOTH, limit=None
    )
    artists = dict.fromkeys(
        (at for name, _, _ in near for at in index.by_name[name]), _BOTH
    ) | dict.fromkeys(index.by(reading.names), 100.0)
    found: dict[int, float] = {}
    for position, artist_score in artists.items():
        score = title_similarity(key, names.title_key(index.titles[position]))
        enough = 0.0 if artist_score == 100.0 else _BOTH
        if score > enough and _near_year(reading.year, index.years[position], artist_score):
            found[position] = min(score, artist_score)
    return found


def _similar_artists(reading: _Reading, index: _Tracks) -> dict[int, float]:
    """Tracks with the same title by an artist of a similar name."""
    found: dict[int, float] = {}
    for position in index.by_title.get(squash_title(names.title_key(reading.title)), ()):
        score = artist_similarity(reading.names.words, index.names[position].words)
        if score >= _ARTISTS and _near_year(reading.year, index.years[position], score):
            found[position] = score
    return found


def _near_year(ours: int, theirs: int, artist_score: float) -> bool:
    if theirs == 0:
        return artist_score >= _BOTH
    if artist_score < _SAME_ARTIST:
        return abs(theirs - ours) <= _YEARS_OTHER_ARTIST
    return -_YEARS_BEFORE <= theirs - ours <= _YEARS_AFTER


def _found(kind: str, scores: dict[int, float], reading: _Reading) -> _Found | None:
    return _Found(kind, scores, reading) if scores else None


def _describe(found: _Found | None, first: _Reading, index: _Tracks) -> tuple[object, ...]:
    """The columns of the result from artist to reason."""
    if found is None:
        why = _why_not(first, index)
        return first.artist, first.title, UNMATCHED, 0.0, NO_TRACK, "", "", 0, float("nan"), why
    reading = found.reading

    def preference(position: int) -> tuple[object, ...]:
        year = index.years[position]
        return (
            index.names[position].singles[0] != reading.names.singles[0],
            index.sources[position],
            -index.popularities[position],
            abs(year - reading.year) if year else float("inf"),
            position,
        )

    best = min(found.scores, key=preference)
    return (
        reading.artist,
        reading.title,
        found.kind,
        found.scores[best],
        index.labels[best],
        index.artists[best],
        index.titles[best],
        index.years[best],
        index.popularities[best],
        f"the best of {len(found.scores)} tracks that fit" if len(found.scores) > 1 else "",
    )


def _why_not(reading: _Reading, index: _Tracks) -> str:
    key = squash_title(names.title_key(reading.title))
    same_title = index.by_title.get(key, [])
    for position in same_title:
        if _credited(reading.names, index.names[position]):
            return f"only another recording: {index.titles[position]}"
    by_artist = index.by(reading.names)
    if not by_artist:
        others = f", the title only by {index.artists[same_title[0]]}" if same_title else ""
        return f"no track by this artist{others}"
    keys = {
        position: squash_title(names.title_key(index.titles[position])) for position in by_artist
    }
    _, score, nearest = process.extractOne(key, keys, scorer=fuzz.ratio)
    title, year = index.titles[nearest], index.years[nearest]
    return f"no such title by this artist, nearest: {title} ({year}, similarity {score:.0f})"
