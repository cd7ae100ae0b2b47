"""Convert spectrograms and sound files to TFRecord shards on many machines, with Apache Beam."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.source_folders import SourceFolders
from pipelines.spectrograms.shards import (
    CNNInputs,
    Shard,
    make_loader,
    read_rejections,
    unfinished_shards,
    write_shard,
)

Task = tuple[str, int, str]
"""A shard's path, the position of a song in it, and the path of the song's file."""
Loaded = tuple[str, tuple[int, CNNInputs | str]]
"""A shard's path, the position of a song in it, and its inputs or why there are none."""

_REJECTED = "rejected"


def write_shards(
    shards: Sequence[Shard],
    folders: SourceFolders,
    on_progress: Callable[[int], None],
    arguments: Sequence[str],
) -> dict[str, str]:
    """Write the shards that are not finished yet, byte for byte as the local `write_shards`.

    Args:
        shards: as for `pipelines.spectrograms.shards.write_shards`; all workers must see their
            paths, and those of the folders.
        folders: of the spectrograms and sound files.
        on_progress: called with the number of songs finished since the last call.
        arguments: Apache Beam's pipeline options, such as ``["--runner=DirectRunner"]``.

    Returns:
        The reason for each rejected file in any of the shards, including those finished earlier.
    """
    unfinished = unfinished_shards(shards, on_progress)
    if unfinished:
        with beam.Pipeline(options=PipelineOptions(list(arguments))) as pipeline:
            convert(pipeline, unfinished, folders)
        on_progress(sum(len(shard.songs) for shard in unfinished))
    return read_rejections(shards)


def convert(pipeline: beam.Pipeline, shards: Sequence[Shard], folders: SourceFolders) -> None:
    """Add the conversion of shards to a pipeline; it counts songs read, rejected and written."""
    # Workers may run in other folders.
    shards = [replace(shard, path=shard.path.absolute()) for shard in shards]
    tasks = [
        (str(shard.path), position, str(folders.path(file).absolute()))
        for shard in shards
        for position, file in enumerate(shard.songs.file)
    ]
    loaded, rejected = (
        pipeline
        | "List songs" >> beam.Create(tasks)
        | "Spread over workers" >> beam.Reshuffle()
        | "Load" >> beam.ParDo(_Load()).with_outputs(_REJECTED, main="loaded")
    )
    (
        (loaded, rejected)
        | "Loaded and rejected" >> beam.Flatten()
        | "Group by shard" >> beam.GroupByKey()
        | "Write" >> beam.ParDo(_Write(shards))
    )


class _Load(beam.DoFn):  # type: ignore[misc]
    """Load a song's file; rejected files are a tagged output."""

    def setup(self) -> None:
        self._load = make_loader()

    def process(self, task: Task) -> Iterator[Loaded | beam.pvalue.TaggedOutput]:
        shard, position, file = task
        image = self._load(Path(file))
        _count("read")
        if isinstance(image, str):
            _count("rejected")
            yield beam.pvalue.TaggedOutput(_REJECTED, (shard, (position, image)))
        else:
            yield shard, (position, image)


class _Write(beam.DoFn):  # type: ignore[misc]
    """Write a shard, with the songs in the order of its table, and its rejections."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        super().__init__()
        self._shards = {str(shard.path): shard for shard in shards}

    def process(self, group: tuple[str, Iterable[tuple[int, CNNInputs | str]]]) -> None:
        path, songs = group
        images = [image for _, image in sorted(songs, key=lambda song: song[0])]
        write_shard(self._shards[path], images)
        _count("written", sum(not isinstance(image, str) for image in images))


def _count(name: str, count: int = 1) -> None:
    Metrics.counter("songpop_tf", name).inc(count)
