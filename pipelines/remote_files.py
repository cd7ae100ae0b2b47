"""Files in buckets, such as ``gs://bucket/songs``, through the file systems of Apache Beam."""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from pipelines.errors import InputError
from pipelines.file_errors import translating
from pipelines.io import StrPath
from pipelines.tables.folder_files import is_passed_over

BUCKET_FILE = "bucket.txt"
"""In the folder of an unfinished preparation: the address to which workers write its shards."""

_ADDRESS = re.compile(r"(gs|s3)://[^/]")
# With one slash, as pathlib writes an address; not C:/, the name of a disk.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_WILDCARDS = re.compile(r"[*?\[]")
"""What Apache Beam would take for a pattern when it lists a folder."""
_MAX_LENGTH = 300


def is_address(path: StrPath) -> bool:
    """Whether a path is an address in a bucket, not one of this machine."""
    return bool(_ADDRESS.match(str(path)))


def check_folder(path: StrPath) -> None:
    """Raise an `InputError` for an address that is none of a folder in a bucket."""
    is_folder = is_address(path) and not _WILDCARDS.search(str(path))
    if _SCHEME.match(str(path)) and not is_folder:
        raise InputError(
            f"{path}: expected a path of this machine, or the text of an address gs://... or "
            "s3://... without *, ? and [, received another address"
        )


def check_local(path: StrPath) -> None:
    """Raise an `InputError` for an address of any kind."""
    if _SCHEME.match(str(path)):
        raise InputError(
            f"{path}: expected a path of this machine, received an address; only spectrograms and "
            "sound files may be in buckets"
        )


def set_beam_options(arguments: Sequence[str]) -> None:
    """Set the pipeline options with which files are read, such as ``--s3_region_name=...``."""
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    FileSystems.set_options(PipelineOptions(list(arguments)))


@dataclass(frozen=True)
class RemoteFile:
    """What a bucket says of a file.

    Attributes:
        address: of the file.
        size: in bytes.
        modified: time of the last change, seconds since 1970.
    """

    address: str
    size: int
    modified: float


@dataclass(frozen=True)
class RemoteFolder:
    """A folder of a bucket.

    Attributes:
        address: of the folder, without a slash at the end.
    """

    address: str

    def __str__(self) -> str:
        return self.address

    @cached_property
    def files(self) -> dict[str, RemoteFile]:
        """The files below the folder by their path relative to it, in the order of local ones.

        Hidden files and those of the operating system are passed over.

        Raises:
            InputError: the folder cannot be listed.
        """
        files = {
            Path(file.address.removeprefix(f"{self.address}/")): file
            for file in list_files(self.address)
        }
        return {
            path.as_posix(): files[path]
            for path in sorted(files)
            if not any(map(is_passed_over, path.parts))
        }


def list_files(address: str) -> list[RemoteFile]:
    """List all files below a folder of a bucket; none for a folder that does not exist.

    Raises:
        InputError: the folder cannot be listed.
    """
    from apache_beam.io.filesystems import FileSystems

    with _naming(address, "a folder that can be listed"):
        (match,) = FileSystems.match([f"{address}/**"])
    return [
        RemoteFile(file.path, file.size_in_bytes, file.last_updated_in_seconds)
        for file in match.metadata_list
    ]


@contextmanager
def local_copy(location: str) -> Iterator[Path]:
    """Yield the path of a file; of one in a bucket, that of a copy which is then removed.

    Raises:
        InputError: it cannot be copied.
    """
    if not is_address(location):
        yield Path(location)
        return
    with TemporaryDirectory() as folder:
        # Names may be longer than those of this machine's files.
        path = Path(folder) / f"song{Path(location).suffix}"
        download(location, path)
        yield path


def download(address: str, path: Path) -> None:
    """Copy a file of a bucket to this machine.

    Raises:
        InputError: it cannot be copied.
    """
    from apache_beam.io.filesystems import FileSystems

    with (
        _naming(address, "a file that can be read"),
        FileSystems.open(address) as source,
        path.open("wb") as target,
    ):
        shutil.copyfileobj(source, target)


def upload(path: Path, address: str) -> None:
    """Copy a file of this machine to a bucket.

    Raises:
        InputError: it cannot be copied.
    """
    from apache_beam.io.filesystems import FileSystems

    with (
        _naming(address, "a file that can be written"),
        path.open("rb") as source,
        FileSystems.create(address) as target,
    ):
        shutil.copyfileobj(source, target)


def delete_folder(address: str) -> None:
    """Delete all files below a folder of a bucket.

    Raises:
        InputError: they cannot be deleted.
    """
    from apache_beam.io.filesystems import FileSystems

    addresses = [file.address for file in list_files(address)]
    if addresses:
        with _naming(address, "files that can be deleted"):
            FileSystems.delete(addresses)


def _naming(address: str, expected: str) -> AbstractContextManager[None]:
    def describe(error: Exception) -> str:
        reason = " ".join(str(error).split())[:_MAX_LENGTH]
        return f"{address}: expected {expected}, received: {reason}"

    return translating(describe)
