"""Write a synthetic sample: spectrograms and tracks.csv in the layouts of the Kaggle data sets."""

import json
import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.errors import InputError
from pipelines.io import (
    StrPath,
    file_fingerprint,
    read_json,
    write_atomically,
    write_csv,
    write_json,
)
from pipelines.locks import locked_folder
from pipelines.synthetic.catalog import plan_invented_songs
from pipelines.synthetic.real_tracks import plan_real_songs
from pipelines.synthetic.sample_plan import PlannedSong, SamplePlan
from pipelines.synthetic.write_song import write_song
from pipelines.worker_pool import run_in_processes

# Changes whenever the same arguments give another sample.
GENERATOR_VERSION = 3
# Longer sounds than 21 minutes are refused everywhere.
SECONDS_RANGE = (1.0, 1260.0)
# Independent random streams of the plan and of the songs.
_PLAN_STREAM, _SONG_STREAM = 0, 1

BEST_PREDICTIONS = "best_predictions.csv"
"""For invented songs, the best possible prediction of a model of each branch, by file."""

AUDIO_DIRECTORY = "audio"
"""Some of the songs as sound files, to listen to and to predict from."""
AUDIO_EVERY = 20

Progress = Callable[[int, int], None]
# Arguments of `write_song`.
Job = tuple[Path, Path | None, PlannedSong, tuple[int, ...]]


@dataclass(frozen=True)
class SampleSummary:
    """Result of `write_sample`.

    Attributes:
        directory: the directory of the sample.
        songs: number of spectrograms.
        written: number of spectrograms written by this call; the others existed.
        tracks: number of rows of tracks.csv.
        reachable_r2: best possible R2 on the songs' popularity, for the keys text, cnn and
            combined; None if unknown (real songs) or if popularity does not vary.
    """

    directory: Path
    songs: int
    written: int
    tracks: int
    reachable_r2: Mapping[str, float] | None


def write_sample(
    directory: StrPath,
    songs: int,
    *,
    seconds: float | None = None,
    tracks: StrPath | None = None,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
    on_assumption: Callable[[str], None] | None = None,
) -> SampleSummary:
    """Write `spectrograms/<year>/<Artist>_-_<Title>.png`, `tracks.csv` and, last, `sample.json`.

    Every twentieth song is also written as `audio/<year>/<Artist>_-_<Title>.flac`.
    For invented songs, also write the best possible predictions to `best_predictions.csv`.

    An interrupted call resumes when it is repeated with the same arguments, and the result is
    identical to the byte. Worker processes are spawned, so that a script must call this under
    `if __name__ == "__main__":`.

    Args:
        directory: new, empty, or with an unfinished sample of the same arguments.
        songs: number of spectrograms, at least 1.
        seconds: length of every song, 1 to 1260 (200 columns per second); None for natural lengths.
        tracks: None for invented songs; for real songs, a CSV in the Kaggle layout whose audio
            features are synthesized. It is copied unchanged.
        seed: of everything random, 0 or more.
        workers: number of processes, at least 1; None for one per core. No effect on the result.
        progress: called with (existing songs, all songs) at the start and after every song.
        on_assumption: called with a line for each thing that was assumed to read `tracks`.

    Raises:
        InputError: an argument is out of range, `directory` has other content, `tracks` cannot be
            used, or another process writes to `directory`.
    """
    _check_ranges(songs, seconds, seed, workers)
    directory, tracks = Path(directory), None if tracks is None else Path(tracks)
    arguments = _sample_arguments(songs, seconds, tracks, seed)
    with locked_folder(directory):
        _check_output_dir(directory, arguments)
        plan = _make_plan(songs, seconds, tracks, seed, on_assumption)
        return _write_sample(plan, directory, seed, workers, progress, arguments)


def _write_sample(
    plan: SamplePlan,
    directory: Path,
    seed: int,
    workers: int | None,
    progress: Progress | None,
    arguments: Mapping[str, Any],
) -> SampleSummary:
    write_json(_unfinished_path(directory), arguments)
    _write_tracks(plan, directory / "tracks.csv")
    written = _write_missing(plan, directory, seed, workers, progress)
    summary = SampleSummary(directory, len(plan.songs), written, plan.rows, plan.reachable_r2)
    if plan.best_predictions is not None:
        files = [song.path.as_posix() for song in plan.songs]
        write_csv(directory / BEST_PREDICTIONS, plan.best_predictions.round(3).assign(file=files))
    _finish(summary, arguments)
    return summary


def _check_ranges(songs: int, seconds: float | None, seed: int, workers: int | None) -> None:
    if songs < 1:
        raise InputError(f"songs: expected 1 or more, received {songs}")
    low, high = SECONDS_RANGE
    if seconds is not None and not (math.isfinite(seconds) and low <= seconds <= high):
        raise InputError(f"seconds: expected {low:g} to {high:g}, received {seconds}")
    if seed < 0:
        raise InputError(f"seed: expected 0 or more, received {seed}")
    if workers is not None and workers < 1:
        raise InputError(f"workers: expected 1 or more, received {workers}")


def _sample_arguments(
    songs: int, seconds: float | None, tracks: Path | None, seed: int
) -> dict[str, Any]:
    """Return everything that determines a sample, as written to JSON."""
    if tracks is not None and not tracks.is_file():
        raise InputError(f"{tracks}: expected a CSV of tracks, received no such file")
    return {
        "generator": GENERATOR_VERSION,
        "songs": songs,
        "seconds": None if seconds is None else float(seconds),
        "tracks": None if tracks is None else tracks.name,
        "tracks_fingerprint": None if tracks is None else file_fingerprint(tracks),
        "seed": seed,
    }


def _unfinished_path(directory: Path) -> Path:
    """The file with the arguments of a sample that is not finished."""
    return directory / "sample.unfinished.json"


def _check_output_dir(directory: Path, arguments: Mapping[str, Any]) -> None:
    """Raise an `InputError` if the directory has other content than a sample of these arguments."""
    if directory.exists() and not directory.is_dir():
        raise InputError(f"{directory}: expected a folder, received a file")
    for path in (directory / "sample.json", _unfinished_path(directory)):
        if not path.exists():
            continue
        received = _read_arguments(path)
        if received != dict(arguments):
            raise InputError(
                f"{path}: expected a sample of {json.dumps(dict(arguments))}, "
                f"received one of {json.dumps(received)}; choose another folder"
            )
        return
    other_data = [
        name
        for name in ("spectrograms", "tracks.csv", AUDIO_DIRECTORY)
        if (directory / name).exists()
    ]
    if other_data:
        raise InputError(
            f"{directory}: expected a folder without data, received {' and '.join(other_data)} "
            "that are not of a synthetic sample"
        )


def _read_arguments(path: Path) -> Any:
    try:
        content = read_json(path)
    except ValueError as error:
        raise InputError(f"{path}: expected JSON of a sample: {error}") from error
    return content.get("arguments", content) if isinstance(content, dict) else content


def _make_plan(
    songs: int,
    seconds: float | None,
    tracks: Path | None,
    seed: int,
    on_assumption: Callable[[str], None] | None,
) -> SamplePlan:
    rng = np.random.default_rng(np.random.SeedSequence((seed, _PLAN_STREAM)))
    if tracks is None:
        return plan_invented_songs(songs, seconds, rng)
    return plan_real_songs(tracks, songs, seconds, rng, on_assumption)


def _write_tracks(plan: SamplePlan, path: Path) -> None:
    if path.exists():
        return
    if isinstance(plan.tracks, Path):
        with write_atomically(path) as temporary:
            shutil.copyfile(plan.tracks, temporary)
    else:
        write_csv(path, plan.tracks)


def _write_missing(
    plan: SamplePlan, directory: Path, seed: int, workers: int | None, progress: Progress | None
) -> int:
    """Synthesize the songs whose spectrogram does not exist yet; return their number."""
    jobs = [
        _job(directory, index, song, (seed, _SONG_STREAM, index))
        for index, song in enumerate(plan.songs)
    ]
    missing = [job for job in jobs if not job[0].exists()]
    existing = len(jobs) - len(missing)
    if progress is not None:
        progress(existing, len(plan.songs))
    for done, _ in enumerate(run_in_processes(write_song, missing, workers), start=existing + 1):
        if progress is not None:
            progress(done, len(plan.songs))
    return len(missing)


def _job(directory: Path, index: int, song: PlannedSong, entropy: tuple[int, ...]) -> Job:
    audio = directory / AUDIO_DIRECTORY / song.path.with_suffix(".flac")
    spectrogram = directory / "spectrograms" / song.path
    return spectrogram, None if index % AUDIO_EVERY else audio, song, entropy


def _finish(summary: SampleSummary, arguments: Mapping[str, Any]) -> None:
    """Write sample.json, which marks the sample as complete."""
    reachable = summary.reachable_r2
    write_json(
        summary.directory / "sample.json",
        {
            "arguments": dict(arguments),
            "seed": arguments["seed"],
            "tracks": arguments["tracks"],
            "counts": {"spectrograms": summary.songs, "tracks": summary.tracks},
            "reachable_r2": None if reachable is None else dict(reachable),
        },
    )
    _unfinished_path(summary.directory).unlink()
