"""How long the command line takes to answer, each time in a new process.

    python benchmarks/startup.py --rounds 7

Seconds from start to exit of `songpop-tf --help` and of a prediction with the model that comes with
the program, beside those that Python takes to import what they are built on and nothing else.
Files are in the operating system's cache after the first round.
"""

import argparse
import sys

from timing import Row, in_turn, print_table, songpop_tf, watch

PREDICT = ("predict", "--artist", "Fleetwood Mac", "--title", "Dreams", "--year", "1977")


def main() -> None:
    """Start everything in turn and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    command = songpop_tf()
    commands = {
        "help": (command, "--help"),
        "predict": (command, *PREDICT),
        "python": (sys.executable, "-c", "pass"),
        "tensorflow": (sys.executable, "-c", "import tensorflow"),
        "keras_hub": (sys.executable, "-c", "import keras_hub"),
    }
    taken = in_turn(
        {name: lambda words=words: watch(*words).seconds for name, words in commands.items()},
        options.rounds,
    )
    shown = {name: f"{one:.2f} s" for name, one in taken.items()}
    python = f"{shown['python']} (`python -c pass`)"
    tensorflow = f"{shown['tensorflow']} (`import tensorflow`)"
    keras_hub = f"{shown['keras_hub']} (`import keras_hub`)"
    print_table(
        [
            Row("`songpop-tf --help`", shown["help"], python, taken["help"], "s", at_most=0.5),
            Row(
                "`songpop-tf predict` of artist, title and year",
                shown["predict"],
                f"{tensorflow}, {keras_hub}",
                taken["predict"],
                "s",
                at_most=6,
            ),
        ]
    )


if __name__ == "__main__":
    main()
