"""Whether the package installs beside what is preinstalled on Colab and Kaggle.

    python benchmarks/environments.py

For each file in `.ci/environments`, pip resolves the package and its extras for serving with the
interpreter of that file's Python version, and with the versions in the file as constraints:
"resolves" means that none of them would be replaced. Nothing is installed. Interpreters are looked
up as `python3.12` and the like; those of pyenv are found with, for example,
`PATH=~/.pyenv/versions/3.12.1/bin:$PATH`.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".ci" / "environments"
EXTRAS = ("", "[serving]", "[litert,onnx,openvino]")
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


def row(constraints: Path, wheel: Path, extra: str) -> tuple[str, ...]:
    """Cells of the table for an environment and an extra."""
    version = python_version(constraints)
    name = (constraints.stem, version, extra or "-")
    interpreter = shutil.which(f"python{version}")
    if interpreter is None:
        return (*name, f"no python{version} on PATH", *[""] * len(SHOWN))
    versions = resolve(interpreter, constraints, f"{wheel}{extra}")
    if isinstance(versions, str):
        return (*name, versions, *[""] * len(SHOWN))
    return (*name, "resolves", *(versions.get(package, "-") for package in SHOWN))


def main() -> None:
    """Print a table; exit with 1 if an environment does not resolve."""
    argparse.ArgumentParser(description=__doc__.split("\n", 1)[0]).parse_args()
    header = ("environment", "Python", "extra", "", *SHOWN)
    print(f"| {' | '.join(header)} |\n|{'---|' * len(header)}", flush=True)
    failed = False
    with TemporaryDirectory() as folder:
        wheel = build_wheel(Path(folder))
        for constraints in sorted(FOLDER.glob("*.txt")):
            for extra in EXTRAS:
                cells = row(constraints, wheel, extra)
                failed |= "resolves" not in cells
                print(f"| {' | '.join(cells)} |", flush=True)
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
