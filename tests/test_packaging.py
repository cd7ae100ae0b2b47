"""The built distributions are complete, and work without the source tree."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from songpop_tf import __version__
from tests.conftest import Once

ROOT = Path(__file__).parents[1]
MAX_MODEL_BYTES = 25 * 10**6
SOURCES = ("keras_tuner_optuna", "pipelines", "saved_models", "songpop_tf")
FILES = ("LICENSE", "README.md", "pyproject.toml", "setup.cfg")


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a Python module; its standard output. Fails with all output."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def distributions(once: Once) -> Path:
    """Wheel and sdist, built in a copy so that no build files are left in the source tree."""

    def build(directory: Path) -> None:
        copy = directory / "source"
        copy.mkdir(parents=True)
        for name in SOURCES:
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in FILES:
            shutil.copy(ROOT / name, copy)
        run("build", "--no-isolation", "--outdir", directory / "dist", ".", cwd=copy)

    return once("distributions", build) / "dist"


def test_wheel_holds_every_package_and_its_data(distributions: Path) -> None:
    (wheel,) = distributions.glob("*.whl")
    assert __version__ in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    expected = {
        path.relative_to(ROOT).as_posix()
        for name in SOURCES
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    expected -= {"keras_tuner_optuna/pyproject.toml"}  # for publishing that package alone
    assert expected <= names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


def test_distributions_pass_twine_check(distributions: Path) -> None:
    output = run("twine", "check", "--strict", *distributions.iterdir(), cwd=distributions)
    assert output.count("PASSED") == 2
    (sdist,) = distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        assert any(name.endswith("songpop/1/saved_model.pb") for name in archive.getnames())


def test_installed_wheel_predicts_without_the_source_tree(
    distributions: Path, tmp_path: Path
) -> None:
    (wheel,) = distributions.glob("*.whl")
    site = tmp_path / "site"
    run("pip", "install", "-q", "--no-deps", "--target", site, wheel, cwd=tmp_path)
    where = subprocess.run(
        [sys.executable, "-c", "import songpop_tf; print(songpop_tf.__file__)"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(site))
    options = ("--artist", "Fleetwood Mac", "--title", "Dreams", "--year", "1977", "--json")
    output = run("songpop_tf", "predict", *options, cwd=tmp_path, PYTHONPATH=str(site))
    assert '"popularity": ' in output


def test_pretrained_model_is_small_and_has_a_card() -> None:
    version = ROOT / "saved_models" / "songpop" / "1"
    files = [path for path in version.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MAX_MODEL_BYTES
    assert "benchmarks/train_pretrained.py" in (version / "model_card.md").read_text()
