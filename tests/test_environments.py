"""The environments that the package must install beside are within its requirements."""

import configparser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / ".ci" / "environments").glob("*.txt"))


def requirements() -> dict[str, Requirement]:
    """Requirements of the package by name."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    lines = setup["options"]["install_requires"].split("\n")
    parsed = [Requirement(line) for line in lines if line]
    return {requirement.name: requirement for requirement in parsed}


def pins(path: Path) -> list[Requirement]:
    """The versions of a constraints file."""
    lines = path.read_text().splitlines()
    return [Requirement(line) for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_pinned_versions_satisfy_the_requirements(path: Path) -> None:
    required = requirements()
    for pin in pins(path):
        (version,) = [specifier.version for specifier in pin.specifier]
        assert pin.name not in required or required[pin.name].specifier.contains(version), pin


def test_oldest_environment_pins_the_lower_bounds() -> None:
    for pin in pins(ROOT / ".ci/environments/oldest.txt"):
        # TensorFlow and TensorBoard 2.20 do not exclude releases that they fail with.
        if pin.name in ("protobuf", "setuptools"):
            continue
        (lower,) = [spec.version for spec in requirements()[pin.name].specifier]
        (version,) = [spec.version for spec in pin.specifier]
        assert version.startswith(lower), "the first release of that series with a wheel"


def test_windows_lacks_tensorflow_text_only() -> None:
    conditional = [one.name for one in requirements().values() if one.marker]
    assert conditional == ["tensorflow-text"]
    marker = requirements()["tensorflow-text"].marker
    assert marker is not None
    assert not marker.evaluate({"platform_system": "Windows"})
    assert marker.evaluate({"platform_system": "Linux"})
