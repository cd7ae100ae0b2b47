"""Whether explanations name what matters, and how long they take.

    python benchmarks/explanation.py --recordings spectrograms --songs 200
    python benchmarks/explanation.py --data data --run run --sample

Deletion test: the tenth of a song, or the word, that its explanation calls most important is
removed, and so are random ones; the ratio is how much further the former moves the prediction, as
the mean over the songs. The explanation covers one segment at a time; the tenth is covered as a
whole. --recordings is a folder of real recordings' spectrograms with a table index.csv of their
file, artist, title and year, which the model that is installed explains; --data and --run are a
prepared folder, of which the test songs are taken, and its run. Tenths are also removed from
generated songs of three minutes. On a sample of `songpop-tf sample` (--sample) planted causes are
looked for: the words of titles that raise or lower popularity, in the songs that have both such
words and others. The sample's sound has no planted second: its effect on popularity is a function
of the whole song. Seconds (--model) are measured on a three-minute song, cold in a new process,
warm in this one; with --audio also of a sound file.
"""

import argparse
import io
import json
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from result_table import Row, print_table
from timing import log, run_measured, time_call

from pipelines.prepared_data import PreparedData
from pipelines.splits import TEST
from pipelines.synthetic import write_sample
from pipelines.synthetic.popularity import WORD_EFFECT
from songpop_tf.explanation.explain import Explanation, explain
from songpop_tf.explanation.occlusion import most_important
from songpop_tf.explanation.words import WordEffect
from songpop_tf.serving.loading import load, open_predictor
from songpop_tf.serving.predictor import Predictor
from songpop_tf.serving.song import Song
from songpop_tf.serving.variants import Variant, predict_variants
from songpop_tf.tf_logging import import_tensorflow_quietly

TENTH, RANDOM_TENTHS, RANDOM_WORDS = 0.1, 10, 10
SONG_SECONDS, WARM_ROUNDS = 180.0, 5


def test_songs(data: PreparedData, count: int) -> list[Song]:
    """The first test songs, with their spectrograms."""
    if data.folders.spectrograms is None:
        raise SystemExit("--data: expected data prepared from spectrograms, received sound files")
    rows = data.songs_of(TEST).head(count)
    return [
        Song(row.artist, row.title, int(row.year), data.folders.path(row.file))
        for row in rows.itertuples()
    ]


def recorded_songs(folder: Path, count: int, rng: np.random.Generator) -> list[Song]:
    """Random ones of the recordings of a folder with a table of them."""
    # There are titles such as "NA".
    table = pd.read_csv(folder / "index.csv", keep_default_na=False, na_values={"year": [""]})
    rows = table.dropna(subset="year").sample(frac=1, random_state=rng).head(count)
    return [
        Song(row.artist, row.title, int(row.year), folder / row.file) for row in rows.itertuples()
    ]


def whole_song(song: Song) -> Variant:
    """The song as it is."""
    return Variant(song.artist, song.title, song.year, has_sound=True)


def without_segments(explanation: Explanation, indices: Sequence[int]) -> bytes:
    """The spectrogram's file with some segments covered by the mean of the others."""
    with Image.open(io.BytesIO(explanation.png or b"")) as file:
        image = np.array(file)
    is_covered = np.zeros(image.shape[1], bool)
    for index in indices:
        segment = explanation.segments[index]
        is_covered[round(200 * segment.start) : round(200 * segment.end)] = True
    image[:, is_covered] = np.rint(image[:, ~is_covered].mean(axis=1, keepdims=True))
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def movement(predictor: Predictor, explanation: Explanation, png: bytes) -> float:
    """How far another file of the same song moves the prediction, in points."""
    whole = whole_song(explanation.song)
    prediction = predict_variants(predictor.backend, png, [whole])[whole]
    return abs(prediction.popularity - explanation.prediction.popularity)


def segment_movements(
    predictor: Predictor, explanation: Explanation, rng: np.random.Generator
) -> tuple[float, float]:
    """How far the most important and a random tenth move the prediction, in points."""
    effects = [segment.effect for segment in explanation.segments]
    count = max(1, round(TENTH * len(effects)))
    important = without_segments(explanation, most_important(effects, count))
    at_random = [
        without_segments(explanation, rng.choice(len(effects), count, replace=False))
        for _ in range(RANDOM_TENTHS)
    ]
    moved = [movement(predictor, explanation, png) for png in at_random]
    return movement(predictor, explanation, important), float(np.mean(moved))


def without_words(song: Song, words: Sequence[WordEffect], removed: Sequence[int]) -> Variant:
    """The song with some of its words removed."""
    kept = [word for index, word in enumerate(words) if index not in removed]
    texts = {
        field: " ".join(word.word for word in kept if word.field == field)
        for field in ("artist", "title")
    }
    return replace(whole_song(song), artist=texts["artist"], title=texts["title"])


def word_movements(
    predictor: Predictor, explanation: Explanation, rng: np.random.Generator
) -> tuple[float, float] | None:
    """As `segment_movements`, for a word; None for a song of fewer than three words."""
    words = [word for word in explanation.words if word.field != "year"]
    if len(words) < 3:
        return None
    important = without_words(
        explanation.song, words, most_important([word.effect for word in words], 1)
    )
    at_random = [
        without_words(explanation.song, words, [int(index)])
        for index in rng.choice(len(words), RANDOM_WORDS)
    ]
    predictions = predict_variants(predictor.backend, explanation.png, [important, *at_random])
    popularity = explanation.prediction.popularity
    moved = {variant: abs(one.popularity - popularity) for variant, one in predictions.items()}
    return moved[important], float(np.mean([moved[variant] for variant in at_random]))


def ratio_row(what: str, movements: Sequence[tuple[float, float]]) -> Row:
    """Mean movement by the most important part, against random ones."""
    important, at_random = np.mean(movements, axis=0)
    return Row(
        f"removing {what}, {len(movements)} songs",
        f"moves by {important:.2f} points",
        f"random: {at_random:.2f}",
        important / at_random,
        minimum=2,
    )


def explain_songs(predictor: Predictor, songs: Sequence[Song]) -> list[Explanation]:
    """Explain songs, and log the progress."""
    explanations = []
    for song in songs:
        explanations.append(explain(predictor, song))
        if len(explanations) % 20 == 0:
            log(f"{len(explanations)} songs explained")
    effects = [abs(part.effect) for one in explanations for part in one.segments]
    log(f"effect of a segment: median {np.median(effects):.2f} points, largest {max(effects):.1f}")
    return explanations


def deletion_rows(
    what: str,
    predictor: Predictor,
    explanations: Sequence[Explanation],
    rng: np.random.Generator,
) -> list[Row]:
    """The deletion test of the sound and of the words."""
    log(f"removing parts of {len(explanations)} songs")
    segments = [segment_movements(predictor, one, rng) for one in explanations]
    words = [word_movements(predictor, one, rng) for one in explanations]
    return [
        ratio_row(f"the most important tenth of {what}", segments),
        ratio_row(f"the most important word of {what}", [moved for moved in words if moved]),
    ]


def long_song_row(predictor: Predictor, count: int, rng: np.random.Generator) -> Row:
    """The deletion test on generated songs of three minutes."""
    with tempfile.TemporaryDirectory() as folder:
        write_sample(Path(folder), count, seconds=SONG_SECONDS, seed=9)
        files = sorted((Path(folder) / "spectrograms").rglob("*.png"))
        songs = [Song("A", "B", 1999, file) for file in files]
        explanations = explain_songs(predictor, songs)
        movements = [segment_movements(predictor, one, rng) for one in explanations]
    return ratio_row("the most important tenth of a generated three-minute song", movements)


def planted_word_rank(explanation: Explanation) -> bool | None:
    """Whether the title's most important word is a planted one.

    None unless the title has planted words, as well as others.
    """
    words = [word for word in explanation.words if word.field == "title"]
    planted = [
        any(WORD_EFFECT.get(part, 0.0) for part in re.findall(r"\w+", word.word.lower()))
        for word in words
    ]
    if not any(planted) or all(planted):
        return None
    return planted[int(np.argmax([abs(word.effect) for word in words]))]


def planted_row(explanations: Sequence[Explanation]) -> Row:
    """How often the most important word of a title is a planted one."""
    found = [rank for one in explanations if (rank := planted_word_rank(one)) is not None]
    chance = np.mean(
        [
            np.mean(
                [
                    bool(WORD_EFFECT.get(word.word.lower(), 0.0))
                    for word in one.words
                    if word.field == "title"
                ]
            )
            for one in explanations
            if planted_word_rank(one) is not None
        ]
    )
    return Row(
        f"planted word of the title is the most important one, {len(found)} songs",
        f"{np.mean(found):.0%}",
        f"chance: {chance:.0%}",
        float(np.mean(found)),
        unit="",
        minimum=0.8,
    )


def shapley_row(what: str, explanations: Sequence[Explanation]) -> Row:
    """The largest difference of the Shapley values' sum from the prediction."""
    difference = max(
        abs(one.fields.nothing_known + sum(one.fields.shapley.values()) - one.prediction.popularity)
        for one in explanations
    )
    return Row(
        f"Shapley values add up to the prediction, {len(explanations)} {what}",
        f"largest difference {difference:.1e}",
        result=difference,
        unit="points",
        maximum=1e-3,
    )


def time_rows(model: Path, audio: Path | None) -> list[Row]:
    """Seconds of an explanation: warm, and cold in a new process."""
    with tempfile.TemporaryDirectory() as folder:
        write_sample(Path(folder), 1, seconds=SONG_SECONDS, workers=1)
        png = next(Path(folder).rglob("*.png"))
        predictor, song = open_predictor(model), Song("Fleetwood Mac", "Dreams", 1977, png)
        explain(predictor, song)
        warm = np.median([time_call(lambda: explain(predictor, song)) for _ in range(WARM_ROUNDS)])
        rows = [Row("three-minute spectrogram, warm", f"{warm:.2f} s", "", warm, "s", maximum=3)]
        files: dict[str, tuple[object, ...]] = {
            "three-minute spectrogram": ("--spectrogram", png, "--title", "Dreams")
        }
        if audio is not None:
            files[f"sound file {audio.name}"] = (audio,)
        for name, arguments in files.items():
            out = Path(folder) / "why.json"
            command = (sys.executable, "-m", "songpop_tf", "explain", *arguments)
            cold = run_measured(*command, "--model", model, "--out", out).seconds
            json.loads(out.read_text())
            rows.append(Row(f"{name}, cold", f"{cold:.1f} s", "", cold, "s", maximum=10))
    return rows


def recordings_rows(
    predictor: Predictor, options: argparse.Namespace, rng: np.random.Generator
) -> list[Row]:
    """The deletion test on real recordings."""
    explanations = explain_songs(predictor, recorded_songs(options.recordings, options.songs, rng))
    return [
        *deletion_rows("a real recording", predictor, explanations, rng),
        shapley_row("real recordings", explanations),
    ]


def prepared_rows(
    predictor: Predictor, options: argparse.Namespace, rng: np.random.Generator
) -> list[Row]:
    """The deletion test on the test songs of a prepared folder, and planted causes."""
    songs = test_songs(PreparedData.open(options.data), options.songs)
    explanations = explain_songs(predictor, songs)
    return [
        *deletion_rows("a prepared song", predictor, explanations, rng),
        *([planted_row(explanations)] if options.sample else []),
        shapley_row("prepared songs", explanations),
    ]


def main() -> None:
    """Explain the songs, remove parts, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--recordings", type=Path, help="spectrograms of recordings, index.csv")
    parser.add_argument("--data", type=Path, help="folder of `prepare`")
    parser.add_argument("--run", type=Path, help="folder of `train`")
    parser.add_argument("--sample", action="store_true", help="the data are a synthetic sample")
    parser.add_argument("--model", type=Path, help="folder of `export`, to measure seconds")
    parser.add_argument("--audio", type=Path, help="sound file to explain")
    parser.add_argument("--long-songs", type=int, default=16, help="generated, of three minutes")
    parser.add_argument("--songs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.sample and options.data is None:
        parser.error("--sample: expected --data and --run, received neither")
    if (options.data is None) != (options.run is None):
        parser.error("--data and --run: expected both or neither, received one")
    import_tensorflow_quietly()
    rng = np.random.default_rng(options.seed)
    installed = load()
    predictor = open_predictor(options.run) if options.run else installed
    rows = [
        *(recordings_rows(installed, options, rng) if options.recordings else []),
        *(prepared_rows(predictor, options, rng) if options.data else []),
        long_song_row(predictor, options.long_songs, rng),
        *(time_rows(options.model, options.audio) if options.model else []),
    ]
    print_table(rows)


if __name__ == "__main__":
    main()
