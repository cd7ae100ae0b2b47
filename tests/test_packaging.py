"""What is installed is all there, and no more than it may weigh."""

from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).parents[1]
LARGEST_MODEL = 12 * 10**6


def test_every_package_is_installed() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    folders = {
        path.parent.relative_to(ROOT).as_posix().replace("/", ".")
        for top in ("pipelines", "songpop_tf")
        for path in (ROOT / top).rglob("__init__.py")
    }
    assert set(setup["options"]["packages"].split()) == folders | {"songpop_tf.saved_models"}


def test_the_model_that_comes_along_is_small_and_has_a_card() -> None:
    version = ROOT / "saved_models" / "songpop_metadata" / "1"
    files = [path for path in version.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < LARGEST_MODEL
    assert "benchmarks/shipped.py" in (version / "model_card.md").read_text()
