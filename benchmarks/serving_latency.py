"""Latency of an exported model, compared with decoding the PNG files alone.

    python benchmarks/serving_latency.py --model saved_models/songpop

Songs of 36,007 columns (a prime: three minutes) are rendered, and their PNG files are predicted one
at a time and in a batch of 32, interleaved with TensorFlow decoding the same files in the same way
and nothing else. Metadata alone is predicted one song at a time. Everything runs in this process,
in the graph that a server would run.
"""

import argparse
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the tokenizer's operations
from result_table import Row, print_table
from timing import measure_interleaved, time_call

from pipelines.synthetic import write_sample
from songpop_tf.serving.schema import METADATA_ONLY, WITH_SPECTROGRAM, versions

COLUMNS, COLUMNS_PER_SECOND = 36_007, 200
REQUESTS, WARM_UP_REQUESTS = 300, 20


@tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
def decode(png: tf.Tensor) -> tf.Tensor:
    """Decode PNG files `(n,)` and return one pixel of each."""

    def first_pixel(file: tf.Tensor) -> tf.Tensor:
        return tf.io.decode_png(file, channels=1)[0, 0, 0]

    return tf.map_fn(first_pixel, png, fn_output_signature=tf.uint8)


def metadata_inputs(songs: int) -> dict[str, tf.Tensor]:
    """Artist, title and year of a request."""
    return {
        "artist": tf.constant(["Fleetwood Mac"] * songs),
        "title": tf.constant(["Dreams"] * songs),
        "year": tf.constant([1977] * songs, tf.int64),
    }


def spectrogram_row(model: tf.Module, png: list[bytes], rounds: int) -> Row:
    """Time predicting the files in one batch, and decoding them."""
    files = tf.constant(png)
    signature = model.signatures[WITH_SPECTROGRAM]
    predict = partial(signature, spectrogram_png=files, **metadata_inputs(len(png)))
    calls = {"decode": partial(decode, files), "predict": predict}
    for call in calls.values():
        call()
    seconds = measure_interleaved(
        {name: partial(time_call, call) for name, call in calls.items()}, rounds
    )
    predicting, decoding = (f"{seconds[name] * 1e3:.1f} ms" for name in ("predict", "decode"))
    megabytes = np.mean([*map(len, png)]) / 1e6
    return Row(
        f"batch of {len(png)}, {COLUMNS:,} columns, {megabytes:.1f} MB a file",
        predicting,
        f"{decoding} to decode",
        seconds["predict"] / seconds["decode"],
        maximum=1.5,
    )


def metadata_row(model: tf.Module) -> Row:
    """Latency of a request for one song without spectrogram."""
    predict = partial(model.signatures[METADATA_ONLY], **metadata_inputs(1))
    seconds = [time_call(predict) for _ in range(WARM_UP_REQUESTS + REQUESTS)][WARM_UP_REQUESTS:]
    p50, p95 = np.quantile(seconds, [0.5, 0.95]) * 1e3
    shown = f"p50 {p50:.2f} ms, p95 {p95:.2f} ms"
    return Row("metadata only, one song", shown, result=p50, unit="ms", maximum=5)


def main() -> None:
    """Render the songs, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of `export`")
    parser.add_argument("--songs", type=int, default=32, help="size of the batch")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    version = options.model / str(versions(options.model)[-1])
    model = tf.saved_model.load(str(version))
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder)
        write_sample(sample, options.songs, seconds=COLUMNS / COLUMNS_PER_SECOND)
        png = [path.read_bytes() for path in sorted(sample.rglob("*.png"))]
    rows = [spectrogram_row(model, png[:count], options.rounds) for count in (1, len(png))]
    print_table([*rows, metadata_row(model)])


if __name__ == "__main__":
    main()
