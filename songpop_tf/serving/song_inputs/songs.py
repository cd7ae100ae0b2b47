"""Inputs for artist, title and year, as `pipelines.metadata.preprocessor` with TensorFlow."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .keys import artist_keys, song_key
from .tokenizer import Tokenizer
from .unicode import WHITE_SPACE

FIRST_YEAR, LAST_YEAR, UNKNOWN_YEAR = 1900, 2100, 0
HISTORY_LENGTH, HISTORY_FEATURES = 32, 5


class SongInputs:
    """Computes the inputs of the networks "text" and "combined".

    Args:
        folder: of the network's preprocessor: vocabulary.txt, tokenizer.json and artists.npz.
    """

    def __init__(self, folder: Path) -> None:
        self._tokenize = Tokenizer(folder)
        with np.load(folder / "artists.npz") as arrays:
            self._history = dict(arrays)
        known = self._history["years"][self._history["years"] != UNKNOWN_YEAR]
        self._years = (
            (int(known.min()), int(known.max())) if len(known) else (FIRST_YEAR, LAST_YEAR)
        )

    def __call__(
        self, artists: Sequence[str], titles: Sequence[str], years: Sequence[int]
    ) -> dict[str, npt.NDArray[Any]]:
        """Return the inputs of songs.

        Args:
            artists, titles: "" = unknown.
            years: 0 = unknown.

        Returns:
            ``artist``, ``title``: ``(songs, tokens)`` int32; ``year``, ``artist_count``:
            ``(songs,)`` int32; ``year_baseline``: ``(songs,)`` float32; ``history``:
            ``(songs, 32, 5)`` float32.
        """
        keys = [artist_keys(artist) for artist in artists]
        clipped = [self._clip_year(year) for year in years]
        index = [year - FIRST_YEAR + 1 if year else 0 for year in clipped]
        songs = zip(keys, titles, clipped, strict=True)
        return {
            "artist": np.array([self._tokenize(artist) for artist in artists], np.int32),
            "title": np.array([self._tokenize(title) for title in titles], np.int32),
            "year": np.array(clipped, np.int32),
            "artist_count": np.array([np.count_nonzero(row) for row in keys], np.int32),
            "year_baseline": self._history["year_baselines"][0][index],
            "history": np.stack([self._features(*song) for song in songs]),
        }

    def _clip_year(self, year: int) -> int:
        if year == UNKNOWN_YEAR:
            return year
        first, last = self._years
        return min(max(year, FIRST_YEAR, first), LAST_YEAR, last)

    def _features(self, keys: list[int], title: str, year: int) -> npt.NDArray[np.float32]:
        """Features of up to 32 other songs of the artists, ``(32, 5)``."""
        artists = [self._position(key) for key in keys]
        index, position, represented = self._sample(artists)
        years = self._history["years"][index]
        decades = np.clip((years - year).astype(np.float32) / np.float32(10), -4, 4)
        columns = [
            np.full(len(index), represented),
            self._history["residual"][index] / np.float32(20),
            np.where((years != UNKNOWN_YEAR) & (year != UNKNOWN_YEAR), decades, 0),
            self._history["is_pretraining"][index],
            position == 0,
        ]
        is_shown = ~(
            self._is_same_song(index, song_key(keys[0], title), title, year)
            | self._is_duplicate(index, position, artists)
        )
        features = np.zeros((HISTORY_LENGTH, HISTORY_FEATURES), np.float32)
        features[: len(index)] = np.stack(columns, axis=1) * is_shown[:, np.newaxis]
        return features

    def _sample(self, artists: list[int]) -> tuple[npt.NDArray[Any], npt.NDArray[Any], np.float32]:
        """Songs, the credited artist of each, and how many songs each of them represents."""
        rows = [self._songs_of(artist) for artist in artists]
        index = np.concatenate(rows)
        position = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
        total, slots = np.float32(len(index)), np.arange(HISTORY_LENGTH, dtype=np.float32)
        if total <= HISTORY_LENGTH:
            return index, position, np.float32(1)
        places = (slots + np.float32(0.5)) / np.float32(HISTORY_LENGTH) * total
        sampled = np.minimum(places.astype(np.int64), len(index) - 1)
        return index[sampled], position[sampled], total / np.float32(HISTORY_LENGTH)

    def _songs_of(self, artist: int) -> npt.NDArray[np.int32]:
        indptr = self._history["indptr"]
        first, end = (indptr[artist], indptr[artist + 1]) if artist >= 0 else (0, 0)
        songs: npt.NDArray[np.int32] = self._history["indices"][first:end]
        return songs

    def _position(self, key: int) -> int:
        """The artist's position in the history, or -1."""
        artists = self._history["artists"]
        position = min(int(np.searchsorted(artists, key)), len(artists) - 1)
        return position if artists[position] == key else -1

    def _is_same_song(
        self, index: npt.NDArray[Any], key: int, title: str, year: int
    ) -> npt.NDArray[np.bool_]:
        """Whether each is the song itself, in any version, or may be."""
        is_same: npt.NDArray[np.bool_] = self._history["song_keys"][index] == key
        # Without a title, any song of its year may be the song itself.
        if not title.strip(WHITE_SPACE) and year != UNKNOWN_YEAR:
            is_same |= self._history["years"][index] == year
        return is_same

    def _is_duplicate(
        self, index: npt.NDArray[Any], position: npt.NDArray[Any], artists: list[int]
    ) -> npt.NDArray[np.bool_]:
        """Whether each is also in the row of an artist credited earlier."""
        credited = self._history["song_artists"][index]
        is_duplicate = np.zeros(len(index), bool)
        for earlier, artist in enumerate(artists[:-1]):
            if artist >= 0:
                is_duplicate |= (credited == artist).any(axis=1) & (position > earlier)
        return is_duplicate
