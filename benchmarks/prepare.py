"""How fast spectrogram files are prepared, against decoding alone and against the study's script.

    python benchmarks/prepare.py --images 64 --rounds 5

Full-length songs of 256 rows and 28,000 to 48,000 columns are drawn: widths that an FFT likes best,
other even ones, odd ones and primes in equal shares. In turn they go through
- the project: `write_shards`, all that `songpop-tf prepare` does with images;
- decoding alone: `tf.io.decode_png` in a tf.data pipeline;
- the study's script: `cv2.imread`, `scipy.signal.resample` along each axis, min-max to 8 bit and
  `cv2.imwrite`, in one process and in two.
Start-up (tracing, worker processes) is not counted: it comes once, not once an image. Shrinking is
then timed by itself, one decoded image at a time.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import scipy.fft
import scipy.signal
import tensorflow as tf
from timing import Row, in_turn, print_table, rounded, say, seconds

from pipelines.records import SONGS_PER_SHARD
from pipelines.sample.images import write_image
from pipelines.sample.traits import SoundTraits
from pipelines.shards import plan_shards, write_shards
from pipelines.sound import SOUND
from pipelines.spectrogram import COLUMNS, ROWS, shrink

NARROWEST, WIDEST = 28_000, 47_900
BEFORE = AFTER = 12
"""Images ahead of and behind those counted: the pipelines read ahead by a few."""


def is_prime(number: int) -> bool:
    """By trial division."""
    return all(number % divisor for divisor in range(2, int(number**0.5) + 1))


def width_of(kind: str, least: int) -> int:
    """The next width of a kind."""
    suits: dict[str, Callable[[int], bool]] = {
        "best for an FFT": lambda width: scipy.fft.next_fast_len(width, real=True) == width,
        "even": lambda width: width % 2 == 0,
        "odd": lambda width: width % 2 == 1 and not is_prime(width),
        "prime": is_prime,
    }
    return next(width for width in range(least, 2 * least) if suits[kind](width))


KINDS = ("best for an FFT", "even", "odd", "prime")


def draw(folder: Path, count: int, pool: ProcessPoolExecutor) -> dict[Path, str]:
    """Draw the songs that are not there yet; the kind of width of each file."""
    rng = np.random.default_rng(0)
    kinds = {}
    missing = []
    for number, least in enumerate(np.linspace(NARROWEST, WIDEST, count).astype(int).tolist()):
        kind = KINDS[number % len(KINDS)]
        columns = width_of(kind, least)
        path = folder / f"{number:03}-{columns}.png"
        kinds[path] = kind
        traits = random_traits(rng)
        if not path.is_file():
            missing.append(pool.submit(write_image, path, traits, columns, (0, number)))
    for drawn in missing:
        drawn.result()
    return kinds


def random_traits(rng: np.random.Generator) -> SoundTraits:
    """What some song sounds like."""
    energy, danceability, acousticness = rng.random(3)
    return SoundTraits(
        tempo=rng.uniform(70, 160),
        key=int(rng.integers(12)),
        mode=int(rng.integers(2)),
        loudness=rng.uniform(-20, -4),
        energy=energy,
        danceability=danceability,
        acousticness=acousticness,
    )


def prepare(files: list[Path]) -> float:
    """Seconds that the project takes to shrink files into a shard."""
    lead, tail = some_of(files, BEFORE), some_of(files, AFTER)
    parts = [("before", lead), ("counted", files), ("later", tail)]
    table = pd.concat([songs_table(split, names) for split, names in parts], ignore_index=True)
    ends: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        shards = plan_shards(table, Path(folder))
        # Told at the start, and when each shard, one for each part, is written.
        rejected = write_shards(shards, Path(), lambda _: ends.append(time.perf_counter()))
    if rejected:
        raise RuntimeError(f"expected images that can be prepared, received {rejected}")
    return ends[2] - ends[1]


def some_of(files: list[Path], count: int) -> list[Path]:
    """So many of them, again from the first if need be."""
    return list(islice(cycle(files), count))


def songs_table(split: str, files: list[Path]) -> pd.DataFrame:
    """What `write_shards` reads of songs."""
    names = [str(file) for file in files]
    known = {"artist": "", "title": "", "year": 0, "popularity": 0.0, "split": split}
    return pd.DataFrame({"song_id": names, "file": names}).assign(
        **known, **dict.fromkeys(SOUND, np.nan)
    )


def decode(files: list[Path]) -> float:
    """Seconds that TensorFlow takes to decode files, as many at once as there are cores."""
    names = [str(file) for file in [*some_of(files, BEFORE), *files, *some_of(files, AFTER)]]
    corners = (
        tf.data.Dataset.from_tensor_slices(names)
        .map(
            lambda name: tf.io.decode_png(tf.io.read_file(name), channels=1)[0, 0, 0],
            num_parallel_calls=os.cpu_count() or 1,
            deterministic=True,
        )
        .prefetch(4)
        .as_numpy_iterator()
    )
    read(corners, BEFORE)
    return seconds(lambda: read(corners, len(files)))


def read(elements: Iterator[object], count: int) -> None:
    """Take so many."""
    for _ in islice(elements, count):
        pass


def study(file: Path) -> None:
    """What the study did with a file."""
    image = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
    # Columns first: the other way around would take several times as long.
    small = scipy.signal.resample(scipy.signal.resample(image, COLUMNS, axis=1), ROWS, axis=0)
    low, high = small.min(), small.max()
    small = np.round((small - low) / (high - low) * 255).astype("uint8")
    with tempfile.TemporaryDirectory() as folder:
        cv2.imwrite(str(Path(folder) / file.name), small)


def study_in_one(files: list[Path]) -> float:
    """Seconds that the study's script takes."""
    return seconds(lambda: [study(file) for file in files])


def study_in(pool: ProcessPoolExecutor, files: list[Path]) -> float:
    """Seconds that the study's script takes in several processes."""
    return seconds(lambda: list(pool.map(study, files)))


def shrink_seconds(files: list[Path], rounds: int) -> dict[Path, float]:
    """Seconds a column of shrinking each image, decoded before."""
    compiled = tf.function(shrink, input_signature=[tf.TensorSpec([None, None], tf.uint8)])
    taken: dict[Path, list[float]] = {file: [] for file in files}
    for number in range(rounds + 1):
        for file in files if number else files[:1]:
            image = tf.io.decode_png(file.read_bytes(), channels=1)[:, :, 0]
            taken[file].append(seconds(partial(compiled, image)) / image.shape[1])
    # The very first call traced the function.
    taken[files[0]].pop(0)
    return {file: statistics.median(numbers) for file, numbers in taken.items()}


def whole_rows(files: list[Path], pool: ProcessPoolExecutor, rounds: int) -> list[Row]:
    """Images a second of all files."""
    study_in(pool, files[:4])
    measures = {
        "ours": partial(prepare, files),
        "decode": partial(decode, files),
        "one": partial(study_in_one, files),
        "two": partial(study_in, pool, files),
    }
    taken = in_turn(measures, rounds)
    rate = {name: f"{rounded(len(files) / one)} images/s" for name, one in taken.items()}
    share = taken["decode"] / taken["ours"] * 100
    one, two = (taken[name] / taken["ours"] for name in ("one", "two"))
    return [
        Row("preparation, decoding alone", rate["ours"], rate["decode"], share, "%", at_least=80),
        Row("preparation, the study's script", rate["ours"], rate["one"], one, at_least=6),
        Row("preparation, the study's in two processes", rate["ours"], rate["two"], two),
    ]


def kind_rows(kinds: dict[Path, str], rounds: int) -> list[Row]:
    """Images a second of each kind of width."""
    rows = []
    for kind in KINDS:
        files = [file for file, of in kinds.items() if of == kind]
        say(f"widths {kind}")
        taken = in_turn({"ours": partial(prepare, files), "decode": partial(decode, files)}, rounds)
        ours, decoding = (f"{rounded(len(files) / one)} images/s" for one in taken.values())
        share = taken["decode"] / taken["ours"] * 100
        rows.append(Row(f"widths {kind}, decoding alone", ours, decoding, share, "%"))
    return rows


def width_row(files: list[Path], rounds: int) -> Row:
    """The slowest and the fastest width."""
    say("shrinking alone")
    taken = shrink_seconds(files, rounds)
    slowest, fastest = max(taken, key=taken.__getitem__), min(taken, key=taken.__getitem__)
    shown = [
        f"{taken[file] * 1e9:.0f} ns/column ({file.stem.split('-')[1]})"
        for file in (slowest, fastest)
    ]
    ratio = taken[slowest] / taken[fastest]
    return Row("shrinking alone: slowest width, fastest width", *shown, ratio, at_most=2)


def main() -> None:
    """Draw, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--images", type=int, default=SONGS_PER_SHARD, help="16 to 64 of them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="folder where drawn images are and stay")
    options = parser.parse_args()
    if not 16 <= options.images <= SONGS_PER_SHARD:
        parser.error(f"--images: expected 16 to 64, received {options.images}")
    # Started anew: TensorFlow does not survive a fork.
    pool = ProcessPoolExecutor(2, mp_context=get_context("spawn"))
    with tempfile.TemporaryDirectory() as temporary, pool:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        say(f"draws {options.images} images")
        kinds = draw(folder.resolve(), options.images, pool)
        files = list(kinds)
        megabytes = statistics.mean(file.stat().st_size for file in files) / 1e6
        rows = whole_rows(files, pool, options.rounds)
        rows += kind_rows(kinds, options.rounds)
        rows.append(width_row(files, options.rounds))
    print_table([Row("size of a file", f"{megabytes:.1f} MB"), *rows])


if __name__ == "__main__":
    main()
