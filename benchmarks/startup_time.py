"""Start-up time of the command line, each run in a new process.

    python benchmarks/startup_time.py --rounds 7

Seconds from start to exit of `songpop-tf --help` and of a prediction with the bundled model,
compared with the time that Python takes to import the underlying libraries alone. After the first
round, files are in the operating system's cache.
"""

import argparse
import sys
from functools import partial

from result_table import Row, print_table
from timing import measure_interleaved, run_measured, songpop_tf_command

PREDICT = ("predict", "--artist", "Fleetwood Mac", "--title", "Dreams", "--year", "1977")


def seconds_of(command: tuple[object, ...]) -> float:
    """Seconds from start to exit of a command."""
    return run_measured(*command).seconds


def main() -> None:
    """Time all commands and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    executable = songpop_tf_command()
    commands: dict[str, tuple[object, ...]] = {
        "help": (executable, "--help"),
        "predict": (executable, *PREDICT),
        "python": (sys.executable, "-c", "pass"),
        "tensorflow": (sys.executable, "-c", "import tensorflow"),
        "keras_hub": (sys.executable, "-c", "import keras_hub"),
    }
    seconds = measure_interleaved(
        {name: partial(seconds_of, command) for name, command in commands.items()},
        options.rounds,
    )
    shown = {name: f"{value:.2f} s" for name, value in seconds.items()}
    python = f"{shown['python']} (`python -c pass`)"
    tensorflow = f"{shown['tensorflow']} (`import tensorflow`)"
    keras_hub = f"{shown['keras_hub']} (`import keras_hub`)"
    print_table(
        [
            Row("`songpop-tf --help`", shown["help"], python, seconds["help"], "s", maximum=0.5),
            Row(
                "`songpop-tf predict` with artist, title and year",
                shown["predict"],
                f"{tensorflow}, {keras_hub}",
                seconds["predict"],
                "s",
                maximum=6,
            ),
        ]
    )


if __name__ == "__main__":
    main()
