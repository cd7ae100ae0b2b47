"""Load the spectrograms of songs, and group songs into batches for a model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipelines.errors import InputError
from pipelines.worker_pool import run_in_processes
from songpop_tf.serving.backend import Inputs
from songpop_tf.serving.song import Song, load_png

MAX_BATCH_SONGS, MAX_BATCH_BYTES = 32, 2**24
"""Limits of a batch: number of songs, and bytes of their spectrogram files."""


@dataclass(frozen=True)
class LoadedSong:
    """A song and the PNG file of its spectrogram; None for a song of metadata only."""

    song: Song
    png: bytes | None


def load_batches(
    songs: Sequence[Song],
    indices: Sequence[int],
    processes: int | None,
    rejected: dict[int, InputError],
) -> Iterator[list[tuple[int, LoadedSong]]]:
    """Load some of the songs and group them into batches within both limits.

    Args:
        songs: all songs.
        indices: which of them to load.
        processes: as for `songpop_tf.serving.predictor.Predictor.predict_songs`.
        rejected: receives, by index, why a sound file has no spectrogram.

    Yields:
        Songs with their indices.
    """
    batch: list[tuple[int, LoadedSong]] = []
    batch_bytes = 0
    pngs = _load_pngs([songs[index] for index in indices], processes)
    for index, png in zip(indices, pngs, strict=True):
        if isinstance(png, InputError):
            rejected[index] = png
            continue
        too_large = batch_bytes + len(png or b"") > MAX_BATCH_BYTES
        if batch and (len(batch) == MAX_BATCH_SONGS or too_large):
            yield batch
            batch, batch_bytes = [], 0
        batch.append((index, LoadedSong(songs[index], png)))
        batch_bytes += len(png or b"")
    if batch:
        yield batch


def batch_inputs(batch: Sequence[LoadedSong]) -> Inputs:
    """The inputs of `songpop_tf.serving.backend.Backend.predict_batch`."""
    inputs: Inputs = {
        "artist": [item.song.artist for item in batch],
        "title": [item.song.title for item in batch],
        "year": [item.song.year for item in batch],
    }
    if batch[0].png is not None:
        inputs["spectrogram_png"] = [item.png for item in batch]
    return inputs


def _load_pngs(songs: Sequence[Song], processes: int | None) -> Iterator[bytes | InputError | None]:
    """The PNG file of each song, or the reason why it has none."""
    if processes == 1:
        yield from map(_png_or_error, songs)
        return
    sounds = [index for index, song in enumerate(songs) if song.audio is not None]
    jobs = [(songs[index],) for index in sounds]
    drawn = {sounds[job]: png for job, png in run_in_processes(_png_or_error, jobs, processes)}
    for index, song in enumerate(songs):
        yield drawn.pop(index) if index in drawn else _png_or_error(song)


def _png_or_error(song: Song) -> bytes | InputError | None:
    try:
        return load_png(song)
    except InputError as error:
        return error
