"""What the artists' other songs change in the prediction from artist, title and year."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.constants import HISTORY_LENGTH
from songpop_tf.serving.backend import Backend, Row, Rows
from songpop_tf.serving.schema import (
    HISTORY_POSITION,
    LEAVE_OUT_ALL,
    LEAVE_OUT_NONE,
    WITH_HISTORY,
)
from songpop_tf.serving.song import Song
from songpop_tf.serving.song_batches import MAX_BATCH_SONGS


@dataclass(frozen=True)
class HistorySongEffect:
    """Effect of one of the artists' other songs.

    Attributes:
        year: of that song; 0 = unknown.
        difference: its popularity minus that expected of its year, in points.
        represented: the number of songs that it stands for, more than 1 in a long history.
        effect: the prediction minus that without the song, in points.
    """

    year: int
    difference: float
    represented: float
    effect: float


@dataclass(frozen=True)
class HistoryEffect:
    """Effect of the artists' other songs that the model knows.

    Attributes:
        effect: the prediction minus that without any of them, in points.
        songs: the effect of each, by year.
    """

    effect: float = 0.0
    songs: tuple[HistorySongEffect, ...] = ()

    @property
    def song_count(self) -> int:
        """The number of songs, about right if some stand for others."""
        return round(sum(song.represented for song in self.songs))

    @property
    def is_sampled(self) -> bool:
        """Whether some songs stand for others."""
        return any(song.represented > 1 for song in self.songs)


def history_effect(backend: Backend, song: Song) -> HistoryEffect:
    """Leave out each of the artists' other songs, and all; the song's sound has no influence.

    Returns:
        The effects; without songs for an unknown artist, and for a model that does not tell them
        (one without text model, or exported by an earlier version).

    Raises:
        InputError: the model cannot be reached.
    """
    if not song.artist.strip() or WITH_HISTORY not in backend.signatures:
        return HistoryEffect()
    positions = [LEAVE_OUT_NONE, LEAVE_OUT_ALL, *range(HISTORY_LENGTH)]
    rows: Rows = []
    for first in range(0, len(positions), MAX_BATCH_SONGS):  # servers limit their batches to it
        batch = positions[first : first + MAX_BATCH_SONGS]
        fields = {"artist": song.artist, "title": song.title, "year": song.year}
        columns = {name: [value] * len(batch) for name, value in fields.items()}
        rows += backend.predict_batch(WITH_HISTORY, {**columns, HISTORY_POSITION: batch})
    with_all, without, *without_one = rows
    return HistoryEffect(
        with_all.popularity - without.popularity, _song_effects(with_all.popularity, without_one)
    )


def _song_effects(popularity: float, rows: Sequence[Row]) -> tuple[HistorySongEffect, ...]:
    effects = [
        HistorySongEffect(*row.left_out, popularity - row.popularity)
        for row in rows
        if row.left_out is not None and row.left_out.represented > 0
    ]
    return tuple(sorted(effects, key=lambda one: one.year))
