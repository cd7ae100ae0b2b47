"""Run the benchmarks that have targets and write their results to README.md in this folder.

    python benchmarks/run_all.py --data demo/data --run demo/run --tracks tracks.csv

--data, --run and --model are folders of `songpop-tf prepare`, `train` and `export`. A benchmark
whose input or reference package (`pip install '.[benchmarks]'`) is missing is skipped, and README
says so. --quick runs everything in sizes that take seconds, to check that it works.
"""

import argparse
import ast
import importlib.util
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from timing import log

from pipelines.io import write_atomically

FOLDER = Path(__file__).parent
README = FOLDER / "README.md"
PACKAGES = ("tensorflow", "keras", "keras-hub", "numpy", "scipy", "tokenizers")
REFERENCE_PACKAGES = {
    "cv2": "opencv-python-headless",
    "imagecodecs": "imagecodecs",
    "torch": "torch",
}
"""Optional packages by the name of their module."""


@dataclass(frozen=True)
class Benchmark:
    """A script of this folder.

    Attributes:
        name: of the script.
        quick: arguments for sizes that take seconds.
        modules: optional modules that it compares with.
        required, optional: names of the options that hold its inputs.
    """

    name: str
    quick: tuple[str, ...]
    modules: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    def reason_to_skip(self, options: argparse.Namespace) -> str:
        """Why it cannot run; empty if it can."""
        missing = [
            REFERENCE_PACKAGES[module]
            for module in self.modules
            if not importlib.util.find_spec(module)
        ]
        if missing:
            return f"{', '.join(missing)} not installed"
        absent = [f"--{name}" for name in self.required if not getattr(options, name)]
        return f"{', '.join(absent)} not given" if absent else ""

    def inputs(self, options: argparse.Namespace) -> list[tuple[str, Path]]:
        """The options that were given, with their paths."""
        given = ((name, getattr(options, name)) for name in (*self.required, *self.optional))
        return [(f"--{name}", path) for name, path in given if path]

    def heading(self) -> str:
        """Heading and description of its section of README."""
        return f"## {self.name}\n\n{_docstring(FOLDER / f'{self.name}.py')}\n"


BENCHMARKS = (
    Benchmark("startup_time", ("--rounds", "1")),
    Benchmark(
        "prepare_throughput", ("--images", "16", "--rounds", "1"), modules=("cv2", "imagecodecs")
    ),
    Benchmark(
        "cnn_vs_pytorch",
        (
            *("--batches", "16", "--songs", "32", "--study-batches", "4", "--study-songs", "4"),
            *("--rounds", "1", "--seconds", "5"),
        ),
        modules=("torch",),
        optional=("data",),
    ),
    Benchmark(
        "text_branch_vs_pytorch",
        ("--rows", "5000", "--window", "2000", "--steps", "5", "--rounds", "1"),
        modules=("torch",),
        optional=("tracks",),
    ),
    Benchmark(
        "feature_cache",
        ("--epochs", "2", "--steps", "3", "--rounds", "1"),
        required=("data", "run"),
    ),
    Benchmark(
        "input_pipeline",
        ("--songs", "60", "--until", "prepare", "--steps", "5", "--rounds", "1"),
    ),
    Benchmark("serving_latency", ("--rounds", "1", "--songs", "2"), required=("model",)),
    Benchmark("runtimes", ("--rounds", "1", "--songs", "8"), required=("run",)),
)


def run(benchmark: Benchmark, options: argparse.Namespace) -> tuple[bool, str]:
    """Run a benchmark; return whether it succeeded or was skipped, and its section of README."""
    heading = benchmark.heading()
    if reason := benchmark.reason_to_skip(options):
        log(f"{benchmark.name}: skipped, {reason}")
        return True, f"{heading}\nSkipped: {reason}.\n"
    log(f"{benchmark.name}: running")
    inputs = benchmark.inputs(options)
    sizes = benchmark.quick if options.quick else ()
    paths = [str(word) for pair in inputs for word in pair]
    command = [sys.executable, str(FOLDER / f"{benchmark.name}.py"), *paths, *sizes]
    process = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if process.returncode:
        return False, f"{heading}\nFailed with exit code {process.returncode}.\n"
    # Placeholders in place of private paths.
    placeholders = [word for name, _ in inputs for word in (name, name.strip("-").upper())]
    shown = " ".join(["python", f"benchmarks/{benchmark.name}.py", *placeholders, *sizes])
    return True, f"{heading}\nMeasured on {_today()} with `{shown}`:\n\n{process.stdout}"


def _today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"


def previous_section(readme: str, benchmark: Benchmark) -> str:
    """A benchmark's section of an existing README."""
    _, heading, rest = readme.partition(f"\n## {benchmark.name}\n")
    if not heading:
        return f"{benchmark.heading()}\nNot measured.\n"
    section, _, _ = rest.partition("\n## ")
    return f"## {benchmark.name}\n{section}"


def machine() -> str:
    """Hardware, system and package versions, as a list."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    installed = [
        *PACKAGES,
        *(name for module, name in REFERENCE_PACKAGES.items() if importlib.util.find_spec(module)),
    ]
    return "\n".join(
        (
            f"- {_processor()}, {os.cpu_count()} cores, {memory:.0f} GB of memory",
            f"- {_system()}, Python {platform.python_version()}",
            f"- {', '.join(f'{name} {version(name)}' for name in installed)}",
        )
    )


def _processor() -> str:
    """The model of the processor; on Linux from /proc/cpuinfo."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def _system() -> str:
    """The name of the Linux distribution or of the operating system."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return f"{platform.system()} {platform.release()}"


def manual_benchmarks() -> str:
    """The scripts that are run by hand and the first lines of their docstrings, as a list."""
    excluded = {benchmark.name for benchmark in BENCHMARKS} | {Path(__file__).stem}
    lines = []
    for path in sorted(FOLDER.glob("*.py")):
        docstring = _docstring(path)
        if path.stem not in excluded and f"python benchmarks/{path.name}" in docstring:
            lines.append(f"- `{path.name}`: {docstring.splitlines()[0]}")
    return "\n".join(lines)


def _docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text())) or ""


def render_readme(sections: list[str]) -> str:
    """The whole README."""
    introduction = (
        "# Benchmarks\n\n"
        "Written by `python benchmarks/run_all.py`. Compared values were measured interleaved; "
        "medians are reported. *result* is the ratio of the two values before it, or the value "
        "that has a target.\n\n"
        f"{machine()}\n"
    )
    manual = f"## Run by hand\n\n{manual_benchmarks()}\n"
    return "\n".join((introduction, *sections, manual))


def main() -> None:
    """Run all benchmarks whose inputs are available and write README."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, help="folder of `prepare`")
    parser.add_argument("--run", type=Path, help="folder of `train` on that data")
    parser.add_argument("--model", type=Path, help="folder of `export` of that run")
    parser.add_argument("--tracks", type=Path, help="table in the layout of tracks.csv")
    names = [benchmark.name for benchmark in BENCHMARKS]
    parser.add_argument(
        "--only", nargs="+", choices=names, default=names, help="keep the results of the others"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes; needs --out")
    parser.add_argument("--out", type=Path, default=README, help="file to write")
    options = parser.parse_args()
    if options.quick and options.out.resolve() == README.resolve():
        parser.error(f"--quick: expected another --out than the measured {options.out}")
    previous = options.out.read_text(encoding="utf-8") if options.out.is_file() else ""
    if set(options.only) < set(names) and previous and machine() not in previous:
        parser.error(f"--only: {options.out} was written on another machine or with other packages")
    results = [
        run(benchmark, options)
        if benchmark.name in options.only
        else (True, previous_section(previous, benchmark))
        for benchmark in BENCHMARKS
    ]
    with write_atomically(options.out) as temporary:
        sections = [section for _, section in results]
        temporary.write_text(render_readme(sections), encoding="utf-8")
    log(f"wrote {options.out}")
    sys.exit(0 if all(succeeded for succeeded, _ in results) else 1)


if __name__ == "__main__":
    main()
