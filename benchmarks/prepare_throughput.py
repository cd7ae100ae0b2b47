"""Throughput of preparing spectrograms, against decoding alone and against the study's script.

    python benchmarks/prepare_throughput.py --images 64 --rounds 5

Songs of 256 rows and 28,000 to 48,000 columns are synthesized: an equal number of widths
that are fast for an FFT, other even ones, odd ones and primes. The following run interleaved:
- the project: `write_shards`, all that `songpop-tf prepare` does with images;
- decoding alone, with as many threads as there are cores: `tf.io.decode_png` in a tf.data
  pipeline, and the decoders of OpenCV, Pillow and imagecodecs;
- the study's script: `cv2.imread`, `scipy.signal.resample` along each axis, min-max to 8 bit and
  `cv2.imwrite`, in one process and in two.
Start-up (tracing, worker processes) is excluded: it happens once, not for every image. Resizing is
also timed alone, one decoded image at a time.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path, PurePosixPath

import cv2
import imagecodecs
import numpy as np
import pandas as pd
import scipy.fft
import scipy.signal
import tensorflow as tf
from PIL import Image
from result_table import Row, format_number, print_table
from timing import log, measure_interleaved, time_call

from pipelines.audio.synchrosqueezing import COLUMNS_PER_SECOND
from pipelines.source_folders import SourceFolders
from pipelines.spectrograms.loading import COLUMNS, ROWS, resize_spectrogram
from pipelines.spectrograms.shards import plan_shards, write_shards
from pipelines.spectrograms.tfrecords import SONGS_PER_SHARD
from pipelines.synthetic import AudioAttributes
from pipelines.synthetic.sample_plan import PlannedSong
from pipelines.synthetic.write_song import write_song
from pipelines.tables.audio_features import AUDIO_FEATURES

MIN_WIDTH, MAX_WIDTH = 28_000, 47_900
WIDTH_KINDS = ("fast for an FFT", "even", "odd", "prime")
LEADING = TRAILING = 12
"""Images before and after the timed ones: the pipelines read a few ahead."""


def is_prime(number: int) -> bool:
    """Trial division."""
    return all(number % divisor for divisor in range(2, int(number**0.5) + 1))


def next_width(kind: str, minimum: int) -> int:
    """The smallest width of a kind from `minimum` up."""
    predicates: dict[str, Callable[[int], bool]] = {
        "fast for an FFT": lambda width: scipy.fft.next_fast_len(width, real=True) == width,
        "even": lambda width: width % 2 == 0,
        "odd": lambda width: width % 2 == 1 and not is_prime(width),
        "prime": is_prime,
    }
    return next(width for width in range(minimum, 2 * minimum) if predicates[kind](width))


def synthesize_songs(folder: Path, count: int, pool: ProcessPoolExecutor) -> dict[Path, str]:
    """Write the spectrograms that do not exist yet; return the kind of width of each file."""
    rng = np.random.default_rng(0)
    kinds = {}
    jobs = []
    minimums = np.linspace(MIN_WIDTH, MAX_WIDTH, count).astype(int).tolist()
    for number, minimum in enumerate(minimums):
        kind = WIDTH_KINDS[number % len(WIDTH_KINDS)]
        columns = next_width(kind, minimum)
        path = folder / f"{number:03}-{columns}.png"
        kinds[path] = kind
        song = PlannedSong(
            PurePosixPath(path.name), random_attributes(rng), columns / COLUMNS_PER_SECOND
        )
        if not path.is_file():
            jobs.append(pool.submit(write_song, path, None, song, (0, number)))
    for job in jobs:
        job.result()
    return kinds


def random_attributes(rng: np.random.Generator) -> AudioAttributes:
    """Random audio features of a song to synthesize."""
    energy, danceability, acousticness = rng.random(3)
    return AudioAttributes(
        tempo=rng.uniform(70, 160),
        key=int(rng.integers(12)),
        mode=int(rng.integers(2)),
        loudness=rng.uniform(-20, -4),
        energy=energy,
        danceability=danceability,
        acousticness=acousticness,
    )


def time_prepare(files: list[Path]) -> float:
    """Seconds in which the project writes files into a shard."""
    groups = [
        ("leading", repeat_to(files, LEADING)),
        ("timed", files),
        ("trailing", repeat_to(files, TRAILING)),
    ]
    table = pd.concat([songs_table(split, group) for split, group in groups], ignore_index=True)
    times: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        shards = plan_shards(table, Path(folder))
        # Called at the start, and after each shard; every group is one shard.
        folders = SourceFolders(Path())
        rejected = write_shards(shards, folders, lambda _: times.append(time.perf_counter()))
    if rejected:
        raise RuntimeError(f"expected usable images, received {rejected}")
    return times[2] - times[1]


def repeat_to(files: list[Path], count: int) -> list[Path]:
    """`count` files, repeated from the first one if necessary."""
    return list(islice(cycle(files), count))


def songs_table(split: str, files: list[Path]) -> pd.DataFrame:
    """The columns of a songs table that `write_shards` reads."""
    names = [str(file) for file in files]
    metadata = {"artist": "", "title": "", "year": 0, "popularity": 0.0, "split": split}
    return pd.DataFrame({"song_id": names, "file": names}).assign(
        **metadata, **dict.fromkeys(AUDIO_FEATURES, np.nan)
    )


def time_decode(files: list[Path]) -> float:
    """Seconds in which TensorFlow decodes files, as many in parallel as there are cores."""
    leading, trailing = repeat_to(files, LEADING), repeat_to(files, TRAILING)
    pixels = (
        tf.data.Dataset.from_tensor_slices([str(file) for file in [*leading, *files, *trailing]])
        .map(
            lambda name: tf.io.decode_png(tf.io.read_file(name), channels=1)[0, 0, 0],
            num_parallel_calls=os.cpu_count() or 1,
            deterministic=True,
        )
        .prefetch(4)
        .as_numpy_iterator()
    )
    consume(pixels, LEADING)
    return time_call(lambda: consume(pixels, len(files)))


def decode_with_opencv(file: Path) -> object:
    """Decode a file with OpenCV."""
    return cv2.imread(str(file), cv2.IMREAD_UNCHANGED)


def decode_with_pillow(file: Path) -> object:
    """Decode a file with Pillow."""
    with Image.open(file) as image:
        return np.asarray(image)


def decode_with_imagecodecs(file: Path) -> object:
    """Decode a file with the package imagecodecs, which calls libpng."""
    return imagecodecs.png_decode(file.read_bytes())


DECODERS = {
    "OpenCV": decode_with_opencv,
    "Pillow": decode_with_pillow,
    "imagecodecs": decode_with_imagecodecs,
}
"""Decoders other than TensorFlow's, by the name of their package."""


def time_decoder(decode: Callable[[Path], object], files: list[Path]) -> float:
    """Seconds in which a function decodes files in threads, as many as there are cores."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return time_call(lambda: list(pool.map(lambda file: decode(file) is None, files)))


def consume(elements: Iterator[object], count: int) -> None:
    """Advance an iterator."""
    for _ in islice(elements, count):
        pass


def study_prepare(file: Path) -> None:
    """Prepare a file as the study's script does."""
    image = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
    # Columns first: the other order would take several times as long.
    resized = scipy.signal.resample(scipy.signal.resample(image, COLUMNS, axis=1), ROWS, axis=0)
    low, high = resized.min(), resized.max()
    pixels = np.round((resized - low) / (high - low) * 255).astype("uint8")
    with tempfile.TemporaryDirectory() as folder:
        cv2.imwrite(str(Path(folder) / file.name), pixels)


def time_study(files: list[Path]) -> float:
    """Seconds of the study's script in one process."""
    return time_call(lambda: [study_prepare(file) for file in files])


def time_study_in_pool(pool: ProcessPoolExecutor, files: list[Path]) -> float:
    """Seconds of the study's script in several processes."""
    return time_call(lambda: list(pool.map(study_prepare, files)))


def time_resize(files: list[Path], rounds: int) -> dict[Path, float]:
    """Seconds per column of resizing each decoded image."""
    resize = tf.function(
        resize_spectrogram, input_signature=[tf.TensorSpec([None, None], tf.uint8)]
    )
    seconds: dict[Path, list[float]] = {file: [] for file in files}
    for number in range(rounds + 1):
        for file in files if number else files[:1]:
            image = tf.io.decode_png(file.read_bytes(), channels=1)[:, :, 0]
            seconds[file].append(time_call(partial(resize, image)) / image.shape[1])
    # The very first call traced the function.
    seconds[files[0]].pop(0)
    return {file: statistics.median(values) for file, values in seconds.items()}


def throughput_rows(files: list[Path], pool: ProcessPoolExecutor, rounds: int) -> list[Row]:
    """Images per second over all files."""
    time_study_in_pool(pool, files[:4])
    measurements = {
        "prepare": partial(time_prepare, files),
        "TensorFlow": partial(time_decode, files),
        **{name: partial(time_decoder, decode, files) for name, decode in DECODERS.items()},
        "study": partial(time_study, files),
        "study_in_pool": partial(time_study_in_pool, pool, files),
    }
    seconds = measure_interleaved(measurements, rounds)
    rate = {
        name: f"{format_number(len(files) / value)} images/s" for name, value in seconds.items()
    }
    ratio = {name: value / seconds["prepare"] for name, value in seconds.items()}
    decoders = ("TensorFlow", *DECODERS)
    fastest = min(decoders, key=seconds.__getitem__)
    return [
        *(
            Row(
                f"preparing, against decoding with {name}",
                rate["prepare"],
                rate[name],
                ratio[name] * 100,
                "%",
                minimum=80 if name == fastest else None,
            )
            for name in decoders
        ),
        Row(
            "preparing, against the study's script",
            rate["prepare"],
            rate["study"],
            ratio["study"],
            minimum=6,
        ),
        Row(
            "preparing, against the study's script in two processes",
            rate["prepare"],
            rate["study_in_pool"],
            ratio["study_in_pool"],
        ),
    ]


def width_rows(kinds: dict[Path, str], rounds: int) -> list[Row]:
    """Images per second for each kind of width."""
    rows = []
    for kind in WIDTH_KINDS:
        files = [file for file, file_kind in kinds.items() if file_kind == kind]
        log(f"width {kind}")
        measurements = {
            "prepare": partial(time_prepare, files),
            "decode": partial(time_decode, files),
        }
        seconds = measure_interleaved(measurements, rounds)
        preparing, decoding = (
            f"{format_number(len(files) / value)} images/s" for value in seconds.values()
        )
        share = seconds["decode"] / seconds["prepare"] * 100
        rows.append(Row(f"width {kind}, against decoding alone", preparing, decoding, share, "%"))
    return rows


def resize_row(files: list[Path], rounds: int) -> Row:
    """The slowest and the fastest width to resize."""
    log("resizing alone")
    seconds = time_resize(files, rounds)
    slowest, fastest = max(seconds, key=seconds.__getitem__), min(seconds, key=seconds.__getitem__)
    shown = [
        f"{seconds[file] * 1e9:.0f} ns/column ({file.stem.split('-')[1]})"
        for file in (slowest, fastest)
    ]
    ratio = seconds[slowest] / seconds[fastest]
    return Row("resizing alone: slowest width, fastest width", *shown, ratio, maximum=2)


def main() -> None:
    """Write the spectrograms, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--images", type=int, default=SONGS_PER_SHARD, help="16 to 64")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="folder to keep the spectrograms in")
    options = parser.parse_args()
    if not 16 <= options.images <= SONGS_PER_SHARD:
        parser.error(f"--images: expected 16 to 64, received {options.images}")
    # Spawned: TensorFlow does not survive a fork.
    pool = ProcessPoolExecutor(2, mp_context=get_context("spawn"))
    with tempfile.TemporaryDirectory() as temporary, pool:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        log(f"synthesizing {options.images} songs")
        kinds = synthesize_songs(folder.resolve(), options.images, pool)
        files = list(kinds)
        megabytes = statistics.mean(file.stat().st_size for file in files) / 1e6
        rows = throughput_rows(files, pool, options.rounds)
        rows += width_rows(kinds, options.rounds)
        rows.append(resize_row(files, options.rounds))
    print_table([Row("mean size of a file", f"{megabytes:.1f} MB"), *rows])


if __name__ == "__main__":
    main()
