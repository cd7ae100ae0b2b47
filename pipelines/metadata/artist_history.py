"""Artist history: the other songs of a song's artists in the training set and their popularity."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from pipelines.constants import FIRST_YEAR, HISTORY_LENGTH, UNKNOWN_YEAR
from pipelines.file_errors import reading_arrays
from pipelines.io import write_atomically
from pipelines.metadata.artist_keys import MAX_ARTISTS, NO_ARTIST, artist_keys, song_key
from pipelines.metadata.year_baseline import fit_year_baseline, year_index

HISTORY_FEATURES = 5
"""Features of each song of a history: see `ArtistHistory.lookup`."""

RESIDUAL_SCALE = 20.0
"""Points of popularity in a unit of the residual."""

_YEARS_PER_DECADE = 10.0
_MAX_DECADES = 4.0


@dataclass(frozen=True)
class _SampledSongs:
    """Songs sampled from the histories of the credited artists, before any is excluded.

    Attributes:
        index: ``(batch, 32)`` int32, position of the song in the arrays of the history.
        artist_position: ``(batch, 32)`` int32, 0-2: the credited artist whose history holds it.
        is_filled: ``(batch, 32)`` bool, False where the history has fewer songs.
        total: ``(batch, 1)`` int64, songs of all credited artists before sampling.
    """

    index: tf.Tensor
    artist_position: tf.Tensor
    is_filled: tf.Tensor
    total: tf.Tensor


@dataclass(frozen=True)
class ArtistHistory:
    """The songs of a training set, indexed by artist; `lookup` also works inside graphs.

    ``indptr`` and ``indices`` are those of a sparse matrix artists x songs in CSR format: the songs
    of ``artists[i]`` are ``indices[indptr[i] : indptr[i + 1]]``.

    Attributes:
        artists: ``(artists,)`` int64 keys in ascending order.
        indptr: ``(artists + 1,)`` int64.
        indices: ``(entries,)`` int32 positions in the arrays below, by year within each artist.
        song_keys: ``(songs,)`` int64.
        song_artists: ``(songs, 3)`` int32 positions in ``artists``, -1 after the last artist.
        years: ``(songs,)`` int32, 0 = unknown.
        residual: ``(songs,)`` float32, popularity minus the year baseline of the song's own set.
        is_pretraining: ``(songs,)`` float32, 1 for rows of the pre-training set.
        year_baselines: ``(2, years)`` float32 from `fit_year_baseline`: of the training songs
            (0) and of the pre-training set (1).
    """

    artists: npt.NDArray[np.int64]
    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    song_keys: npt.NDArray[np.int64]
    song_artists: npt.NDArray[np.int32]
    years: npt.NDArray[np.int32]
    residual: npt.NDArray[np.float32]
    is_pretraining: npt.NDArray[np.float32]
    year_baselines: npt.NDArray[np.float32]

    @classmethod
    def from_table(cls, table: pd.DataFrame) -> "ArtistHistory":
        """Build the history of a training set.

        Args:
            table: columns artist, title, year (0 = unknown), popularity (0-100) and is_pretraining
                (1 for rows of the pre-training set); one row or more.
        """
        is_pretraining = table.is_pretraining.to_numpy("float32")
        year_baselines = np.stack([_fit_baseline_of(table, is_pretraining=flag) for flag in (0, 1)])
        years = table.year.to_numpy("int32")
        expected = year_baselines[is_pretraining.astype(int), year_index(years)]
        artist, title = (tf.constant(table[name].to_numpy(object)) for name in ("artist", "title"))
        credited = artist_keys(artist).numpy()
        artists, indptr, indices = _index_by_artist(credited, years)
        return cls(
            artists=artists,
            indptr=indptr,
            indices=indices,
            song_keys=song_key(tf.constant(credited), title).numpy(),
            # A third of the bytes of the keys, of which an exported graph holds a copy.
            song_artists=_find(credited, artists),
            years=years,
            residual=(table.popularity.to_numpy("float32") - expected).astype("float32"),
            is_pretraining=is_pretraining,
            year_baselines=year_baselines,
        )

    def clip_year(self, year: tf.Tensor) -> tf.Tensor:
        """Clip years to the range of the training set; 0 stays unknown.

        No model is trained on years outside that range.
        """
        known_years = self.years[self.years != UNKNOWN_YEAR]
        if not len(known_years):
            return year
        clipped = tf.clip_by_value(year, int(known_years.min()), int(known_years.max()))
        return tf.where(tf.equal(year, UNKNOWN_YEAR), UNKNOWN_YEAR, clipped)

    def year_baseline(self, year: tf.Tensor, is_pretraining: tf.Tensor) -> tf.Tensor:
        """Return the popularity expected from the year alone, ``(batch,)`` float32, 0-100.

        Args:
            year: ``(batch,)`` int32, 0 = unknown.
            is_pretraining: ``(batch,)`` int32, 1 for the baseline of the pre-training set.
        """
        last = self.year_baselines.shape[1] - 1
        # `year_index` inside a graph, clipped to the supported years.
        index = tf.clip_by_value(year - (FIRST_YEAR - 1), 1, last)
        index = tf.where(tf.equal(year, UNKNOWN_YEAR), 0, index)
        return tf.gather_nd(
            tf.constant(self.year_baselines), tf.stack([is_pretraining, index], axis=1)
        )

    def lookup(
        self,
        artists: tf.Tensor,
        song: tf.Tensor,
        has_title: tf.Tensor,
        year: tf.Tensor,
        sampling_offset: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the years and the features of the other songs of each song's artists.

        The song itself is excluded in all versions, because its popularity is the target.

        Args:
            artists: ``(batch, 3)`` int64 from `artist_keys`.
            song: ``(batch,)`` int64 from `song_key`.
            has_title: ``(batch,)`` bool, whether the title is known.
            year: ``(batch,)`` int32, 0 = unknown.
            sampling_offset: ``(batch,)`` float32 in [0, 1), selects the sampled songs of a history
                that is longer than ``HISTORY_LENGTH``.

        Returns:
            Years, ``(batch, 32)`` int32, 0 = unknown; and features, ``(batch, 32, 5)`` float32.
            Both are zero for excluded songs and padding. The features are:

            0. number of songs that this one represents (1, or more if the history is sampled);
            1. popularity minus the year baseline, in units of 20 points;
            2. decades from the given song to this one (at most 4 either way; 0 if unknown);
            3. 1 if it is from the pre-training set;
            4. 1 if the main artist is credited.
        """
        positions = self._positions(artists)
        sampled = self._sample_songs(positions, sampling_offset)
        is_shown = (
            sampled.is_filled
            & ~self._is_same_song(sampled, song, has_title, year)
            & ~self._is_duplicate(sampled, positions)
        )
        years = tf.gather(tf.constant(self.years), sampled.index)
        features = self._features(sampled, years, year)
        return (
            tf.where(is_shown, years, UNKNOWN_YEAR),
            tf.where(is_shown[:, :, tf.newaxis], features, 0.0),
        )

    def _positions(self, artists: tf.Tensor) -> tf.Tensor:
        """Return the positions of keys in ``artists``, ``(batch, 3)`` int32; -1 without songs."""
        keys = tf.constant(self.artists)
        flat = tf.reshape(artists, [-1])
        position = tf.minimum(tf.searchsorted(keys, flat), len(self.artists) - 1)
        position = tf.where(tf.equal(tf.gather(keys, position), flat), position, -1)
        return tf.reshape(position, tf.shape(artists))

    def _sample_songs(self, positions: tf.Tensor, sampling_offset: tf.Tensor) -> _SampledSongs:
        """Step 1: sample up to 32 entries of ``indices`` from the rows of the credited artists.

        The rows are treated as one list, the main artist's entries first.
        """
        row_starts, row_lengths = self._rows(positions)
        # Where each artist's entries end in the list.
        ends = tf.cumsum(row_lengths, axis=1)
        total = ends[:, -1:]
        position, is_filled = _systematic_sample(total, sampling_offset)
        # A position is in the row of the first artist whose end is beyond it. The last artist needs
        # no comparison: positions are below the total.
        artist_position = tf.reduce_sum(
            tf.cast(position[:, :, tf.newaxis] >= ends[:, tf.newaxis, :-1], tf.int32), axis=2
        )
        position_in_row = position - tf.gather(ends - row_lengths, artist_position, batch_dims=1)
        entry = tf.gather(row_starts, artist_position, batch_dims=1) + position_in_row
        # Padding reads entry 0: an index out of range would be an error on CPU.
        index = tf.gather(tf.constant(self.indices), tf.where(is_filled, entry, 0))
        return _SampledSongs(index, artist_position, is_filled, total)

    def _rows(self, positions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the first entry and the number of entries of each artist, ``(batch, 3)`` int64.

        An artist without songs has no entries.
        """
        has_songs, row = positions >= 0, tf.maximum(positions, 0)
        indptr = tf.constant(self.indptr)
        start = tf.gather(indptr, row)
        return start, tf.where(has_songs, tf.gather(indptr, row + 1) - start, 0)

    def _is_same_song(
        self, sampled: _SampledSongs, song: tf.Tensor, has_title: tf.Tensor, year: tf.Tensor
    ) -> tf.Tensor:
        """Step 2a: whether a sampled song is the given song, in any version, or may be.

        Versions share a key. Without a title the key does not identify the song: any song of the
        same year may be the given one.
        """
        is_version = tf.equal(
            tf.gather(tf.constant(self.song_keys), sampled.index), song[:, tf.newaxis]
        )
        year = year[:, tf.newaxis]
        is_of_same_year = tf.equal(tf.gather(tf.constant(self.years), sampled.index), year)
        is_of_same_year &= tf.not_equal(year, UNKNOWN_YEAR)
        return is_version | (~has_title[:, tf.newaxis] & is_of_same_year)

    def _is_duplicate(self, sampled: _SampledSongs, positions: tf.Tensor) -> tf.Tensor:
        """Step 2b: whether a sampled song is also in the row of an artist credited earlier.

        A song of two of the credited artists has an entry in both of their rows, but is shown once.
        """
        song_artists = tf.gather(tf.constant(self.song_artists), sampled.index)
        is_duplicate = tf.zeros_like(sampled.artist_position, tf.bool)
        for position in range(MAX_ARTISTS - 1):
            artist = positions[:, position, tf.newaxis, tf.newaxis]
            # -1 is an artist without songs here, and in a song's artists no artist.
            is_credited = tf.reduce_any(tf.equal(song_artists, artist), axis=2) & (
                artist[:, :, 0] >= 0
            )
            is_duplicate |= is_credited & (sampled.artist_position > position)
        return is_duplicate

    def _features(self, sampled: _SampledSongs, song_year: tf.Tensor, year: tf.Tensor) -> tf.Tensor:
        """Step 3: return the features of the sampled songs, ``(batch, 32, 5)`` float32."""
        represented = tf.maximum(tf.cast(sampled.total, tf.float32) / HISTORY_LENGTH, 1.0)
        features = [
            tf.broadcast_to(represented, tf.shape(sampled.index)),
            tf.gather(tf.constant(self.residual), sampled.index) / RESIDUAL_SCALE,
            _decades_between(year[:, tf.newaxis], song_year),
            tf.gather(tf.constant(self.is_pretraining), sampled.index),
            tf.cast(tf.equal(sampled.artist_position, 0), tf.float32),
        ]
        return tf.stack(features, axis=2)

    def save(self, path: Path) -> None:
        """Write all arrays to a ``.npz`` file, under the names of the attributes."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        with write_atomically(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path) -> "ArtistHistory":
        """Read a file written by `save`.

        Raises:
            InputError: the file is missing or damaged.
        """
        with reading_arrays(path, "an artist history") as arrays:
            return cls(**{field.name: arrays[field.name] for field in fields(cls)})


def _fit_baseline_of(table: pd.DataFrame, is_pretraining: int) -> npt.NDArray[np.float32]:
    """Fit the year baseline of one of the two sets; of all rows if that set is empty."""
    rows = table[table.is_pretraining == is_pretraining]
    return fit_year_baseline(table if rows.empty else rows)


def _index_by_artist(
    credited: npt.NDArray[np.int64], years: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Return ``artists``, ``indptr`` and ``indices`` of `ArtistHistory`."""
    song = np.repeat(np.arange(len(credited), dtype=np.int32), MAX_ARTISTS)
    entries = pd.DataFrame({"artist": credited.reshape(-1), "song": song, "year": years[song]})
    entries = entries[entries.artist != NO_ARTIST].drop_duplicates(["artist", "song"])
    entries = entries.sort_values(["artist", "year", "song"])
    artists, counts = np.unique(entries.artist.to_numpy("int64"), return_counts=True)
    if not len(artists):
        # One row without entries, and one index that is never shown: `tf.gather` needs arrays that
        # are not empty.
        return np.array([NO_ARTIST], "int64"), np.zeros(2, "int64"), np.zeros(1, "int32")
    return artists, np.r_[0, np.cumsum(counts)].astype("int64"), entries.song.to_numpy("int32")


def _find(credited: npt.NDArray[np.int64], artists: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Return the positions of keys in ``artists``, which has them all; -1 for `NO_ARTIST`."""
    positions = np.searchsorted(artists, credited).astype("int32")
    return np.where(credited == NO_ARTIST, np.int32(-1), positions)


def _systematic_sample(total: tf.Tensor, sampling_offset: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Sample positions at regular intervals from ``total`` ones; take all up to 32.

    Args:
        total: ``(batch, 1)`` int64.
        sampling_offset: ``(batch,)`` float32 in [0, 1), start within the first interval.

    Returns:
        Positions ``(batch, 32)`` int64, and whether each is in use; else it is 0.
    """
    slot = tf.range(HISTORY_LENGTH, dtype=tf.int64)[tf.newaxis, :]
    fraction = (tf.cast(slot, tf.float32) + sampling_offset[:, tf.newaxis]) / HISTORY_LENGTH
    sampled = tf.cast(fraction * tf.cast(total, tf.float32), tf.int64)
    # float32 may round up to the total.
    position = tf.where(total > HISTORY_LENGTH, tf.minimum(sampled, total - 1), slot)
    is_filled = slot < total
    return tf.where(is_filled, position, 0), is_filled


def _decades_between(year: tf.Tensor, song_year: tf.Tensor) -> tf.Tensor:
    """Return the decades from ``year`` to ``song_year``, clipped to 4; 0 if either is unknown."""
    known = tf.not_equal(song_year, UNKNOWN_YEAR) & tf.not_equal(year, UNKNOWN_YEAR)
    decades = tf.cast(song_year - year, tf.float32) / _YEARS_PER_DECADE
    return tf.where(known, tf.clip_by_value(decades, -_MAX_DECADES, _MAX_DECADES), 0.0)
