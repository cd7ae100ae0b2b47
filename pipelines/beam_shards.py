"""Convert spectrograms and sound files to TFRecord shards on many machines, with Apache Beam."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions

from pipelines.errors import InputError
from pipelines.io import read_json, write_atomically, write_json
from pipelines.remote_files import (
    BUCKET_FILE,
    check_folder,
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

Task = tuple[Shard, Sequence[str]]
"""A shard, and the path or address of each of its songs."""
Rejection = tuple[str, str]
"""A song's file, and why it cannot be used."""

_REJECTED = "rejected"
_FOLDER = re.compile(r"/songpop_tf/[0-9a-f]{32}$")
_NEED_BUCKET = (
    "; workers that do not see --out need --beam-option temp_location=gs://... or s3://..."
)


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
    set_beam_options(arguments)
    bucket_file = directory / BUCKET_FILE
    unfinished = unfinished_shards(shards, on_progress)
    if bucket_file.is_file():
        # The shards that an interrupted preparation has left there.
        unfinished = _move_from_bucket(bucket_file, unfinished, on_progress)
    if unfinished and (bucket := _bucket_folder(arguments)):
        _begin_folder(bucket, bucket_file)
        _run_pipeline(unfinished, folders, arguments, bucket)
        missing = _move_from_bucket(bucket_file, unfinished, on_progress)
        _check_finished(missing, bucket)
    elif unfinished:
        _run_pipeline(unfinished, folders, arguments, None)
        missing = [shard for shard in unfinished if not shard.rejections_path.is_file()]
        _check_finished(missing, str(directory), _NEED_BUCKET)
        on_progress(sum(len(shard.songs) for shard in unfinished))
    return read_rejections(shards)


def _bucket_folder(arguments: Sequence[str]) -> str | None:
    """A new folder below the ``temp_location``, if that is in a bucket.

    Of this run alone: another one may write shards of the same names.
    """
    location = PipelineOptions(list(arguments)).view_as(GoogleCloudOptions).temp_location
    if location is None or not is_address(location):
        return None
    check_folder(location)
    return f"{location.rstrip('/')}/songpop_tf/{uuid4().hex}"


def _run_pipeline(
    shards: Sequence[Shard], folders: SourceFolders, arguments: Sequence[str], bucket: str | None
) -> None:
    with beam.Pipeline(options=PipelineOptions(list(arguments))) as pipeline:
        convert(pipeline, shards, folders, arguments, bucket)


def _check_finished(missing: Sequence[Shard], place: str, remedy: str = "") -> None:
    if missing:
        raise InputError(
            f"{place}: expected {len(missing)} more shards after the pipeline's end, such as "
            f"{missing[0].path.name}, received none{remedy}"
        )


def _begin_folder(bucket: str, bucket_file: Path) -> None:
    """Create a folder of a bucket by a first file in it, and remember its address."""
    with write_atomically(bucket_file) as temporary:
        temporary.write_text(bucket, encoding="utf-8")
        # A bucket that cannot be written is noticed now, not after hours of conversion.
        upload(temporary, f"{bucket}/{BUCKET_FILE}")


def _move_from_bucket(
    bucket_file: Path, shards: Sequence[Shard], on_progress: Callable[[int], None]
) -> list[Shard]:
    """Move finished shards to their paths and delete their folder; return the other shards."""
    bucket, addresses = _read_bucket_file(bucket_file)
    missing = []
    for shard in shards:
        if _move_shard(bucket, addresses, shard):
            on_progress(len(shard.songs))
        else:
            missing.append(shard)
    # First, so that nobody who may not delete files is stopped again by the next attempt.
    bucket_file.unlink()
    delete_folder(bucket)
    return missing


def _read_bucket_file(bucket_file: Path) -> tuple[str, set[str]]:
    """Return the address of a folder in a bucket, and those of its files."""
    bucket = bucket_file.read_text(encoding="utf-8").strip()
    remedy = f"give the options of that bucket, or remove {bucket_file} to convert its shards again"
    # All files of this folder are deleted in the end: it must be one of `_bucket_folder`.
    if not (is_address(bucket) and _FOLDER.search(bucket)):
        raise InputError(
            f"{bucket_file}: expected the address of a bucket, received {bucket!r}; remove the "
            "file to convert its shards again"
        )
    try:
        addresses = {file.address for file in list_files(bucket)}
    except InputError as error:
        raise InputError(f"{error}; {remedy}") from error
    if f"{bucket}/{BUCKET_FILE}" not in addresses:
        raise InputError(
            f"{bucket}: expected the folder of an interrupted preparation, received none; {remedy}"
        )
    return bucket, addresses


def _move_shard(bucket: str, addresses: Collection[str], shard: Shard) -> bool:
    """Move a shard to its paths if it is finished; return whether it is."""
    records = f"{bucket}/{shard.path.name}"
    rejections = f"{bucket}/{shard.rejections_path.name}"
    if rejections not in addresses:
        return False
    with local_copy(rejections) as path:
        rejected = read_json(path)
    all_rejected = len(rejected) == len(shard.songs)
    if records not in addresses and not all_rejected:
        return False  # somebody has deleted the records
    with write_atomically(shard.path) as temporary:
        if all_rejected:
            temporary.touch()
        else:
            download(records, temporary)
    # Last, as it marks a finished shard.
    write_json(shard.rejections_path, rejected)
    return True


def convert(
    pipeline: beam.Pipeline,
    shards: Sequence[Shard],
    folders: SourceFolders,
    arguments: Sequence[str],
    bucket: str | None = None,
) -> beam.PCollection[Rejection]:
    """Add the conversion of shards to a pipeline; it counts songs read, rejected and written.

    Each shard is converted by one worker: no image is sent to another one, and a pipeline that is
    stopped has finished some of its shards.

    Args:
        pipeline: to which steps are added.
        shards: to write.
        folders: of the songs' files.
        arguments: pipeline options with which workers use buckets.
        bucket: address of the folder to write to, instead of the shards' paths.

    Returns:
        The rejected files.
    """
    # Workers may run in other folders.
    tasks = [
        (replace(shard, path=shard.path.absolute()), list(map(folders.location, shard.songs.file)))
        for shard in shards
    ]
    return (
        pipeline
        | "List shards" >> beam.Create(tasks)
        | "Spread over workers" >> beam.Reshuffle()
        | "Convert" >> beam.ParDo(_Convert(arguments, bucket)).with_outputs(_REJECTED)
    )[_REJECTED]


class _Convert(beam.DoFn):  # type: ignore[misc]
    """Load the songs of a shard and write it; rejected files are a tagged output."""

    def __init__(self, arguments: Sequence[str], bucket: str | None) -> None:
        super().__init__()
        self._arguments = arguments
        self._bucket = bucket

    def setup(self) -> None:
        # Workers do not receive all options of the pipeline from every runner.
        set_beam_options(self._arguments)
        self._load = make_loader()

    # Not TaggedOutput: Beam's newer versions warn of it without parameters, the older have none.
    def process(self, task: Task) -> Iterator[Any]:
        shard, locations = task
        images = []
        for location in locations:
            with local_copy(location) as path:
                images.append(self._load(path))
            _count("read")
        if self._bucket is None:
            write_shard(shard, images)
        else:
            _write_to_bucket(self._bucket, shard, images)
        for file, image in zip(shard.songs.file, images, strict=True):
            if isinstance(image, str):
                _count("rejected")
                yield beam.pvalue.TaggedOutput(_REJECTED, (file, image))
            else:
                _count("written")


def _write_to_bucket(bucket: str, shard: Shard, images: Sequence[CNNInputs | str]) -> None:
    with TemporaryDirectory() as folder:
        local = replace(shard, path=Path(folder) / shard.path.name)
        write_shard(local, images)
        # S3 takes no empty file from Beam.
        if local.path.stat().st_size:
            upload(local.path, f"{bucket}/{local.path.name}")
        upload(local.rejections_path, f"{bucket}/{local.rejections_path.name}")


def _count(name: str) -> None:
    Metrics.counter("songpop_tf", name).inc()
