"""Write a sample: spectrograms and tracks.csv in the layouts of the two Kaggle data sets."""

import json
import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.errors import InputError
from pipelines.files import file_fingerprint, read_json, write_atomically, write_csv, write_json
from pipelines.sample.catalogue import invented_plan
from pipelines.sample.images import end_with_parent, write_image
from pipelines.sample.plan import PlannedImage, SamplePlan
from pipelines.sample.real_rows import real_plan
from pipelines.sample.traits import SoundTraits

# Changes whenever the same arguments would draw something else.
GENERATOR = 2
# A longer image has more pixels than a PNG decoder accepts.
SECONDS_LIMITS = (1.0, 3600.0)
# Apart from each other: what is planned and what is drawn use independent random streams.
_PLAN_STREAM, _IMAGE_STREAM = 0, 1

BEST_PREDICTIONS = "best_predictions.csv"
"""For invented songs, the best that a model of each branch could predict, by file."""

Progress = Callable[[int, int], None]
# What `write_image` takes.
Job = tuple[Path, SoundTraits, int, tuple[int, ...]]


@dataclass(frozen=True)
class SampleSummary:
    """What `write_sample` did.

    Attributes:
        directory: the sample's folder.
        songs: spectrograms in it.
        drawn: those of them drawn by this call; the others were there.
        tracks: rows of tracks.csv.
        reachable_r2: best R2 on the songs' popularity for keys text, cnn and combined; None for
            real songs, where nobody knows it, and where popularity does not vary.
    """

    directory: Path
    songs: int
    drawn: int
    tracks: int
    reachable_r2: Mapping[str, float] | None


def write_sample(
    directory: Path,
    songs: int,
    *,
    seconds: float | None = None,
    tracks: Path | None = None,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> SampleSummary:
    """Write `spectrograms/<year>/<Artist>_-_<Title>.png`, `tracks.csv` and, last, `sample.json`.

    For invented songs `best_predictions.csv` says what could be predicted at best of each.

    A call that was interrupted carries on when repeated with the same arguments, and the result
    is the same to the byte. Worker processes are spawned, so a script must make the call under
    `if __name__ == "__main__":`.

    Args:
        directory: a new or empty folder, or one with an unfinished sample of these arguments.
        songs: how many spectrograms, at least 1.
        seconds: length of every image, 1 to 3600 (200 columns a second); None for each song's.
        tracks: None for invented songs; a CSV in the Kaggle layout for real ones, drawn from
            their audio features. It is copied whole.
        seed: 0 or more; decides everything that is random.
        workers: processes that draw, at least 1; None for one a core. Does not change the result.
        progress: called with (images there, images in all) at the start and after every image.

    Raises:
        InputError: an argument is out of range, `directory` holds something else, or `tracks`
            cannot be used.
    """
    _check_numbers(songs, seconds, seed, workers)
    arguments = _arguments(songs, seconds, tracks, seed)
    _claim(directory, arguments)
    plan = _plan(songs, seconds, tracks, seed)
    write_json(_marker(directory), arguments)
    _write_tracks(plan, directory / "tracks.csv")
    drawn = _draw_missing(plan, directory / "spectrograms", seed, workers, progress)
    summary = SampleSummary(directory, len(plan.images), drawn, plan.rows, plan.reachable_r2)
    if plan.best is not None:
        files = [image.path.as_posix() for image in plan.images]
        write_csv(directory / BEST_PREDICTIONS, plan.best.round(3).assign(file=files))
    _finish(summary, arguments)
    return summary


def _check_numbers(songs: int, seconds: float | None, seed: int, workers: int | None) -> None:
    if songs < 1:
        raise InputError(f"songs: expected 1 or more, received {songs}")
    low, high = SECONDS_LIMITS
    if seconds is not None and not (math.isfinite(seconds) and low <= seconds <= high):
        raise InputError(f"seconds: expected {low:g} to {high:g}, received {seconds}")
    if seed < 0:
        raise InputError(f"seed: expected 0 or more, received {seed}")
    if workers is not None and workers < 1:
        raise InputError(f"workers: expected 1 or more, received {workers}")


def _arguments(songs: int, seconds: float | None, tracks: Path | None, seed: int) -> dict[str, Any]:
    """Return what decides a sample, as it is written to JSON."""
    if tracks is not None and not tracks.is_file():
        raise InputError(f"{tracks}: expected a CSV of tracks, found no such file")
    return {
        "generator": GENERATOR,
        "songs": songs,
        "seconds": None if seconds is None else float(seconds),
        "tracks": None if tracks is None else tracks.name,
        "tracks_fingerprint": None if tracks is None else file_fingerprint(tracks),
        "seed": seed,
    }


def _marker(directory: Path) -> Path:
    """The arguments of a sample that is being written."""
    return directory / "sample.unfinished.json"


def _claim(directory: Path, arguments: Mapping[str, Any]) -> None:
    """Make sure that the directory holds nothing but a sample of these arguments, if anything."""
    if directory.exists() and not directory.is_dir():
        raise InputError(f"{directory}: expected a folder, found a file")
    for path in (directory / "sample.json", _marker(directory)):
        if not path.exists():
            continue
        found = _arguments_in(path)
        if found != dict(arguments):
            raise InputError(
                f"{path}: expected a sample of {json.dumps(dict(arguments))}, "
                f"found one of {json.dumps(found)}; choose another folder"
            )
        return
    foreign = [name for name in ("spectrograms", "tracks.csv") if (directory / name).exists()]
    if foreign:
        raise InputError(
            f"{directory}: expected a folder without data, found {' and '.join(foreign)} "
            "that are not of a generated sample"
        )


def _arguments_in(path: Path) -> Any:
    try:
        content = read_json(path)
    except ValueError as error:
        raise InputError(f"{path}: expected JSON of a sample: {error}") from error
    return content.get("arguments", content) if isinstance(content, dict) else content


def _plan(songs: int, seconds: float | None, tracks: Path | None, seed: int) -> SamplePlan:
    rng = np.random.default_rng(np.random.SeedSequence((seed, _PLAN_STREAM)))
    if tracks is None:
        return invented_plan(songs, seconds, rng)
    return real_plan(tracks, songs, seconds, rng)


def _write_tracks(plan: SamplePlan, path: Path) -> None:
    if path.exists():
        return
    if isinstance(plan.tracks, Path):
        with write_atomically(path) as temporary:
            shutil.copyfile(plan.tracks, temporary)
    else:
        write_csv(path, plan.tracks)


def _draw_missing(
    plan: SamplePlan, folder: Path, seed: int, workers: int | None, progress: Progress | None
) -> int:
    """Draw the images that are not there yet; return how many."""
    missing = [
        (song, image)
        for song, image in enumerate(plan.images)
        if not (folder / image.path).exists()
    ]
    for year in {image.path.parent for image in plan.images}:
        (folder / year).mkdir(parents=True, exist_ok=True)
    jobs = [_job(folder, image, (seed, _IMAGE_STREAM, song)) for song, image in missing]
    processes = min(workers or os.cpu_count() or 1, len(jobs))
    there = len(plan.images) - len(jobs)
    if progress is not None:
        progress(there, len(plan.images))
    for done, _ in enumerate(_run(jobs, processes), start=there + 1):
        if progress is not None:
            progress(done, len(plan.images))
    return len(jobs)


def _job(folder: Path, image: PlannedImage, entropy: tuple[int, ...]) -> Job:
    return folder / image.path, image.traits, image.columns, entropy


def _run(jobs: list[Job], processes: int) -> Iterator[None]:
    """Draw, yielding after each image; a single process is this one."""
    if processes <= 1:
        for job in jobs:
            write_image(*job)
            yield
        return
    pool = ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=end_with_parent
    )
    try:
        futures: list[Future[None]] = [pool.submit(write_image, *job) for job in jobs]
        for future in as_completed(futures):
            future.result()
            yield
    finally:
        # After an error or Ctrl-C the images that nobody has begun are given up.
        pool.shutdown(wait=True, cancel_futures=True)


def _finish(summary: SampleSummary, arguments: Mapping[str, Any]) -> None:
    """Write sample.json, whose presence means that the sample is complete."""
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
    _marker(summary.directory).unlink()
