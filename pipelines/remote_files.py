"""Files in buckets, such as ``gs://bucket/songs``, through the file systems of Apache Beam."""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from pipelines.file_errors import translating
from pipelines.io import StrPath, write_atomically

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+://")


def is_address(path: StrPath) -> bool:
    """Whether a path is an address such as ``s3://bucket/songs``, not one of this machine."""
    return bool(_SCHEME.match(str(path)))


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
        """The files below the folder that are not hidden, by their path relative to it.

        Raises:
            InputError: the folder cannot be listed.
        """
        from apache_beam.io.filesystems import FileSystems

        with self._reading("a folder that can be listed"):
            (match,) = FileSystems.match([f"{self.address}/**"])
        files = {}
        for file in match.metadata_list:
            path = file.path.removeprefix(f"{self.address}/")
            if not any(part.startswith(".") for part in path.split("/")):
                modified = file.last_updated_in_seconds
                files[path] = RemoteFile(file.path, file.size_in_bytes, modified)
        return files

    def open(self, path: str) -> BinaryIO:
        """Open a file, by its path relative to the folder, for reading.

        Raises:
            InputError: it cannot be opened.
        """
        from apache_beam.io.filesystems import FileSystems

        with self._reading(f"a file that can be read: {path}"):
            stream: BinaryIO = FileSystems.open(self.files[path].address)
        return stream

    def _reading(self, expected: str) -> AbstractContextManager[None]:
        return translating(lambda error: f"{self.address}: expected {expected}, received: {error}")


@contextmanager
def local_copy(location: str) -> Iterator[Path]:
    """Yield the path of a file; of one in a bucket, that of a copy which is then removed."""
    if not is_address(location):
        yield Path(location)
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / location.rsplit("/", 1)[-1]
        download(location, path)
        yield path


def download(address: str, path: Path) -> None:
    """Copy a file of a bucket to this machine."""
    from apache_beam.io.filesystems import FileSystems

    with (
        FileSystems.open(address) as source,
        write_atomically(path) as temporary,
        temporary.open("wb") as target,
    ):
        shutil.copyfileobj(source, target)


def upload(path: Path, address: str) -> None:
    """Copy a file of this machine to a bucket."""
    from apache_beam.io.filesystems import FileSystems

    with path.open("rb") as source, FileSystems.create(address) as target:
        shutil.copyfileobj(source, target)
