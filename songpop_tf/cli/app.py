"""The command ``app``: a local web page."""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Annotated

import typer

from pipelines.errors import InputError
from songpop_tf.cli.common import Debug, Seed, console_session, tensorflow_session
from songpop_tf.cli.song_options import ModelFolder, ModelUrl, needs_tensorflow, open_model
from songpop_tf.console import Console

_PACKAGES = ("starlette", "uvicorn", "markdown_it")
"""Of the extra `[app]`."""
_ANY_ADDRESS = ("0.0.0.0", "::")


def app(
    model: ModelFolder = None,
    url: ModelUrl = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 = open to the whole network.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 = any free one.")] = 8000,
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Open a local web page: drop a song or a table, and see why.

    It loads nothing from the network and sends nothing to it. Ctrl+C stops it.

    \b
    Examples:
      songpop-tf app
      songpop-tf app --model demo/run --port 8080
    """
    del seed  # every command has the option; nothing is random here
    if url is not None and model is not None:
        raise typer.BadParameter("give --model or --url, not both")
    session = tensorflow_session if needs_tensorflow(model, url) else console_session
    with session(
        debug, f"serving the page of {url or model or 'the pre-trained model'}"
    ) as console:
        if missing := [package for package in _PACKAGES if find_spec(package) is None]:
            raise InputError(
                f"songpop-tf app needs {', '.join(missing)}: pip install 'songpop-tf[app]'"
            )
        from songpop_tf.app.model_card import SERVED, model_card_html
        from songpop_tf.app.server import LOCAL_HOSTS, create_app, listen, web_server
        from songpop_tf.app.warm_up import warm_up
        from songpop_tf.serving.pretrained import pretrained_model

        backend = open_model(model, url).backend
        card = SERVED if url else model_card_html(model or pretrained_model())
        with listen(host, port) as listening:
            hosts = ("*",) if host in _ANY_ADDRESS else (*LOCAL_HOSTS, host)
            shown = f"[{host}]" if ":" in host else host
            console.print(f"open http://{shown}:{listening.getsockname()[1]} (Ctrl+C stops)")
            # A server has its own warm-up.
            on_start = None if url else partial(_make_ready, partial(warm_up, backend), console)
            page = create_app(backend, card, hosts, on_start=on_start)
            try:
                web_server(page).run(sockets=[listening])
            except KeyboardInterrupt:
                console.print("stopped")


def _make_ready(warm_up: Callable[[], None], console: Console) -> None:
    console.print("preparing the model ...")
    try:
        warm_up()
    except InputError as error:  # the page says so, too, beside the song
        typer.echo(f"songpop-tf: {error}", err=True)
    else:
        console.print("the model is ready")
