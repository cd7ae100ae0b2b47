"""Files from the browser: written into a temporary folder, and deleted after use."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from starlette.requests import Request

from pipelines.errors import InputError

MAX_UPLOAD_BYTES = 100 * 2**20
_MAX_STEM, _MAX_SUFFIX = 60, 12
"""Characters: 255 bytes are the longest name of a file, and a character takes four at most."""


class UploadTooLargeError(InputError):
    """A file is larger than `MAX_UPLOAD_BYTES`."""


def file_name(name: str) -> str:
    """The name under which a file is stored: without folders and control characters."""
    last = PurePosixPath(name.replace("\\", "/")).name
    printable = "".join(char if char.isprintable() else " " for char in last).strip(" .")
    path = PurePosixPath(printable or "upload")
    return path.stem[:_MAX_STEM] + path.suffix[:_MAX_SUFFIX]


@asynccontextmanager
async def uploaded_file(request: Request, max_bytes: int) -> AsyncIterator[Path]:
    """The body of a request as a file that exists within the context.

    Its name is the query parameter ``name``, of which only the last part is used.

    Raises:
        UploadTooLargeError: the body has more than ``max_bytes``; it is not read to its end.
    """
    with TemporaryDirectory(prefix="songpop-") as folder:
        path = Path(folder) / file_name(request.query_params.get("name", ""))
        await _write(request, path, max_bytes)
        yield path


async def _write(request: Request, path: Path, max_bytes: int) -> None:
    size = 0
    with path.open("wb") as file:
        async for chunk in request.stream():
            size += len(chunk)
            if size > max_bytes:
                raise UploadTooLargeError(
                    f"{path.name}: expected at most {max_bytes / 2**20:.0f} MB, received more"
                )
            file.write(chunk)
