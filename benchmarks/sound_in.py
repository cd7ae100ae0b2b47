"""Speed, memory and accuracy of the spectrograms of sound files, against ssqueezepy.

    python benchmarks/sound_in.py --songs song1.mp3 song2.mp3 --rounds 3

CPU seconds of all threads together. The reference is `ssqueezepy.ssq_cwt` with the same wavelet on
the same 256 rows, its magnitude averaged over 5 ms. Agreement is the correlation of log amplitudes,
limited from below at -60 and at -80 dB of the maximum; 0.3 s at each end depend on the padding and
are left out. --figure draws ours, the reference and the difference.
"""

import argparse
import itertools
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from result_table import Row, print_table
from timing import log, measure_interleaved, run_measured

from pipelines.audio.audio_spectrogram import audio_spectrogram, encode_png
from pipelines.audio.decoding import read_audio
from pipelines.audio.synchrosqueezing import (
    COLUMNS_PER_SECOND,
    HIGHEST_HERTZ,
    LOWEST_HERTZ,
    ROW_HERTZ,
    SAMPLE_RATE,
    SAMPLES_PER_COLUMN,
    Audio,
    SynchrosqueezedTransform,
)

SONG_SECONDS, REFERENCE_SECONDS, HOUR = 240, 10, 3600
END_COLUMNS = int(0.3 * COLUMNS_PER_SECOND)
FLOORS = {-60: 1e-3, -80: 1e-4}
_MEMORY = """
from pathlib import Path; import sys
from pipelines.audio.audio_spectrogram import audio_spectrogram, encode_png
encode_png(audio_spectrogram(Path(sys.argv[1])))
"""
_STREAM = """
import itertools, sys, numpy as np
from pipelines.audio.synchrosqueezing import SynchrosqueezedTransform
block = np.random.default_rng(0).normal(0, 0.1, 24_000).astype(np.float32)
for _ in SynchrosqueezedTransform().stream(itertools.repeat(block, int(sys.argv[1]))): pass
"""


def cpu_seconds(function: Callable[[], object]) -> float:
    """CPU seconds of a call."""
    started = time.process_time()
    function()
    return time.process_time() - started


def reference_amplitudes(sound: Audio) -> Audio:
    """ssqueezepy's synchrosqueezed transform, ``(columns, 256)``."""
    import ssqueezepy

    peak = 20 ** (1 / 3)  # of the wavelet, in radians
    squeezed, *_ = ssqueezepy.ssq_cwt(
        sound,
        ("gmw", {"gamma": 3, "beta": 60}),
        scales=peak * SAMPLE_RATE / (2 * np.pi * ROW_HERTZ[::-1]),
        fs=SAMPLE_RATE,
        ssq_freqs="log",
        maprange=(LOWEST_HERTZ, HIGHEST_HERTZ),
    )
    columns = len(sound) // SAMPLES_PER_COLUMN
    magnitude = np.abs(squeezed)[::-1, : columns * SAMPLES_PER_COLUMN]
    pooled = magnitude.reshape(len(magnitude), columns, SAMPLES_PER_COLUMN).mean(axis=2)
    return np.ascontiguousarray(pooled.T, np.float32)


def synthetic_sounds(seconds: int) -> dict[str, Audio]:
    """Chirp, tone ladder, clicks, white and pink noise."""
    rng = np.random.default_rng(0)
    t = np.arange(seconds * SAMPLE_RATE) / SAMPLE_RATE
    rate = np.log(11_000 / 40) / seconds
    ladder = np.zeros_like(t)
    for index, hertz in enumerate(55 * 2 ** np.linspace(0, 7, 4 * seconds)):
        note = slice(index * SAMPLE_RATE // 4, (index + 1) * SAMPLE_RATE // 4)
        ladder[note] = np.sin(2 * np.pi * hertz * t[note]) * np.hanning(len(t[note])) ** 0.3
    clicks = np.zeros_like(t)
    clicks[rng.integers(0, len(t), 4 * seconds)] = 1.0
    white = rng.normal(0, 0.1, len(t))
    spectrum = np.fft.rfft(white) / np.sqrt(np.maximum(np.arange(len(t) // 2 + 1), 1))
    sounds = {
        "chirp": np.sin(2 * np.pi * 40 * (np.exp(rate * t) - 1) / rate),
        "tone ladder": ladder,
        "clicks": clicks,
        "white noise": white,
        "pink noise": np.fft.irfft(spectrum, len(t)),
    }
    return {name: sound.astype(np.float32) for name, sound in sounds.items()}


def song_excerpts(songs: list[Path], seconds: int) -> dict[str, Audio]:
    """The seconds from 30 s on of each song."""
    excerpts = {}
    for path in songs:
        audio = np.concatenate(list(read_audio(path)))
        excerpts[path.stem] = audio[30 * SAMPLE_RATE : (30 + seconds) * SAMPLE_RATE]
    return excerpts


def log_correlation(ours: Audio, reference: Audio, floor: float) -> float:
    """Correlation of log amplitudes above a floor relative to the maximum."""
    logs = [np.log(np.maximum(values / values.max(), floor)) for values in (ours, reference)]
    return float(np.corrcoef(logs[0].ravel(), logs[1].ravel())[0, 1])


def agreement(sounds: dict[str, Audio], figure: Path | None) -> list[Row]:
    """Correlations with the reference."""
    transform = SynchrosqueezedTransform()
    rows, drawn = [], {}
    for name, sound in sounds.items():
        log(f"reference: {name}")
        inner = slice(END_COLUMNS, -END_COLUMNS)
        ours, reference = transform(sound)[inner], reference_amplitudes(sound)[inner]
        drawn[name] = (ours, reference)
        for decibels, minimum in ((-60, 0.98), (-80, 0.95)):
            result = log_correlation(ours, reference, FLOORS[decibels])
            what = f"agreement with ssqueezepy: {name}, floor {decibels} dB"
            rows.append(Row(what, result=result, unit="", minimum=minimum))
    if figure is not None:
        draw(drawn, figure)
    return rows


def draw(pairs: dict[str, tuple[Audio, Audio]], path: Path) -> None:
    """Ours, the reference, and their difference in decibels."""
    figure = Figure(figsize=(14, 2.4 * len(pairs)), layout="constrained")
    axes = figure.subplots(len(pairs), 3, squeeze=False)
    for row, (name, (ours, reference)) in zip(axes, pairs.items(), strict=True):
        logs = []
        for axis, title, values in zip(
            row, ("ours", "ssqueezepy"), (ours, reference), strict=False
        ):
            white = np.quantile(values, 0.999)
            axis.imshow(
                np.minimum(values / white, 1).T ** 0.5, "gray", origin="lower", aspect="auto"
            )
            axis.set_title(f"{name}: {title}", loc="left", fontsize="medium")
            logs.append(20 * np.log10(np.maximum(values / values.max(), 1e-3)))
        image = row[2].imshow(
            (logs[0] - logs[1]).T, "RdBu", origin="lower", aspect="auto", vmin=-20, vmax=20
        )
        row[2].set_title("difference in dB, floor -60 dB", loc="left", fontsize="medium")
        figure.colorbar(image, ax=row[2])
        for axis in row:
            axis.set_xticks([])
            axis.set_yticks([0, 255], ["30 Hz", "12 kHz"])
    figure.savefig(path, dpi=100)


def speed(songs: list[Path], rounds: int) -> list[Row]:
    """CPU seconds of a song, beside ssqueezepy on ten seconds, and of an hour; memory."""
    longest = max(songs, key=lambda path: path.stat().st_size)
    seconds = audio_spectrogram(longest).shape[1] / COLUMNS_PER_SECOND
    (excerpt,) = song_excerpts([longest], REFERENCE_SECONDS).values()
    hour = [np.random.default_rng(0).normal(0, 0.1, SAMPLE_RATE).astype(np.float32)]
    transform = SynchrosqueezedTransform()
    reference_amplitudes(excerpt[: 2 * SAMPLE_RATE])  # compiles
    measured = measure_interleaved(
        {
            "song": lambda: cpu_seconds(lambda: encode_png(audio_spectrogram(longest))),
            "ours": lambda: cpu_seconds(lambda: transform(excerpt)),
            "ssqueezepy": lambda: cpu_seconds(lambda: reference_amplitudes(excerpt)),
        },
        rounds,
    )
    song = measured["song"] * SONG_SECONDS / seconds
    log("an hour of audio")
    stream = transform.stream(itertools.repeat(hour[0], HOUR))
    hour_seconds = cpu_seconds(lambda: sum(len(piece) for piece in stream))
    megabytes = {
        name: run_measured(sys.executable, "-c", code, argument).peak_memory / 1e6
        for name, code, argument in (
            ("song", _MEMORY, longest),
            ("minute", _STREAM, 60),
            ("ten minutes", _STREAM, 600),
        )
    }
    ratio = measured["ssqueezepy"] / measured["ours"]
    growth = megabytes["ten minutes"] - megabytes["minute"]
    return [
        Row("a 240 s song from file to PNG", f"{song:.2f} s", result=song, unit="s", maximum=7),
        Row(
            f"peak memory for a song of {seconds:.0f} s",
            f"{megabytes['song']:.0f} MB",
            result=megabytes["song"],
            unit="MB",
            maximum=300,
        ),
        Row(
            "10 s of a song, beside ssqueezepy",
            f"{measured['ours']:.3f} s",
            f"{measured['ssqueezepy']:.1f} s",
            ratio,
            minimum=40,
        ),
        Row(
            "an hour of audio, real time divided by CPU time",
            f"{hour_seconds:.0f} s",
            result=HOUR / hour_seconds,
            minimum=30,
        ),
        Row(
            "memory that ten minutes take more than one",
            f"{growth:.0f} MB",
            result=growth,
            unit="MB",
            maximum=10,
        ),
    ]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--songs", type=Path, nargs="+", required=True, help="sound files")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=REFERENCE_SECONDS, help="of each sound")
    parser.add_argument("--figure", type=Path, help="PNG file to draw")
    options = parser.parse_args()
    rows = speed(options.songs, options.rounds)
    sounds = synthetic_sounds(options.seconds) | song_excerpts(options.songs, options.seconds)
    print_table([*rows, *agreement(sounds, options.figure)])


if __name__ == "__main__":
    main()
