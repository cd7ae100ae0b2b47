"""All stages at the size of the original data sets, each stopped once and started again.

    python benchmarks/full_size.py --recordings spectrograms --tracks tracks.csv --work /big/disk

5,737 spectrograms of 30,000 to 40,000 columns (sections of the given short ones, repeated; the
images are as many as there are recordings, and every file is a copy of one) and a table of 586,672
tracks (the given rows, then recombinations of them). Making them is not counted. Then prepare,
train (both approaches, all branches), evaluate and export run as commands, with their defaults.
Each is killed with SIGKILL after `--stop-after` seconds and started again; the time of both
counts. Memory is the peak of the proportional set size of all processes of a command, sampled
every second; CPU time does not include the processes that were killed.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from full_size_inputs import song_files, write_spectrograms, write_tracks
from result_table import Row, print_table
from timing import log, songpop_tf_command

SONGS, TRACKS = 5_737, 586_672
MAX_MINUTES, MAX_GIGABYTES = 45, 3
SAMPLING_SECONDS = 1.0


@dataclass(frozen=True)
class Usage:
    """What the processes of a command took.

    Attributes:
        seconds: of wall-clock time.
        cpu_seconds: of all processes that were not killed.
        peak_memory: bytes, of all processes together.
    """

    seconds: float
    cpu_seconds: float
    peak_memory: int


def proportional_set_size(process: psutil.Process) -> int:
    """Bytes of memory of a process and its children, shared pages counted once."""
    total = 0
    for each in [process, *process.children(recursive=True)]:
        # A process may have ended since it was listed.
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            total += each.memory_full_info().pss
    return total


def run_sampled(command: list[str], stop_after: float | None) -> Usage:
    """Run a command; kill it and its children with SIGKILL after a number of seconds.

    Raises:
        RuntimeError: it failed by itself.
    """
    started = time.perf_counter()
    child = subprocess.Popen(command, start_new_session=True)
    process = psutil.Process(child.pid)
    peak, status, usage = 0, 0, None
    while usage is None:
        time.sleep(SAMPLING_SECONDS)
        peak = max(peak, proportional_set_size(process))
        if stop_after is not None and time.perf_counter() - started > stop_after:
            os.killpg(child.pid, signal.SIGKILL)
        ended, status, resources = os.wait4(child.pid, os.WNOHANG)
        if ended:
            usage = resources
    seconds = time.perf_counter() - started
    if os.waitstatus_to_exitcode(status) not in (0, -signal.SIGKILL):
        raise RuntimeError(f"{' '.join(command)}: expected exit code 0, received status {status}")
    return Usage(seconds, usage.ru_utime + usage.ru_stime, peak)


def run_stopped_once(command: list[str], stop_after: float) -> Usage:
    """Run a command, kill it, run it again to its end; return what both runs took."""
    first = run_sampled(command, stop_after)
    second = run_sampled(command, None)
    log(f"stopped after {first.seconds:.0f} s, then {second.seconds:.0f} s")
    return Usage(
        first.seconds + second.seconds,
        first.cpu_seconds + second.cpu_seconds,
        max(first.peak_memory, second.peak_memory),
    )


def folder_size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def make_inputs(work: Path, options: argparse.Namespace) -> tuple[Path, Path]:
    """Write the inputs that do not exist yet; return the spectrograms' folder and the table."""
    tracks, spectrograms = work / "tracks.csv", work / "spectrograms"
    complete = work / "COMPLETED"
    if not complete.is_file():
        work.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(options.seed)
        write_tracks(tracks, options.tracks, options.rows, rng)
        names = song_files(tracks, options.songs, rng)
        files = write_spectrograms(spectrograms, names, options.recordings, rng)
        for number, _ in enumerate(files):
            if number % 500 == 0:
                log(f"spectrogram {number} of {options.songs}")
        complete.touch()
    log(f"spectrograms: {folder_size(spectrograms) / 1e9:.1f} GB")
    return spectrograms, tracks


def stage_commands(spectrograms: Path, tracks: Path, work: Path) -> dict[str, list[str]]:
    """The command of each stage, and the folder that it writes as the last argument."""
    data, run, model = work / "data", work / "run", work / "model"
    arguments: dict[str, list[object]] = {
        "prepare": ["--spectrograms", spectrograms, "--tracks", tracks, "--out", data],
        "train": ["--data", data, "--approach", "both", "--branch", "all", "--out", run],
        "evaluate": ["--data", data, "--run", run],
        "export": ["--run", run, "--out", model],
    }
    executable = str(songpop_tf_command())
    return {name: [executable, name, *map(str, values)] for name, values in arguments.items()}


def stage_row(name: str, usage: Usage, folder: Path) -> Row:
    """What a stage took."""
    return Row(
        name,
        f"{usage.seconds / 60:.1f} min",
        f"{usage.cpu_seconds / 60:.1f} min of CPU, {folder_size(folder) / 1e6:,.0f} MB written",
        usage.peak_memory / 1e9,
        "GB",
        maximum=MAX_GIGABYTES,
    )


def main() -> None:
    """Make the inputs, run the stages and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--recordings", type=Path, required=True, help="short spectrograms")
    parser.add_argument("--tracks", type=Path, required=True, action="append")
    parser.add_argument("--work", type=Path, required=True, help="needs 14 GB; kept")
    parser.add_argument("--songs", type=int, default=SONGS)
    parser.add_argument("--rows", type=int, default=TRACKS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--stop-after",
        type=float,
        nargs=4,
        default=(120, 300, 20, 5),
        metavar=("PREPARE", "TRAIN", "EVALUATE", "EXPORT"),
        help="seconds after which each stage is killed",
    )
    options = parser.parse_args()
    commands = stage_commands(*make_inputs(options.work, options), options.work)
    rows, seconds = [], 0.0
    for (name, command), stop_after in zip(commands.items(), options.stop_after, strict=True):
        log(f"{name}: {' '.join(command)}")
        usage = run_stopped_once(command, stop_after)
        folder = Path(command[-1])
        rows.append(stage_row(name, usage, folder))
        print_table(rows[-1:])
        seconds += usage.seconds
    total = Row("all stages", result=seconds / 60, unit="min", maximum=MAX_MINUTES)
    print_table([*rows, total])


if __name__ == "__main__":
    main()
