"""Link each spectrogram file to the track of its song.

A file and a track are compared by the keys of `pipelines.linkage.normalization`, from the strongest
evidence to the weakest; the first step that finds a track decides. A cover by another artist,
another recording (live, remix) and another number ('Part 2') never link.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import pandas as pd
from rapidfuzz import fuzz, process

from pipelines.constants import UNKNOWN_YEAR
from pipelines.linkage import normalization
from pipelines.linkage.similarity import artist_similarity, differ_by_subtitle, title_similarity
from pipelines.linkage.track_index import (
    CreditKeys,
    TrackIndex,
    compact_title_key,
    credit_keys,
    share_first_artist,
)

EXACT = "exact"
"""Same spelling of the title and the artist (all artists of the track, or one of them)."""
NORMALIZED = "normalized"
"""Same title key, and the first artist of one is credited by the other."""
SUBTITLE = "subtitle"
"""As normalized, but one of the two lacks the subtitle, or the annotation 'Part 1'."""
FUZZY = "fuzzy"
"""Misspellings within words: of the title, of the artist, or of both."""
UNMATCHED = "unmatched"

KINDS = (EXACT, NORMALIZED, SUBTITLE, FUZZY, UNMATCHED)

NO_TRACK = -1
"""The index label of the track in rows of the kind `UNMATCHED`."""

_SCORES = {EXACT: 100.0, NORMALIZED: 98.0, SUBTITLE: 95.0}
# Lowest similarities (0-100) of fuzzy links: of the artists of one title; of artist and title where
# both differ; of two spellings that certainly are one artist.
_MIN_ARTIST_SIMILARITY, _MIN_BOTH_SIMILARITY, _SAME_ARTIST_SIMILARITY = 76.0, 90.0, 95.0
# Fuzzy evidence holds only near the year of the chart; later there are remasters and
# compilations. A similar artist is weaker evidence than the same artist.
_MAX_YEARS_BEFORE, _MAX_YEARS_AFTER, _MAX_YEARS_SIMILAR_ARTIST = 5, 25, 3

_COLUMNS = (
    *("file", "year", "artist", "title", "kind", "score", "track", "matched_artist"),
    *("matched_title", "matched_year", "matched_popularity", "reason"),
)


class _Parse(NamedTuple):
    """One way to split a file name into artist and title, and the keys of both."""

    artist: str
    title: str
    year: int
    credit: CreditKeys
    title_key: str
    version: frozenset[str]


class _Candidates(NamedTuple):
    """Tracks that match a parse of the file name, all by the same kind of evidence."""

    kind: str
    scores: Mapping[int, float]
    parse: _Parse


def link_records(
    files: pd.DataFrame,
    tracks: pd.DataFrame,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Link each spectrogram file to a track.

    Ties between tracks are broken by, in this order: the same first artist as the file, the earlier
    source, the higher popularity, the nearer year.

    Args:
        files: columns file, year and name, as `find_spectrograms` returns them.
        tracks: as `read_tracks` returns them; the index labels must be unique integers.
        progress: called after each file with the number of linked files and of all files.

    Returns:
        One row per file, in the order and with the index of `files`: file, year, artist, title (as
        parsed from the name), kind (one of `KINDS`), score (0-100), track (index label in
        `tracks`, or -1), matched_artist, matched_title, matched_year (0 = unknown or unmatched),
        matched_popularity (NaN if unmatched) and reason (why there is no track, or why the choice
        is ambiguous; else "").
    """
    parses_of_files = [
        list(_parse_name(name, year))
        for name, year in zip(files["name"], files["year"], strict=True)
    ]
    title_keys = {parse.title_key for parses in parses_of_files for parse in parses}
    index = TrackIndex(tracks, title_keys)
    rows: list[tuple[object, ...]] = []
    for file, year, parses in zip(files["file"], files["year"], parses_of_files, strict=True):
        candidates = _find_candidates(parses, index)
        if candidates is None:
            rows.append((file, year, *_unmatched_row(parses[0], index)))
        else:
            rows.append((file, year, *_matched_row(candidates, index)))
        if progress is not None:
            progress(len(rows), len(files))
    return pd.DataFrame(rows, columns=list(_COLUMNS), index=files.index)


def _parse_name(name: str, year: int) -> Iterator[_Parse]:
    """Split a name at each of its dashes; the first split is the most common."""
    parts = name.split(" - ")
    for split in range(1, len(parts)):
        artist, title = " - ".join(parts[:split]).strip(), " - ".join(parts[split:]).strip()
        yield _Parse(
            artist=artist,
            title=title,
            year=year,
            credit=credit_keys([artist]),
            title_key=compact_title_key(title),
            version=normalization.version_tags(title),
        )


def _find_candidates(parses: Sequence[_Parse], index: TrackIndex) -> _Candidates | None:
    """Return the candidates of the first step, and its first parse, that has any."""
    for step in (_match_title, _match_main_title, _match_fuzzy):
        for parse in parses:
            candidates = step(parse, index)
            if candidates.scores:
                return candidates
    return None


def _match_title(parse: _Parse, index: TrackIndex) -> _Candidates:
    positions = [
        position
        for position in index.by_title.get(parse.title_key, ())
        if share_first_artist(parse.credit, index.credit(position))
        and index.version(position) == parse.version
    ]
    exact = [
        position
        for position in positions
        if index.titles[position] == parse.title
        and parse.artist in (index.joined_artists[position], *index.artists[position])
    ]
    kind = EXACT if exact else NORMALIZED
    return _Candidates(kind, dict.fromkeys(exact or positions, _SCORES[kind]), parse)


def _match_main_title(parse: _Parse, index: TrackIndex) -> _Candidates:
    positions = [
        position
        for position in index.by_credit(parse.credit)
        if differ_by_subtitle(parse.title, index.titles[position])
        and index.version(position) == parse.version
    ]
    return _Candidates(SUBTITLE, dict.fromkeys(positions, _SCORES[SUBTITLE]), parse)


def _match_fuzzy(parse: _Parse, index: TrackIndex) -> _Candidates:
    title_scores = _score_similar_titles(parse, index)
    artist_scores = _score_similar_artists(parse, index)
    scores = {
        position: max(title_scores.get(position, 0.0), artist_scores.get(position, 0.0))
        for position in title_scores | artist_scores
        if index.version(position) == parse.version
    }
    best = max(scores.values(), default=0.0)
    best_scores = {position: score for position, score in scores.items() if score >= best}
    return _Candidates(FUZZY, best_scores, parse)


def _score_similar_titles(parse: _Parse, index: TrackIndex) -> dict[int, float]:
    """Score tracks of a similar title by the same artist, or by one of almost the same name."""
    similar_names = process.extract(
        parse.credit.names[0],
        index.artist_names,
        scorer=fuzz.ratio,
        score_cutoff=_MIN_BOTH_SIMILARITY,
        limit=None,
    )
    artist_scores = dict.fromkeys(
        (position for name, _, _ in similar_names for position in index.by_artist[name]),
        _MIN_BOTH_SIMILARITY,
    ) | dict.fromkeys(index.by_credit(parse.credit), 100.0)
    key = normalization.title_key(parse.title)
    scores: dict[int, float] = {}
    for position, artist_score in artist_scores.items():
        title_score = title_similarity(key, normalization.title_key(index.titles[position]))
        threshold = 0.0 if artist_score == 100.0 else _MIN_BOTH_SIMILARITY
        if title_score > threshold and _is_plausible_year(
            parse.year, index.years[position], artist_score
        ):
            scores[position] = min(title_score, artist_score)
    return scores


def _score_similar_artists(parse: _Parse, index: TrackIndex) -> dict[int, float]:
    """Score tracks of the same title by an artist of a similar name."""
    scores: dict[int, float] = {}
    for position in index.by_title.get(parse.title_key, ()):
        score = artist_similarity(parse.credit.comparable, index.credit(position).comparable)
        if score >= _MIN_ARTIST_SIMILARITY and _is_plausible_year(
            parse.year, index.years[position], score
        ):
            scores[position] = score
    return scores


def _is_plausible_year(chart_year: int, track_year: int, artist_score: float) -> bool:
    """Whether fuzzy evidence holds between a chart and a track of these years."""
    if track_year == UNKNOWN_YEAR:
        return artist_score >= _MIN_BOTH_SIMILARITY
    if artist_score < _SAME_ARTIST_SIMILARITY:
        return abs(track_year - chart_year) <= _MAX_YEARS_SIMILAR_ARTIST
    return -_MAX_YEARS_BEFORE <= track_year - chart_year <= _MAX_YEARS_AFTER


def _matched_row(candidates: _Candidates, index: TrackIndex) -> tuple[object, ...]:
    """Return the columns from artist to reason of the best candidate."""
    _, scores, parse = candidates

    def preference(position: int) -> tuple[object, ...]:
        year = index.years[position]
        return (
            index.credit(position).names[0] != parse.credit.names[0],
            index.sources[position],
            -index.popularities[position],
            abs(year - parse.year) if year else float("inf"),
            position,
        )

    best = min(scores, key=preference)
    return (
        parse.artist,
        parse.title,
        candidates.kind,
        scores[best],
        index.labels[best],
        index.joined_artists[best],
        index.titles[best],
        index.years[best],
        index.popularities[best],
        f"best of {len(scores)} matching tracks" if len(scores) > 1 else "",
    )


def _unmatched_row(parse: _Parse, index: TrackIndex) -> tuple[object, ...]:
    """Return the columns from artist to reason of a file without a track."""
    reason = _explain_unmatched(parse, index)
    matched = "", "", UNKNOWN_YEAR, float("nan")
    return parse.artist, parse.title, UNMATCHED, 0.0, NO_TRACK, *matched, reason


def _explain_unmatched(parse: _Parse, index: TrackIndex) -> str:
    same_title = index.by_title.get(parse.title_key, [])
    for position in same_title:
        if share_first_artist(parse.credit, index.credit(position)):
            return f"only another recording: {index.titles[position]}"
    by_artist = index.by_credit(parse.credit)
    if not by_artist:
        others = f", the title only by {index.joined_artists[same_title[0]]}" if same_title else ""
        return f"no track by this artist{others}"
    keys = {position: compact_title_key(index.titles[position]) for position in by_artist}
    _, score, nearest = process.extractOne(parse.title_key, keys, scorer=fuzz.ratio)
    title, year = index.titles[nearest], index.years[nearest]
    return f"no such title by this artist, nearest: {title} ({year}, similarity {score:.0f})"
