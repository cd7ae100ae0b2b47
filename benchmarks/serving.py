"""How long an exported model takes to answer, against decoding the PNG files alone.

    python benchmarks/serving.py --model saved_models/songpop

Songs of 36,007 columns (a prime: three minutes) are rendered, and their PNG files asked about one
by one and 32 together; in turn with it TensorFlow decodes the same files in the same way and does
nothing else. Words alone are asked about one song at a time. Everything runs in this process, in
the graph that a server would run.
"""

import argparse
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the tokenizer's operations
from timing import Row, in_turn, print_table, seconds

from pipelines.sample import write_sample
from songpop_tf.serving.names import METADATA_ONLY, WITH_SPECTROGRAM, versions

COLUMNS, COLUMNS_PER_SECOND = 36_007, 200
REQUESTS = 300


@tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
def decode(png: tf.Tensor) -> tf.Tensor:
    """Decode files and give one pixel of each."""

    def corner(one: tf.Tensor) -> tf.Tensor:
        return tf.io.decode_png(one, channels=1)[0, 0, 0]

    return tf.map_fn(corner, png, fn_output_signature=tf.uint8)


def words_of(songs: int) -> dict[str, tf.Tensor]:
    """What is asked beside the images."""
    return {
        "artist": tf.constant(["Fleetwood Mac"] * songs),
        "title": tf.constant(["Dreams"] * songs),
        "year": tf.constant([1977] * songs, tf.int64),
    }


def image_row(model: tf.Module, png: list[bytes], rounds: int) -> Row:
    """Decoding files and answering for them."""
    files = tf.constant(png)
    serve = partial(model.signatures[WITH_SPECTROGRAM], spectrogram_png=files, **words_of(len(png)))
    calls = {"decode": partial(decode, files), "serve": serve}
    for call in calls.values():
        call()
    taken = in_turn({name: partial(seconds, call) for name, call in calls.items()}, rounds)
    serving, decoding = (f"{taken[name] * 1e3:.1f} ms" for name in ("serve", "decode"))
    return Row(
        f"{len(png)} together, {COLUMNS:,} columns, {np.mean([*map(len, png)]) / 1e6:.1f} MB each",
        serving,
        f"{decoding} to decode",
        taken["serve"] / taken["decode"],
        at_most=1.5,
    )


def words_row(model: tf.Module) -> Row:
    """A request for one song without image."""
    ask = partial(model.signatures[METADATA_ONLY], **words_of(1))
    taken = [seconds(ask) for _ in range(REQUESTS + 20)][20:]
    middle, late = np.quantile(taken, [0.5, 0.95]) * 1e3
    shown = f"p50 {middle:.2f} ms, p95 {late:.2f} ms"
    return Row("words alone, one song", shown, result=middle, unit="ms", at_most=5)


def main() -> None:
    """Render, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of `export`")
    parser.add_argument("--songs", type=int, default=32, help="asked about together")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    version = options.model / str(versions(options.model)[-1])
    model = tf.saved_model.load(str(version))
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder)
        write_sample(sample, options.songs, seconds=COLUMNS / COLUMNS_PER_SECOND)
        png = [path.read_bytes() for path in sorted(sample.rglob("*.png"))]
    rows = [image_row(model, png[:count], options.rounds) for count in (1, len(png))]
    print_table([*rows, words_row(model)])


if __name__ == "__main__":
    main()
