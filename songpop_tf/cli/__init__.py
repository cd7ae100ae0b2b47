"""The command line: parses, calls, prints; nothing else.

Heavy packages are imported inside the commands, so that ``songpop-tf --help`` answers at once.
"""

from songpop_tf.cli import data, models, predict, tune  # noqa: F401  they register their commands
from songpop_tf.cli.session import app


def main() -> None:
    """Entry point of ``songpop-tf``."""
    app()
