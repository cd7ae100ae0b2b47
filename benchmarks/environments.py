"""Whether the package installs beside what is preinstalled on Colab and Kaggle.

    python benchmarks/environments.py
    python benchmarks/environments.py [--environment colab] --tests [tests/songpop_tf ...]

For each file in `.ci/environments`, pip resolves the package and its extras for serving with the
interpreter of that file's Python version, and with the versions in the file as constraints:
"resolves" means that none of them would be replaced. Nothing is installed. With --tests the package
is installed with all extras for tests in a virtual environment of its own, and the tests run there.
Interpreters are looked up on PATH as `python3.12` and the like; those of pyenv need, for example,
`PATH=~/.pyenv/versions/3.12.1/bin:$PATH`.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".ci" / "environments"
EXTRAS = ("", "[serving]", "[litert,onnx,openvino]")
RESOLVES = "resolves"
SHOWN = ("tensorflow", "keras", "keras-hub", "protobuf")


def python_version(constraints: Path) -> str:
    """The version in the first line of a constraints file, such as "3.12"."""
    (version,) = re.findall(r"Python (3\.\d+)", constraints.read_text().partition("\n")[0])
    return str(version)


def resolve(interpreter: str, constraints: Path, wheel: str) -> dict[str, str] | str:
    """The versions that pip would install by package, or the reason why it cannot."""
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "--python", interpreter, "install"),
                *("--dry-run", "--ignore-installed", "--only-binary", ":all:"),
                *("--constraint", str(constraints), "--report", str(report), wheel),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            _, _, conflict = (done.stdout + done.stderr).partition("conflict is caused by:\n")
            causes = [line.strip() for line in conflict.partition("\n\n")[0].splitlines()]
            return "; ".join(causes) or f"pip exits with {done.returncode}"
        installed: list[dict[str, Any]] = json.loads(report.read_text())["install"]
    return {item["metadata"]["name"].lower(): item["metadata"]["version"] for item in installed}


def build_wheel(folder: Path) -> Path:
    """Build this package; pip resolves wheels for an interpreter that has no build tools."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder)]
    subprocess.run([*command, str(ROOT)], check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(interpreter: str, constraints: Path, wheel: Path, folder: Path) -> Path:
    """Install the package and what its tests need; returns the environment's interpreter."""
    subprocess.run([interpreter, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    command = [str(python), "-m", "pip", "install", "--quiet", "--constraint", str(constraints)]
    subprocess.run([*command, f"{wheel}[test]"], check=True)
    return python


def installed_versions(python: Path) -> dict[str, str]:
    """Versions by package."""
    command = [str(python), "-m", "pip", "list", "--format", "json"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {package["name"].lower(): package["version"] for package in json.loads(listed)}


def run_tests(python: Path, tests: list[str], folder: Path) -> str:
    """How many tests passed, were skipped and failed, and which failed."""
    report = folder / "tests.xml"
    command = [str(python), "-m", "pytest", "-n", "2", f"--junit-xml={report}", *tests]
    with (folder / "output").open("w") as output:
        done = subprocess.run(
            command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    if not report.is_file():
        raise RuntimeError((folder / "output").read_text()[-2000:] or f"exit {done.returncode}")
    suite = next(ElementTree.parse(report).getroot().iter("testsuite"))
    count = {name: int(suite.attrib[name]) for name in ("tests", "skipped", "failures", "errors")}
    failed = count["failures"] + count["errors"]
    names = [
        f"{case.attrib['classname']}::{case.attrib['name']}"
        for case in suite.iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    ]
    passed = count["tests"] - count["skipped"] - failed
    outcome = f"{passed} passed, {count['skipped']} skipped, {failed} failed"
    return f"{outcome}: {', '.join(names)}" if names else outcome


def test_outcome(interpreter: str, constraints: Path, wheel: Path, tests: list[str]) -> tuple:
    """Install an environment and run the tests in it: the outcome and the installed versions."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        python = install(interpreter, constraints, wheel, folder / "venv")
        versions = installed_versions(python)
        return run_tests(python, tests, folder), versions


def resolve_row(interpreter: str, constraints: Path, wheel: Path, extra: str) -> tuple[str, ...]:
    """Whether an environment takes an extra, and the versions shown."""
    versions = resolve(interpreter, constraints, f"{wheel}{extra}")
    if isinstance(versions, str):
        return (versions, *[""] * len(SHOWN))
    return (RESOLVES, *(versions.get(package, "-") for package in SHOWN))


def rows(constraints: Path, wheel: Path, tests: list[str] | None) -> Iterator[tuple[str, ...]]:
    """Rows of the table of an environment: one for each extra, or one for its tests."""
    version = python_version(constraints)
    interpreter = shutil.which(f"python{version}")
    if interpreter is None:
        yield (constraints.stem, version, "", f"no python{version} on PATH", *[""] * len(SHOWN))
    elif tests is None:
        for extra in EXTRAS:
            cells = resolve_row(interpreter, constraints, wheel, extra)
            yield (constraints.stem, version, extra or "-", *cells)
    else:
        outcome, versions = test_outcome(interpreter, constraints, wheel, tests)
        shown = (versions.get(package, "-") for package in SHOWN)
        yield (constraints.stem, version, "[test]", outcome, *shown)


def main() -> None:
    """Print a table; exit with 1 if an environment does not resolve or a test fails."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    environments = sorted(path.stem for path in FOLDER.glob("*.txt"))
    parser.add_argument(
        "--environment", action="append", choices=environments, help="default: all of them"
    )
    parser.add_argument("--tests", nargs="*", help="run these tests; without a path all of them")
    options = parser.parse_args()
    header = ("environment", "Python", "extra", "", *SHOWN)
    print(f"| {' | '.join(header)} |\n|{'---|' * len(header)}", flush=True)
    failed = False
    with TemporaryDirectory() as folder:
        wheel = build_wheel(Path(folder))
        for name in options.environment or environments:
            for cells in rows(FOLDER / f"{name}.txt", wheel, options.tests):
                failed |= not (RESOLVES in cells or " 0 failed" in cells[3])
                print(f"| {' | '.join(cells)} |", flush=True)
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
