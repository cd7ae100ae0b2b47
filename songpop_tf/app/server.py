"""The web server of the page. It answers requests of this machine, and asks none of others."""

import json
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from anyio import CapacityLimiter, create_task_group, to_thread
from starlette.applications import Starlette
from starlette.concurrency import iterate_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.responses import StreamingResponse as Stream
from starlette.routing import Route

from pipelines.errors import InputError
from songpop_tf.app.files import histogram_of, predict_file
from songpop_tf.app.songs import parse_year, read_song, song_html
from songpop_tf.app.tables import predict_table
from songpop_tf.app.uploads import MAX_UPLOAD_BYTES, UploadTooLargeError, uploaded_file
from songpop_tf.serving.backend import Backend
from songpop_tf.serving.song import Song

_STATIC = Path(__file__).parent / "static"
_FILES = {
    "/": _STATIC / "index.html",
    "/app.css": _STATIC / "app.css",
    "/app.js": _STATIC / "app.js",
    "/icon.svg": _STATIC / "icon.svg",
    "/page.css": Path(__file__).parents[1] / "explanation" / "page.css",
}
_HEADERS = {
    # The browser itself refuses whatever is not of this server.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; media-src blob:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]", "::1")


def create_app(
    backend: Backend,
    model_card: str,
    hosts: Sequence[str] = LOCAL_HOSTS,
    max_bytes: int = MAX_UPLOAD_BYTES,
    on_start: Callable[[], None] | None = None,
) -> Starlette:
    """Create the application.

    Args:
        backend: the model; it serves all requests.
        model_card: HTML.
        hosts: names under which browsers may address the server; "*" = any. A page elsewhere
            cannot make a name of its own point to this server and read its answers.
        max_bytes: of an upload.
        on_start: called in a thread when the server starts; the first song waits for its end.
    """
    # One song at a time: while a field is edited, several predictions of it may be asked for.
    limiter = CapacityLimiter(1)

    @asynccontextmanager
    async def started(_: Starlette) -> AsyncIterator[None]:
        async with create_task_group() as group:
            if on_start:
                # Ctrl+C does not wait for it.
                start = partial(to_thread.run_sync, abandon_on_cancel=True, limiter=limiter)
                group.start_soon(start, on_start)
            yield
            group.cancel_scope.cancel()

    async def uploaded(request: Request, function: Callable[[Path], Any]) -> Any:
        """Call a function with the file of a request."""
        async with uploaded_file(request, max_bytes) as path:
            call = partial(_in_words, path, partial(function, path))
            return await to_thread.run_sync(call, limiter=limiter)

    async def read(request: Request) -> Response:
        return JSONResponse(await uploaded(request, partial(read_song, backend)))

    async def file(request: Request) -> Response:
        return JSONResponse(await uploaded(request, partial(predict_file, backend)))

    async def histogram(request: Request) -> Response:
        return HTMLResponse(await uploaded(request, histogram_of))

    async def predict(request: Request) -> Response:
        query = request.query_params

        def predicted(path: Path) -> str:
            return song_html(
                backend,
                Song(
                    query.get("artist", "").strip(),
                    query.get("title", "").strip(),
                    parse_year(query.get("year", "")),
                    path if path.stat().st_size else None,
                ),
            )

        return HTMLResponse(await uploaded(request, predicted))

    async def table(request: Request) -> Response:
        # The file is needed until the last line is sent, not until this function returns.
        async with AsyncExitStack() as stack:
            path = await stack.enter_async_context(uploaded_file(request, max_bytes))
            return Stream(_lines(backend, path, stack.pop_all()), media_type="application/x-ndjson")

    async def card(_: Request) -> Response:
        return HTMLResponse(model_card)

    return Starlette(
        routes=[
            *(Route(url, _file_endpoint(path)) for url, path in _FILES.items()),
            Route("/read", read, methods=["POST"]),
            Route("/predict", predict, methods=["POST"]),
            Route("/table", table, methods=["POST"]),
            Route("/file", file, methods=["POST"]),
            Route("/histogram", histogram, methods=["POST"]),
            Route("/model-card", card),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))],
        exception_handlers={InputError: _input_error},
        lifespan=started,
    )


def web_server(app: Starlette) -> uvicorn.Server:
    """The server: ``run(sockets=[...])`` answers requests until Ctrl+C."""
    return uvicorn.Server(uvicorn.Config(app, log_level="warning", headers=list(_HEADERS.items())))


def listen(host: str, port: int) -> socket.socket:
    """Open the socket of the server; port 0 = any free one.

    Raises:
        InputError: the address is not of this machine, or the port is in use.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise InputError(
            f"{host}:{port}: expected an address of this machine with a free port, received: "
            f"{error.strerror or error}"
        ) from None


def _file_endpoint(path: Path) -> Callable[[Request], Any]:
    async def endpoint(_: Request) -> Response:
        return FileResponse(path)

    return endpoint


def _in_words(path: Path, function: Callable[[], Any]) -> Any:
    """Call a function; its errors name the file as the browser does, without its folder."""
    try:
        return function()
    except InputError as error:
        raise InputError(_without_folder(str(error), path)) from None


def _without_folder(text: str, path: Path) -> str:
    return text.replace(f"{path.parent}/", "")


async def _lines(backend: Backend, path: Path, upload: AsyncExitStack) -> AsyncIterator[str]:
    """The events of `predict_table`, one JSON object in a line; the last may be an error."""
    async with upload:
        try:
            async for event in iterate_in_threadpool(predict_table(backend, path)):
                yield _without_folder(json.dumps(event), path) + "\n"
        except InputError as error:
            yield json.dumps({"error": _without_folder(str(error), path)}) + "\n"


async def _input_error(_: Request, error: Exception) -> Response:
    status = 413 if isinstance(error, UploadTooLargeError) else 422
    return JSONResponse({"error": str(error)}, status)
