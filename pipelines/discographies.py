"""What the artists of a song did before: their other songs, and how popular those became."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from pipelines.credits import CREDITED, NOBODY, artist_keys, song_key
from pipelines.errors import InputError
from pipelines.files import write_atomically
from pipelines.trend import trend_places, year_trend
from pipelines.years import FIRST_YEAR, UNKNOWN_YEAR

OTHER_SONGS = 32
"""So many of the other songs are shown to the network; of more, a part evenly spread in time."""
TRAITS = 5
"""Numbers that tell of each other song: see :meth:`Discographies.other_songs`."""

_POINTS_PER_UNIT, _YEARS_PER_UNIT, _MOST_UNITS = 20.0, 10.0, 4.0


@dataclass(frozen=True)
class Discographies:
    """The songs of a training set by artist. Looking up works eagerly and inside graphs.

    Attributes:
        artists: ``(artists,)`` int64 keys, ascending.
        starts: ``(artists + 1,)`` where each artist's entries begin.
        entries: song numbers, artist after artist, by year within an artist.
        songs: ``(songs,)`` int64 song keys.
        credits: ``(songs, 3)`` int64 artist keys.
        years: ``(songs,)``, 0 = unknown.
        surplus: ``(songs,)`` points of popularity above the trend of the song's set and year.
        in_large: ``(songs,)`` 1 for rows of the large set.
        trends: ``(2, years)`` popularity by year (:func:`year_trend`) in the small and large set.
    """

    artists: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    entries: npt.NDArray[np.int64]
    songs: npt.NDArray[np.int64]
    credits: npt.NDArray[np.int64]
    years: npt.NDArray[np.int32]
    surplus: npt.NDArray[np.float32]
    in_large: npt.NDArray[np.float32]
    trends: npt.NDArray[np.float32]

    @classmethod
    def of(cls, table: pd.DataFrame) -> "Discographies":
        """Collect the songs of a training set.

        Args:
            table: columns artist, title, year (0 = unknown), popularity (0-100) and in_large (1 for
                rows of the large set); one row or more.
        """
        in_large = table.in_large.to_numpy("float32")
        trends = np.stack([_trend_of(table, side) for side in (0, 1)])
        years = table.year.to_numpy("int32")
        expected = trends[in_large.astype(int), trend_places(years)]
        artist, title = (tf.constant(table[name].to_numpy(object)) for name in ("artist", "title"))
        credits = artist_keys(artist).numpy()
        artists, starts, entries = _by_artist(credits, years)
        return cls(
            artists=artists,
            starts=starts,
            entries=entries,
            songs=song_key(tf.constant(credits), title).numpy(),
            credits=credits,
            years=years,
            surplus=(table.popularity.to_numpy("float32") - expected).astype("float32"),
            in_large=in_large,
            trends=trends,
        )

    def within_known_years(self, year: tf.Tensor) -> tf.Tensor:
        """Move years outside those of the songs to the nearest of them; 0 stays unknown.

        No network has learned what lies beyond.
        """
        known = self.years[self.years != UNKNOWN_YEAR]
        if not len(known):
            return year
        nearest = tf.clip_by_value(year, int(known.min()), int(known.max()))
        return tf.where(tf.equal(year, UNKNOWN_YEAR), UNKNOWN_YEAR, nearest)

    def trend(self, year: tf.Tensor, in_large: tf.Tensor) -> tf.Tensor:
        """Popularity that the year alone lets expect, ``(batch,)`` float32, 0-100.

        Args:
            year: ``(batch,)`` int32, 0 = unknown.
            in_large: ``(batch,)`` int32, 1 to ask about rows of the large set.
        """
        last = self.trends.shape[1] - 1
        place = tf.clip_by_value(year - (FIRST_YEAR - 1), 1, last)
        place = tf.where(tf.equal(year, UNKNOWN_YEAR), 0, place)
        return tf.gather_nd(tf.constant(self.trends), tf.stack([in_large, place], axis=1))

    def other_songs(
        self,
        artists: tf.Tensor,
        song: tf.Tensor,
        has_title: tf.Tensor,
        year: tf.Tensor,
        phase: tf.Tensor,
    ) -> tf.Tensor:
        """Look up the other songs of each song's artists.

        The song itself, in any version, is never among them: its popularity is what is asked for.
        Of a song without a title any song of that year may be a version.

        Args:
            artists: ``(batch, 3)`` int64 from :func:`artist_keys`.
            song: ``(batch,)`` int64 from :func:`song_key`.
            has_title: ``(batch,)`` bool, whether the title is known.
            year: ``(batch,)`` int32, 0 = unknown.
            phase: ``(batch,)`` 0 up to 1: which ones, where there are too many to show.

        Returns:
            ``(batch, 32, 5)`` float32, zeros where there are fewer: how many songs the entry
            stands for, its popularity above the trend (in units of 20 points), how many decades
            later than this song it came (at most 4; 0 if unknown), 1 if it is from the large set,
            1 if the main artist is credited with it.
        """
        first, count = self._ranges(artists)
        ends = tf.cumsum(count, axis=1)
        total = ends[:, -1:]
        place, shown = _evenly_spread(total, phase)
        # Which of the credited artists the place falls to, and which song of that artist it is.
        which = tf.reduce_sum(
            tf.cast(place[:, :, tf.newaxis] >= ends[:, tf.newaxis, :-1], tf.int32), axis=2
        )
        offset = place - tf.gather(ends - count, which, batch_dims=1)
        entry = tf.gather(first, which, batch_dims=1) + offset
        number = tf.gather(tf.constant(self.entries), tf.where(shown, entry, 0))
        theirs = tf.gather(tf.constant(self.years), number)
        year, may_be_any = year[:, tf.newaxis], ~has_title[:, tf.newaxis]
        shown &= tf.not_equal(tf.gather(tf.constant(self.songs), number), song[:, tf.newaxis])
        shown &= ~(may_be_any & tf.equal(theirs, year) & tf.not_equal(year, UNKNOWN_YEAR))
        shown &= ~self._seen_with_an_earlier_artist(number, artists, which)
        weight = tf.maximum(tf.cast(total, tf.float32) / OTHER_SONGS, 1.0)
        traits = [
            tf.broadcast_to(weight, tf.shape(number)),
            tf.gather(tf.constant(self.surplus), number) / _POINTS_PER_UNIT,
            _decades_later(theirs, year),
            tf.gather(tf.constant(self.in_large), number),
            tf.cast(tf.equal(which, 0), tf.float32),
        ]
        return tf.where(shown[:, :, tf.newaxis], tf.stack(traits, axis=2), 0.0)

    def _ranges(self, artists: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """First entry of each credited artist and number of entries, ``(batch, 3)`` int64."""
        known = tf.constant(self.artists)
        flat = tf.reshape(artists, [-1])
        place = tf.minimum(tf.searchsorted(known, flat, out_type=tf.int64), len(self.artists) - 1)
        starts = tf.constant(self.starts)
        first = tf.gather(starts, place)
        found = tf.equal(tf.gather(known, place), flat)
        count = tf.where(found, tf.gather(starts, place + 1) - first, 0)
        return tf.reshape(first, tf.shape(artists)), tf.reshape(count, tf.shape(artists))

    def _seen_with_an_earlier_artist(
        self, number: tf.Tensor, artists: tf.Tensor, which: tf.Tensor
    ) -> tf.Tensor:
        """Whether a song was reached through another of the credited artists already."""
        credits = tf.gather(tf.constant(self.credits), number)
        seen = tf.zeros_like(which, tf.bool)
        for earlier in range(CREDITED - 1):
            key = artists[:, earlier, tf.newaxis, tf.newaxis]
            credited = tf.reduce_any(tf.equal(credits, key), axis=2)
            seen |= credited & (which > earlier) & tf.not_equal(key[:, :, 0], NOBODY)
        return seen

    def save(self, path: Path) -> None:
        """Write everything into one ``.npz`` file."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        with write_atomically(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path) -> "Discographies":
        """Read what :meth:`save` wrote.

        Raises:
            InputError: there is no such file.
        """
        if not path.is_file():
            raise InputError(f"{path}: expected the artists' songs, found no such file")
        with np.load(path) as stored:
            return cls(**{field.name: stored[field.name] for field in fields(cls)})


def _trend_of(table: pd.DataFrame, side: int) -> npt.NDArray[np.float32]:
    """The trend of a set; of all rows where it has none."""
    rows = table[table.in_large == side]
    return year_trend(table if rows.empty else rows)


def _by_artist(
    credits: npt.NDArray[np.int64], years: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Artists, where their entries start, and the entries (song numbers by artist and year)."""
    song = np.repeat(np.arange(len(credits)), CREDITED)
    artist = credits.reshape(-1)
    pairs = pd.DataFrame({"artist": artist, "song": song, "year": years[song]})
    pairs = pairs[pairs.artist != NOBODY].drop_duplicates(["artist", "song"])
    pairs = pairs.sort_values(["artist", "year", "song"])
    artists, counts = np.unique(pairs.artist.to_numpy("int64"), return_counts=True)
    if not len(artists):
        artists, counts = np.array([NOBODY], "int64"), np.array([0])
        return artists, np.zeros(2, "int64"), np.zeros(1, "int64")
    return artists, np.r_[0, np.cumsum(counts)].astype("int64"), pairs.song.to_numpy("int64")


def _evenly_spread(total: tf.Tensor, phase: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Places ``(batch, 32)`` of the songs to show among ``total`` ones, and which are in use."""
    step = tf.range(OTHER_SONGS, dtype=tf.int64)[tf.newaxis, :]
    apart = (tf.cast(step, tf.float32) + phase[:, tf.newaxis]) / OTHER_SONGS
    spread = tf.cast(apart * tf.cast(total, tf.float32), tf.int64)
    place = tf.where(total > OTHER_SONGS, tf.minimum(spread, total - 1), step)
    shown = step < total
    return tf.where(shown, place, 0), shown


def _decades_later(theirs: tf.Tensor, year: tf.Tensor) -> tf.Tensor:
    known = tf.not_equal(theirs, UNKNOWN_YEAR) & tf.not_equal(year, UNKNOWN_YEAR)
    decades = tf.cast(theirs - year, tf.float32) / _YEARS_PER_UNIT
    return tf.where(known, tf.clip_by_value(decades, -_MOST_UNITS, _MOST_UNITS), 0.0)
