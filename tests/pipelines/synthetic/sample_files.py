"""Helpers for tests of written samples."""

from pathlib import Path


def file_contents(directory: Path) -> dict[str, bytes]:
    """The content of every file in a directory, by relative path."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def assert_one_line(error) -> None:
    """Check that the message of an expected error has no line break."""
    assert "\n" not in str(error.value)
