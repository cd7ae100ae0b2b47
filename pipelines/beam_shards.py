"""Convert spectrograms and sound files to TFRecord shards on many machines, with Apache Beam."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.remote_files import download, is_address, local_copy, upload
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
    name: str,
) -> dict[str, str]:
    """Write the shards that are not finished yet, byte for byte as the local `write_shards`.

    Args:
        shards: as for `pipelines.spectrograms.shards.write_shards`.
        folders: of the spectrograms and sound files; all workers must see them.
        on_progress: called with the number of songs finished since the last call.
        arguments: Apache Beam's pipeline options, such as ``["--runner=DirectRunner"]``. If the
            ``temp_location`` is in a bucket, the workers write the shards there, and they are moved
            here; otherwise all workers must see the shards' paths.
        name: of the preparation, for its folder in the bucket.

    Returns:
        The reason for each rejected file in any of the shards, including those finished earlier.
    """
    unfinished = unfinished_shards(shards, on_progress)
    options = PipelineOptions(list(arguments))
    FileSystems.set_options(options)
    bucket = _bucket_folder(options, name)
    if bucket is not None:
        # What an interrupted preparation has left there.
        unfinished = _move_shards(bucket, unfinished, on_progress)
    if unfinished:
        with beam.Pipeline(options=options) as pipeline:
            convert(pipeline, unfinished, folders, bucket)
        if bucket is None:
            on_progress(sum(len(shard.songs) for shard in unfinished))
        else:
            _move_shards(bucket, unfinished, on_progress)
    return read_rejections(shards)


def _bucket_folder(options: PipelineOptions, name: str) -> str | None:
    """The address where workers write shards; None if they see the shards' own paths."""
    temporary = options.get_all_options()["temp_location"]
    if temporary is None or not is_address(temporary):
        return None
    return f"{temporary.rstrip('/')}/songpop_tf/{name}"


def _move_shards(
    bucket: str, shards: Sequence[Shard], on_progress: Callable[[int], None]
) -> list[Shard]:
    """Move shards that are finished from a bucket to their paths; return the others."""
    (match,) = FileSystems.match([f"{bucket}/*"])
    addresses = {file.path for file in match.metadata_list}
    missing = []
    for shard in shards:
        # In the order in which they are written: the second marks a finished shard.
        files = {f"{bucket}/{path.name}": path for path in (shard.path, shard.rejections_path)}
        if not addresses.issuperset(files):
            missing.append(shard)
            continue
        for address, path in files.items():
            download(address, path)
        FileSystems.delete(list(files))
        on_progress(len(shard.songs))
    return missing


def convert(
    pipeline: beam.Pipeline,
    shards: Sequence[Shard],
    folders: SourceFolders,
    bucket: str | None = None,
) -> None:
    """Add the conversion of shards to a pipeline; it counts songs read, rejected and written.

    Args:
        pipeline: to which steps are added.
        shards: to write.
        folders: of the songs' files.
        bucket: address of the folder to write to, instead of the shards' paths.
    """
    # Workers may run in other folders.
    shards = [replace(shard, path=shard.path.absolute()) for shard in shards]
    tasks = [
        (str(shard.path), position, folders.location(file))
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
        | "Write" >> beam.ParDo(_Write(shards, bucket))
    )


class _Load(beam.DoFn):  # type: ignore[misc]
    """Load a song's file; rejected files are a tagged output."""

    def setup(self) -> None:
        self._load = make_loader()

    def process(self, task: Task) -> Iterator[Loaded | beam.pvalue.TaggedOutput]:
        shard, position, file = task
        with local_copy(file) as path:
            image = self._load(path)
        _count("read")
        if isinstance(image, str):
            _count("rejected")
            yield beam.pvalue.TaggedOutput(_REJECTED, (shard, (position, image)))
        else:
            yield shard, (position, image)


class _Write(beam.DoFn):  # type: ignore[misc]
    """Write a shard, with the songs in the order of its table, and its rejections."""

    def __init__(self, shards: Sequence[Shard], bucket: str | None) -> None:
        super().__init__()
        self._bucket = bucket
        self._shards = {str(shard.path): shard for shard in shards}

    def process(self, group: tuple[str, Iterable[tuple[int, CNNInputs | str]]]) -> None:
        path, songs = group
        images = [image for _, image in sorted(songs, key=lambda song: song[0])]
        shard = self._shards[path]
        if self._bucket is None:
            write_shard(shard, images)
        else:
            _write_to_bucket(self._bucket, shard, images)
        _count("written", sum(not isinstance(image, str) for image in images))


def _write_to_bucket(bucket: str, shard: Shard, images: Sequence[CNNInputs | str]) -> None:
    with TemporaryDirectory() as folder:
        local = replace(shard, path=Path(folder) / shard.path.name)
        write_shard(local, images)
        for path in (local.path, local.rejections_path):
            upload(path, f"{bucket}/{path.name}")


def _count(name: str, count: int = 1) -> None:
    Metrics.counter("songpop_tf", name).inc(count)
