"""Convert spectrograms and sound files to TFRecord shards on many machines, with Apache Beam."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions

from pipelines.errors import InputError
from pipelines.io import write_atomically
from pipelines.remote_files import (
    delete_folder,
    download,
    is_address,
    list_files,
    local_copy,
    set_beam_options,
    upload,
)
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
_NAME_FILE = ".bucket_folder"
"""In the folder of an unfinished preparation: the name of its folder in the bucket."""


def write_shards(
    shards: Sequence[Shard],
    folders: SourceFolders,
    on_progress: Callable[[int], None],
    arguments: Sequence[str],
    directory: Path,
) -> dict[str, str]:
    """Write the shards that are not finished yet, byte for byte as the local `write_shards`.

    Args:
        shards: as for `pipelines.spectrograms.shards.write_shards`.
        folders: of the spectrograms and sound files; all workers must see them.
        on_progress: called with the number of songs finished since the last call.
        arguments: Apache Beam's pipeline options, such as ``["--runner=DirectRunner"]``. If the
            ``temp_location`` is in a bucket, the workers write the shards there, and they are moved
            here; otherwise all workers must see the shards' paths.
        directory: of the preparation, which remembers its folder in the bucket.

    Returns:
        The reason for each rejected file in any of the shards, including those finished earlier.

    Raises:
        InputError: shards are missing after the pipeline, or a bucket cannot be used.
    """
    unfinished = unfinished_shards(shards, on_progress)
    options = PipelineOptions(list(arguments))
    temporary = options.view_as(GoogleCloudOptions).temp_location
    if temporary is not None and is_address(temporary):
        set_beam_options(arguments)
        _write_through_bucket(
            temporary.rstrip("/"), directory, unfinished, folders, on_progress, options
        )
    elif unfinished:
        with beam.Pipeline(options=options) as pipeline:
            convert(pipeline, unfinished, folders)
        missing = [shard for shard in unfinished if not shard.rejections_path.is_file()]
        _check_finished(missing, str(directory))
        on_progress(sum(len(shard.songs) for shard in unfinished))
    return read_rejections(shards)


def _write_through_bucket(
    temporary: str,
    directory: Path,
    shards: Sequence[Shard],
    folders: SourceFolders,
    on_progress: Callable[[int], None],
    options: PipelineOptions,
) -> None:
    """Let workers write shards to a folder of a bucket, and move them to their paths."""
    name_file = directory / _NAME_FILE
    if not name_file.is_file():
        # Of this preparation alone: another one with the same inputs may run elsewhere.
        with write_atomically(name_file) as unnamed:
            unnamed.write_text(uuid4().hex, encoding="utf-8")
    bucket = f"{temporary}/songpop_tf/{name_file.read_text(encoding='utf-8')}"
    # Those that an interrupted preparation has left there.
    missing = _move_shards(bucket, shards, on_progress)
    if missing:
        with beam.Pipeline(options=options) as pipeline:
            convert(pipeline, missing, folders, bucket)
        _check_finished(_move_shards(bucket, missing, on_progress), bucket)
    delete_folder(bucket)
    name_file.unlink()


def _check_finished(missing: Sequence[Shard], place: str) -> None:
    if missing:
        raise InputError(
            f"{place}: expected {len(missing)} more shards after the pipeline's end, such as "
            f"{missing[0].path.name}, received none; workers that do not see --out need "
            "--beam-option temp_location=gs://... or s3://..."
        )


def _move_shards(
    bucket: str, shards: Sequence[Shard], on_progress: Callable[[int], None]
) -> list[Shard]:
    """Move shards that are finished from a bucket to their paths; return the others."""
    addresses = {file.address for file in list_files(bucket)}
    missing = []
    for shard in shards:
        rejections = f"{bucket}/{shard.rejections_path.name}"
        if rejections not in addresses:
            missing.append(shard)
            continue
        records = f"{bucket}/{shard.path.name}"
        with write_atomically(shard.path) as temporary:
            if records in addresses:
                download(records, temporary)
            else:
                temporary.touch()  # all songs are rejected
        # As in the bucket, the second file marks a finished shard.
        with write_atomically(shard.rejections_path) as temporary:
            download(rejections, temporary)
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
        # S3 takes no empty file from Beam.
        if local.path.stat().st_size:
            upload(local.path, f"{bucket}/{local.path.name}")
        upload(local.rejections_path, f"{bucket}/{local.rejections_path.name}")


def _count(name: str, count: int = 1) -> None:
    Metrics.counter("songpop_tf", name).inc(count)
