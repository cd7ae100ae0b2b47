"""Convert spectrograms and sound files to TFRecord shards: parallel, bounded memory, resumable."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from pipelines.audio.audio_spectrogram import audio_spectrogram
from pipelines.errors import InputError
from pipelines.file_errors import file_problem, reading
from pipelines.io import file_error, read_json, write_atomically, write_json
from pipelines.source_folders import SourceFolders, is_spectrogram
from pipelines.spectrograms.decoding import content_error, decode_spectrogram, png_error
from pipelines.spectrograms.loading import cnn_inputs, load_spectrogram
from pipelines.spectrograms.tfrecords import SONGS_PER_SHARD, serialize_song, shard_path
from pipelines.tables.audio_features import standardize_audio_features

_REMEDY = "delete the folder and prepare again"

CNNInputs = dict[str, npt.NDArray[Any]]
"""What a record holds of a spectrogram, see `pipelines.spectrograms.loading.file_inputs`."""
LoadFunction = Callable[[tf.Tensor], dict[str, tf.Tensor]]
"""From a file's path, or an image, to the inputs of the CNN."""


@dataclass(frozen=True)
class Shard:
    """A TFRecord file to write.

    Attributes:
        path: of the TFRecord file.
        split: "train", "validation" or "test".
        songs: rows of the songs table that the file holds, in its order.
    """

    path: Path
    split: str
    songs: pd.DataFrame

    @property
    def rejections_path(self) -> Path:
        """JSON file with the reason for each rejected image.

        It is written after the TFRecord file, so that its presence marks a finished shard.
        """
        return self.path.with_suffix(".json")


def plan_shards(songs: pd.DataFrame, directory: Path) -> list[Shard]:
    """Divide the songs of each split, in order, into shards of ``SONGS_PER_SHARD``."""
    shards = []
    for split, members in songs.groupby("split", sort=True):
        count = -(-len(members) // SONGS_PER_SHARD)
        for index in range(count):
            rows = members.iloc[index * SONGS_PER_SHARD : (index + 1) * SONGS_PER_SHARD]
            shards.append(Shard(shard_path(directory, str(split), index, count), str(split), rows))
    return shards


def write_shards(
    shards: Sequence[Shard], folders: SourceFolders, on_progress: Callable[[int], None]
) -> dict[str, str]:
    """Write the shards that are not finished yet.

    Args:
        shards: the column ``file`` of their songs is relative to one of the folders.
        folders: of the spectrograms and sound files.
        on_progress: called with the number of songs finished since the last call.

    Returns:
        The reason for each rejected file in any of the shards, including those finished earlier.
    """
    unfinished = unfinished_shards(shards, on_progress)
    images = _load_images(folders.path(file) for shard in unfinished for file in shard.songs.file)
    for shard in unfinished:
        write_shard(shard, list(islice(images, len(shard.songs))))
        on_progress(len(shard.songs))
    return read_rejections(shards)


def unfinished_shards(shards: Sequence[Shard], on_progress: Callable[[int], None]) -> list[Shard]:
    """Return the shards still to write; report the number of songs in the others."""
    unfinished = [shard for shard in shards if not shard.rejections_path.is_file()]
    total, remaining = (sum(len(shard.songs) for shard in group) for group in (shards, unfinished))
    on_progress(total - remaining)
    return unfinished


def read_rejections(shards: Sequence[Shard]) -> dict[str, str]:
    """Return the reason for each rejected file of finished shards."""
    rejections: dict[str, str] = {}
    for shard in shards:
        with reading(shard.rejections_path, f"rejected files of a shard ({_REMEDY})"):
            rejections.update(read_json(shard.rejections_path))
    return rejections


def make_loader() -> Callable[[Path], CNNInputs | str]:
    """Return a function from a file to the CNN's inputs, or to why the file cannot be used.

    Creates TensorFlow functions: call it once in each process.
    """
    load_png = tf.function(_load_png, input_signature=[tf.TensorSpec([], tf.string)])
    specification = tf.TensorSpec([None, None], tf.uint8)
    compute_inputs = tf.function(cnn_inputs, input_signature=[specification])

    def load(path: Path) -> CNNInputs | str:
        if is_spectrogram(path.name):
            return _load_spectrogram(load_png, path)
        return _load_audio(compute_inputs, path)

    return load


def _load_images(paths: Iterable[Path]) -> Iterator[CNNInputs | str]:
    """Yield the CNN's inputs for each file, in order, or why the file cannot be used."""
    load = make_loader()
    # Threads, because tf.data keeps the cores only three quarters busy with so many small steps.
    # Two threads for each core: while a step of one image waits, the other image's step runs.
    thread_count = 2 * (os.cpu_count() or 1)
    max_pending = 2 * thread_count  # bounds the images in memory
    with ThreadPoolExecutor(thread_count) as pool:
        pending: deque[Future[CNNInputs | str]] = deque()
        for path in paths:
            pending.append(pool.submit(load, path))
            if len(pending) > max_pending:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _load_spectrogram(load_png: LoadFunction, path: Path) -> CNNInputs | str:
    try:
        inputs = load_png(tf.constant(str(path)))
    except tf.errors.OpError:
        if error := image_error(path):
            return error
        # An image without error failed for a temporary reason: load it again.
        inputs = _load_png(tf.constant(str(path)))
    return _to_arrays(inputs)


def _load_png(path: tf.Tensor) -> dict[str, tf.Tensor]:
    return load_spectrogram(tf.io.read_file(path))


def _to_arrays(inputs: dict[str, tf.Tensor]) -> CNNInputs:
    return {name: value.numpy() for name, value in inputs.items()}


def _load_audio(compute_inputs: LoadFunction, path: Path) -> CNNInputs | str:
    try:
        image = audio_spectrogram(path)
    except InputError as error:
        return str(error).removeprefix(f"{path}: ")
    if reason := content_error(tf.constant(image)).numpy().decode():
        return str(reason)
    return _to_arrays(compute_inputs(tf.constant(image)))


def write_shard(shard: Shard, images: Sequence[CNNInputs | str]) -> None:
    """Write a shard and its rejections.

    Args:
        shard: what to write.
        images: of each of its songs, or why there is none.

    Raises:
        InputError: the shard cannot be written, for example to a full disk.
    """
    rejections = {}
    with (
        write_atomically(shard.path) as temporary,
        _naming_the_shard(shard.path),
        tf.io.TFRecordWriter(str(temporary)) as writer,
    ):
        songs = _to_dicts(shard.songs)
        audio_features = standardize_audio_features(shard.songs)
        for song, features, image in zip(songs, audio_features, images, strict=True):
            if isinstance(image, str):
                rejections[song["file"]] = image
            else:
                writer.write(serialize_song(song, features, image))
    write_json(shard.rejections_path, rejections)


@contextmanager
def _naming_the_shard(path: Path) -> Iterator[None]:
    try:
        yield
    except tf.errors.OpError as error:
        reason = " ".join(error.message.split())
        raise InputError(f"{path}: expected a file to write to, received: {reason}") from error


def _to_dicts(songs: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(songs.columns, row, strict=True)) for row in songs.itertuples(index=False)]


def image_error(path: Path) -> str:
    """Explain why an image cannot be used.

    It decodes the image again, which is slow; meant for the few files that failed.

    Returns:
        One line with what was expected and what was received; empty for a usable image.
    """
    if error := file_error(path):
        return error
    if problem := file_problem(path):
        return f"expected a PNG file, received {problem}"
    png = tf.constant(path.read_bytes())
    error = str(png_error(png).numpy().decode())
    if error:
        return error
    try:
        _, error = decode_spectrogram(png)
    except tf.errors.InvalidArgumentError:
        return "expected a PNG image that can be decoded, received damaged data"
    return str(error.numpy().decode())
