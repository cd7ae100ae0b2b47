"""Convert spectrogram files to record shards: parallel, bounded in memory, resumable."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import tensorflow as tf

from pipelines.files import read_json, unreadable, write_atomically, write_json
from pipelines.records import SONGS_PER_SHARD, serialize_song, shard_path
from pipelines.sound import on_one_scale
from pipelines.spectrogram import load_spectrogram, png_columns, png_problem

Advance = Callable[[int], None]
Image = tuple[bytes, int]
"""Pixels of a shrunk spectrogram, and how many columns its file has."""
Load = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


@dataclass(frozen=True)
class Shard:
    """One record file to be written and the rows of the songs table that it holds."""

    path: Path
    split: str
    songs: pd.DataFrame

    @property
    def report(self) -> Path:
        """Lies beside the finished record file: the images that were rejected, with the reason."""
        return self.path.with_suffix(".json")


def plan_shards(songs: pd.DataFrame, directory: Path) -> list[Shard]:
    """Deal the songs of each split, in order, into shards of 64."""
    shards = []
    for split, members in songs.groupby("split", sort=True):
        count = -(-len(members) // SONGS_PER_SHARD)
        for number in range(count):
            part = members.iloc[number * SONGS_PER_SHARD : (number + 1) * SONGS_PER_SHARD]
            shards.append(Shard(shard_path(directory, str(split), number, count), str(split), part))
    return shards


def write_shards(shards: Sequence[Shard], images: Path, advance: Advance) -> dict[str, str]:
    """Write the shards that are not there yet.

    Args:
        shards: what to write; the column ``file`` of their songs is relative to ``images``.
        images: folder of the spectrogram files.
        advance: called with the number of songs done.

    Returns:
        The reason for each rejected file, over all shards, written now or before.
    """
    missing = [shard for shard in shards if not shard.report.is_file()]
    advance(sum(len(shard.songs) for shard in shards) - sum(len(shard.songs) for shard in missing))
    converted = _convert(images / file for shard in missing for file in shard.songs.file)
    for shard in missing:
        _write_shard(shard, list(islice(converted, len(shard.songs))), images)
        advance(len(shard.songs))
    return {file: reason for shard in shards for file, reason in read_json(shard.report).items()}


def _convert(paths: Iterable[Path]) -> Iterator[Image | None]:
    """The image of every file, in order; None where there was no reading it."""
    load = tf.function(_load, input_signature=[tf.TensorSpec([], tf.string)])
    # Threads, for tf.data keeps the cores only three quarters busy with so many small steps. Two
    # images for each core: while a step of one waits, the other goes on.
    at_once = 2 * (os.cpu_count() or 1)
    with ThreadPoolExecutor(at_once) as pool:
        pending: deque[Future[Image | None]] = deque()
        for path in paths:
            pending.append(pool.submit(_image_if_usable, load, path))
            if len(pending) > 2 * at_once:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _image_if_usable(load: Load, path: Path) -> Image | None:
    try:
        return _image(load, path)
    except tf.errors.OpError:
        return None  # why, is found out when the shard is written


def _image(load: Load, path: Path) -> Image:
    pixels, columns = load(tf.constant(str(path)))
    return pixels.numpy().tobytes(), int(columns)


def _load(path: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    png = tf.io.read_file(path)
    return load_spectrogram(png), png_columns(png)


def _write_shard(shard: Shard, found: Sequence[Image | None], images: Path) -> None:
    rejected = {}
    with (
        write_atomically(shard.path) as temporary,
        tf.io.TFRecordWriter(str(temporary)) as writer,
    ):
        sounds = on_one_scale(shard.songs)
        for song, sound, image in zip(_records(shard.songs), sounds, found, strict=True):
            path = images / song["file"]
            if image is None and (problem := image_problem(path)):
                rejected[song["file"]] = problem
                continue
            # An image that is fine after all failed for a passing reason: read it once more.
            pixels, columns = image or _image(_load, path)
            writer.write(serialize_song(song, sound, pixels, columns))
    write_json(shard.report, rejected)


def _records(songs: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(songs.columns, row, strict=True)) for row in songs.itertuples(index=False)]


def image_problem(path: Path) -> str:
    """Say why an image cannot be used; the slow way, for the few that failed.

    Returns:
        One line, or an empty string where the image is fine after all.
    """
    if problem := unreadable(path):
        return problem
    png = tf.constant(path.read_bytes())
    problem = str(png_problem(png).numpy().decode())
    if problem:
        return problem
    try:
        tf.io.decode_png(png, channels=1)
    except tf.errors.InvalidArgumentError:
        return "expected a PNG image that can be decoded, received damaged data"
    return ""
