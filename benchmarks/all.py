"""Run the benchmarks that have targets and write what they measured into README.md, beside this.

    python benchmarks/all.py --data demo/data --run demo/run --tracks tracks.csv

--data, --run and --model are folders of `songpop-tf prepare`, `train` and `export`. What lacks its
input, or the package that it compares with (`pip install '.[benchmarks]'`), is skipped, and README
says so. --quick runs everything in sizes that take seconds, to see that it works.
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

from timing import say

from pipelines.files import write_atomically

FOLDER = Path(__file__).parent
README = FOLDER / "README.md"
PACKAGES = ("tensorflow", "keras", "keras-hub", "numpy", "scipy", "tokenizers")
ALTERNATIVES = {"cv2": "opencv-python-headless", "torch": "torch"}
"""What may be missing, by the name under which it is imported."""


@dataclass(frozen=True)
class Benchmark:
    """A script of this folder.

    Attributes:
        name: of the script.
        quick: sizes that take seconds.
        modules: what it compares with.
        needs, takes: inputs that it cannot or can do without, as options are named.
    """

    name: str
    quick: tuple[str, ...]
    modules: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()

    def lacks(self, options: argparse.Namespace) -> str:
        """Why it cannot run; empty if it can."""
        missing = [ALTERNATIVES[one] for one in self.modules if not importlib.util.find_spec(one)]
        if missing:
            return f"{', '.join(missing)} not installed"
        absent = [f"--{name}" for name in self.needs if not getattr(options, name)]
        return f"{', '.join(absent)} not given" if absent else ""

    def inputs(self, options: argparse.Namespace) -> list[tuple[str, Path]]:
        """Options that were given, with their paths."""
        given = ((name, getattr(options, name)) for name in (*self.needs, *self.takes))
        return [(f"--{name}", path) for name, path in given if path]

    def title(self) -> str:
        """How its part of README begins: its name, and what its script says of itself."""
        return f"## {self.name}\n\n{_docstring(FOLDER / f'{self.name}.py')}\n"


BENCHMARKS = (
    Benchmark("startup", ("--rounds", "1")),
    Benchmark("prepare", ("--images", "16", "--rounds", "1"), modules=("cv2",)),
    Benchmark(
        "cnn",
        (
            *("--batches", "16", "--songs", "32", "--study-batches", "4", "--study-songs", "4"),
            *("--rounds", "1", "--seconds", "5"),
        ),
        modules=("torch",),
        takes=("data",),
    ),
    Benchmark(
        "text",
        ("--rows", "5000", "--window", "2000", "--steps", "5", "--rounds", "1"),
        modules=("torch",),
        takes=("tracks",),
    ),
    Benchmark("fusion", ("--epochs", "2", "--steps", "3", "--rounds", "1"), needs=("data", "run")),
    Benchmark("input", ("--songs", "60", "--until", "prepare", "--steps", "5", "--rounds", "1")),
    Benchmark("serving", ("--rounds", "1", "--songs", "2"), needs=("model",)),
)


def run(benchmark: Benchmark, options: argparse.Namespace) -> tuple[bool, str]:
    """Run a benchmark; whether it went well, and its part of README."""
    title = benchmark.title()
    if lack := benchmark.lacks(options):
        say(f"{benchmark.name}: skipped, {lack}")
        return True, f"{title}\nSkipped: {lack}.\n"
    say(f"{benchmark.name}: runs")
    inputs = benchmark.inputs(options)
    sizes = benchmark.quick if options.quick else ()
    paths = [str(word) for pair in inputs for word in pair]
    command = [sys.executable, str(FOLDER / f"{benchmark.name}.py"), *paths, *sizes]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return False, f"{title}\nFailed with exit code {done.returncode}.\n"
    # Folders are called by their option: where they lie is nobody's business.
    named = [word for name, _ in inputs for word in (name, name.strip("-").upper())]
    shown = " ".join(["python", f"benchmarks/{benchmark.name}.py", *named, *sizes])
    return True, f"{title}\nMeasured on {_today()} with `{shown}`:\n\n{done.stdout}"


def _today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"


def kept(written: str, benchmark: Benchmark) -> str:
    """A benchmark's part of what was written before."""
    _, found, after = written.partition(f"\n## {benchmark.name}\n")
    if not found:
        return f"{benchmark.title()}\nNot measured.\n"
    part, _, _ = after.partition("\n## ")
    return f"## {benchmark.name}\n{part}"


def machine() -> str:
    """What all of it was measured on, as a list."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    installed = [
        *PACKAGES,
        *(name for module, name in ALTERNATIVES.items() if importlib.util.find_spec(module)),
    ]
    return "\n".join(
        (
            f"- {_processor()}, {os.cpu_count()} cores, {memory:.0f} GB of memory",
            f"- {_system()}, Python {platform.python_version()}",
            f"- {', '.join(f'{name} {version(name)}' for name in installed)}",
        )
    )


def _processor() -> str:
    """The model of the processor, as Linux knows it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def _system() -> str:
    """The operating system, as a Linux distribution calls itself."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return f"{platform.system()} {platform.release()}"


def others() -> str:
    """The scripts that are run by hand, with what they say of themselves, as a list."""
    names = {benchmark.name for benchmark in BENCHMARKS} | {Path(__file__).stem}
    found = []
    for path in sorted(FOLDER.glob("*.py")):
        docstring = _docstring(path)
        if path.stem not in names and f"python benchmarks/{path.name}" in docstring:
            found.append(f"- `{path.name}`: {docstring.splitlines()[0]}")
    return "\n".join(found)


def _docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text())) or ""


def readme(parts: list[str]) -> str:
    """The whole of README."""
    head = (
        "# Benchmarks\n\n"
        "Written by `python benchmarks/all.py`. What is compared was measured in turn, and medians "
        "are shown. *result* is the ratio of the two figures before it, or else the figure that "
        "has a target.\n\n"
        f"{machine()}\n"
    )
    tail = f"## Run by hand\n\n{others()}\n"
    return "\n".join((head, *parts, tail))


def main() -> None:
    """Run what can be run and write README."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, help="folder of `prepare`")
    parser.add_argument("--run", type=Path, help="folder of `train` on it")
    parser.add_argument("--model", type=Path, help="folder of `export` of it")
    parser.add_argument("--tracks", type=Path, help="table in the layout of tracks.csv")
    names = [benchmark.name for benchmark in BENCHMARKS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="others are kept")
    parser.add_argument("--quick", action="store_true", help="small sizes; needs --out")
    parser.add_argument("--out", type=Path, default=README, help="file to write")
    options = parser.parse_args()
    if options.quick and options.out.resolve() == README.resolve():
        parser.error(f"--quick measures nothing: expected another --out, received {options.out}")
    written = options.out.read_text(encoding="utf-8") if options.out.is_file() else ""
    if set(options.only) < set(names) and written and machine() not in written:
        parser.error(f"--only: {options.out} was written on another machine or with other packages")
    results = [
        run(benchmark, options)
        if benchmark.name in options.only
        else (True, kept(written, benchmark))
        for benchmark in BENCHMARKS
    ]
    with write_atomically(options.out) as temporary:
        temporary.write_text(readme([part for _, part in results]), encoding="utf-8")
    say(f"written: {options.out}")
    sys.exit(0 if all(well for well, _ in results) else 1)


if __name__ == "__main__":
    main()
