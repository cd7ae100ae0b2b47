"""How long an exported model takes to answer, against decoding the PNG files alone.

    python benchmarks/serving.py --model saved_models/songpop

Songs of 36,007 columns (a prime: three minutes) are rendered, and their PNG files asked about one
by one and 32 together; in turn with it TensorFlow decodes the same files in the same way and does
nothing else. Words alone are asked about one song at a time. Everything runs in this process, in
the graph that a server would run.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the tokenizer's operations

from pipelines.sample import write_sample
from songpop_tf.serving.names import METADATA_ONLY, WITH_SPECTROGRAM, versions

COLUMNS, COLUMNS_PER_SECOND = 36_007, 200
SONGS = 32
REQUESTS = 300


@tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
def decode(png: tf.Tensor) -> tf.Tensor:
    """Decode files and give one pixel of each."""

    def corner(one: tf.Tensor) -> tf.Tensor:
        return tf.io.decode_png(one, channels=1)[0, 0, 0]

    return tf.map_fn(corner, png, fn_output_signature=tf.uint8)


def seconds(call: Callable[[], object]) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def compare(model: tf.Module, png: list[bytes], rounds: int) -> tuple[float, float]:
    """Median seconds of decoding files and of answering for them, measured in turn."""
    count = len(png)
    files = tf.constant(png)
    words = {
        "artist": tf.constant(["Fleetwood Mac"] * count),
        "title": tf.constant(["Dreams"] * count),
        "year": tf.constant([1977] * count, tf.int64),
    }
    serve = model.signatures[WITH_SPECTROGRAM]
    calls = (lambda: decode(files), lambda: serve(spectrogram_png=files, **words))
    for call in calls:
        call()
    taken = np.array([[seconds(call) for call in calls] for _ in range(rounds)])
    decoding, answering = np.median(taken, axis=0)
    return float(decoding), float(answering)


def words_alone(model: tf.Module) -> tuple[float, float]:
    """Median and 95th percentile of the seconds of a request for one song without image."""
    words = {
        "artist": tf.constant(["Fleetwood Mac"]),
        "title": tf.constant(["Dreams"]),
        "year": tf.constant([1977], tf.int64),
    }
    ask = model.signatures[METADATA_ONLY]
    taken = [seconds(lambda: ask(**words)) for _ in range(REQUESTS + 20)][20:]
    middle, late = np.quantile(taken, [0.5, 0.95])
    return float(middle), float(late)


def main() -> None:
    """Render, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of `export`")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    version = options.model / str(versions(options.model)[-1])
    model = tf.saved_model.load(str(version))
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder)
        write_sample(sample, SONGS, seconds=COLUMNS / COLUMNS_PER_SECOND)
        png = [path.read_bytes() for path in sorted(sample.rglob("*.png"))]
    size = np.mean([len(one) for one in png]) / 1e6
    print(f"{len(png)} files of {COLUMNS:,} columns, {size:.1f} MB each")
    for count in (1, SONGS):
        decoding, answering = compare(model, png[:count], options.rounds)
        print(
            f"{count:>2} together: decoding {decoding * 1e3:7.1f} ms, "
            f"answering {answering * 1e3:7.1f} ms, ratio {answering / decoding:.2f}"
        )
    middle, late = words_alone(model)
    print(f"words alone: p50 {middle * 1e3:.2f} ms, p95 {late * 1e3:.2f} ms")


if __name__ == "__main__":
    main()
