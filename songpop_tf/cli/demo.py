"""The command ``demo``: run the whole pipeline on a synthetic sample."""

from pathlib import Path
from typing import Annotated

import typer

from songpop_tf.cli.common import Debug, Seed, tensorflow_session


def demo(
    out: Annotated[Path, typer.Option(help="Folder for all output.")] = Path("demo"),
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Run the whole pipeline on a synthetic sample.

    Generates songs, prepares them, trains and evaluates every model and predicts a song; takes
    minutes.

    \b
    Example:
      songpop-tf demo --out demo
    """
    with tensorflow_session(debug, f"running the demo in {out}") as console:
        from songpop_tf.demo import run_demo

        run_demo(out, seed, console)
