"""Whether an explanation names the second whose sound decides the popularity.

    python benchmarks/planted_chorus.py --recordings spectrograms --out FOLDER

Each song consists of five real recordings of 12 seconds. At a random time a chorus is drawn into
it: a chord of three seconds. The louder the chorus, the more popular the song; a third of the songs
has none. Every song has another chord at another time, of other pitches and a random loudness,
which has no effect. `songpop-tf prepare` and `train` run unchanged, and the test songs with a clear
chorus are explained by their sound alone. Counted are those in which one of the chorus's seconds is
among the tenth of the song that raises the prediction most, and those in which the first of all is,
against the brightest second of the image. Finished steps in --out are skipped.
"""

import argparse
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from full_size_inputs import song_file
from numpy.typing import NDArray
from PIL import Image
from result_table import Row, print_table
from timing import StderrConsole, log

from pipelines.config import SplitConfig
from pipelines.io import write_csv
from pipelines.prepare import PrepareOptions, prepare
from pipelines.prepared_data import PreparedData
from pipelines.spectrograms.widths import COLUMNS_PER_SECOND
from pipelines.splits import TEST
from songpop_tf.commands import train
from songpop_tf.evaluation.metrics import r2
from songpop_tf.explanation.explain import Explanation, explain
from songpop_tf.explanation.occlusion import SegmentEffect
from songpop_tf.serving.loading import open_predictor
from songpop_tf.serving.predictor import Prediction
from songpop_tf.serving.song import Song
from songpop_tf.tf_logging import import_tensorflow_quietly

SECTIONS, CHORUS_SECONDS = 5, 3
CHORUS_ROWS, OTHER_ROWS = (90, 98, 112, 124, 140), (42, 54, 66, 168, 182)
"""Rows of the tones of both chords, in an image of 256 rows."""
CLEAR, TENTH = 0.5, 0.1
BRANCHES: tuple[Literal["text", "cnn"], ...] = ("text", "cnn")
LOWEST, RANGE, NOISE = 20.0, 60.0, 4.0
"""Popularity of a song without chorus, what the loudest adds, and the noise, in points."""


class PlantedSong(NamedTuple):
    """Where a song's chorus begins, in seconds, and its loudness from 0 (none) to 1."""

    file: str
    start: float
    loudness: float


def draw_song(
    sources: list[Path], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], float, float]:
    """An image, the second at which its chorus begins, and the chorus's loudness."""
    sections = []
    for number in rng.choice(len(sources), SECTIONS, replace=False):
        with Image.open(sources[number]) as file:
            sections.append(np.asarray(file.convert("L")))
    image = np.concatenate(sections, axis=1)
    # In different fifths of the song, so that they never sound together.
    places = rng.choice(SECTIONS, 2, replace=False) * image.shape[1] // SECTIONS
    length = CHORUS_SECONDS * COLUMNS_PER_SECOND
    first, other = places + rng.integers(image.shape[1] // SECTIONS - length, size=2)
    loudness = 0.0 if rng.random() < 1 / 3 else float(rng.uniform(0.2, 1))
    draw_chord(image[:, first : first + length], CHORUS_ROWS, loudness, rng)
    draw_chord(image[:, other : other + length], OTHER_ROWS, float(rng.uniform(0.2, 1)), rng)
    return image, first / COLUMNS_PER_SECOND, loudness


def draw_chord(
    part: NDArray[np.uint8], rows: Sequence[int], loudness: float, rng: np.random.Generator
) -> None:
    """Draw tones into a part of an image, in place."""
    for row in rows:
        tone = part[row - 1 : row + 2]
        level = loudness * 255 * rng.uniform(0.8, 1, tone.shape)
        tone[:] = np.maximum(tone, level.astype("uint8"))


def write_songs(folder: Path, recordings: Path, count: int, seed: int) -> None:
    """Write spectrograms, the table of their tracks, and where each chorus is."""
    rng = np.random.default_rng(seed)
    sources = sorted(recordings.rglob("*.png"))
    tracks, planted = [], []
    for number in range(count):
        artist, title, year = f"Artist {number}", f"Song {number}", 1960 + number % 60
        file = song_file(str([artist]), title, str(year))
        assert file is not None, "the name has letters"
        image, start, loudness = draw_song(sources, rng)
        path = folder / "spectrograms" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path, compress_level=1)
        popularity = np.clip(LOWEST + RANGE * loudness + rng.normal(0, NOISE), 0, 100)
        tracks.append((f"id{number}", title, str([artist]), str(year), float(popularity)))
        planted.append(PlantedSong(file.as_posix(), start, loudness))
        if number % 100 == 0:
            log(f"song {number} of {count}")
    columns = ["id", "name", "artists", "release_date", "popularity"]
    write_csv(folder / "tracks.csv", pd.DataFrame(tracks, columns=columns))
    # Last: this file says that the others are complete.
    write_csv(folder / "planted.csv", pd.DataFrame(planted))


def is_in_chorus(segment: SegmentEffect, start: float) -> bool:
    """Whether the middle of a segment is inside the chorus that begins at ``start``."""
    return start <= (segment.start + segment.end) / 2 < start + CHORUS_SECONDS


def best_rank(explanation: Explanation, values: Sequence[float], start: float) -> int:
    """The number of segments with higher values than the chorus's best one has."""
    order = np.argsort(values)[::-1]
    in_chorus = [is_in_chorus(explanation.segments[index], start) for index in order]
    return in_chorus.index(True)


def share_of_first(ranks: Sequence[int]) -> float:
    """Share of the ranks that are the first, 0."""
    return float(np.mean(np.array(ranks) == 0))


def brightness(explanation: Explanation) -> list[float]:
    """Mean gray level of each segment."""
    with Image.open(io.BytesIO(explanation.png or b"")) as file:
        levels = np.asarray(file).mean(axis=0)
    return [
        float(levels[_column(one.start) : _column(one.end)].mean()) for one in explanation.segments
    ]


def _column(seconds: float) -> int:
    return round(COLUMNS_PER_SECOND * seconds)


def tenth_of(explanation: Explanation) -> int:
    """A tenth of the number of segments."""
    return round(TENTH * len(explanation.segments))


def chance(explanation: Explanation, start: float) -> float:
    """How often a tenth of the segments drawn at random would have one of the chorus."""
    count, drawn = len(explanation.segments), tenth_of(explanation)
    outside = sum(not is_in_chorus(one, start) for one in explanation.segments)
    return 1 - math.comb(outside, drawn) / math.comb(count, drawn)


def train_on(folder: Path, options: argparse.Namespace) -> PreparedData:
    """Prepare the songs and train the models that an explanation of sound needs."""
    spectrograms, tracks = folder / "spectrograms", [folder / "tracks.csv"]
    console = StderrConsole()
    inputs = PrepareOptions(spectrograms, tracks, SplitConfig(seed=options.seed))
    data = prepare(inputs, folder / "data", console.progress)
    for branch in BRANCHES:
        train(folder / "data", folder / "run", approach="naive", branch=branch, console=console)
    return data


def rows_of(data: PreparedData, folder: Path) -> list[Row]:
    """Explain the test songs with a clear chorus, and count how often it is named."""
    planted = pd.read_csv(folder / "planted.csv").set_index("file")
    predictor = open_predictor(folder / "run")
    table = data.songs_of(TEST)
    songs = [Song(spectrogram=folder / "spectrograms" / file) for file in table.file]
    predicted = [
        prediction.popularity
        for prediction in predictor.predict_songs(songs)
        if isinstance(prediction, Prediction)
    ]
    ranks, brightness_ranks, is_named, by_chance = [], [], [], []
    for song, start, loudness in zip(
        songs, planted.start[table.file], planted.loudness[table.file], strict=True
    ):
        if loudness < CLEAR:
            continue
        explanation = explain(predictor, song)
        effects = [segment.effect for segment in explanation.segments]
        ranks.append(best_rank(explanation, effects, start))
        brightness_ranks.append(best_rank(explanation, brightness(explanation), start))
        by_chance.append(chance(explanation, start))
        is_named.append(ranks[-1] < tenth_of(explanation))
        log(f"{len(ranks)} songs explained")
    explained = r2(table.popularity.to_numpy("float64"), np.array(predicted))
    return [
        Row(f"R2 of the CNN, {len(songs)} songs", f"{explained:.2f}", result=explained, unit=""),
        Row(
            f"a second of the planted chorus is in the most important tenth, {len(ranks)} songs",
            f"{np.mean(is_named):.0%}",
            f"chance: {np.mean(by_chance):.0%}",
            float(np.mean(is_named)),
            unit="",
            minimum=0.8,
        ),
        Row(
            "the most important second is of the planted chorus",
            f"{share_of_first(ranks):.0%}",
            f"brightest second: {share_of_first(brightness_ranks):.0%}",
            share_of_first(ranks),
            unit="",
        ),
    ]


def main() -> None:
    """Write the songs, train, explain the test songs, and print how often the chorus is named."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--recordings", type=Path, required=True, help="short spectrograms")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--songs", type=int, default=900)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    import_tensorflow_quietly()
    if not (options.out / "planted.csv").is_file():
        write_songs(options.out, options.recordings, options.songs, options.seed)
    print_table(rows_of(train_on(options.out, options), options.out))


if __name__ == "__main__":
    main()
