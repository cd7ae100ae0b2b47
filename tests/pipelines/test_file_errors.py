"""Errors of damaged files name the file."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.file_errors import reading


@pytest.mark.parametrize(
    ("content", "received"),
    [
        (None, "received a missing file"),
        (b"", "received an empty file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "received a Git LFS pointer"),
        (b"<!DOCTYPE html>", "received a damaged file: BadZipFile: "),
        (b"PK\x03\x04 cut", "received a damaged file: BadZipFile: "),
    ],
)
def test_error_names_the_file_and_what_it_is(
    tmp_path: Path, content: bytes | None, received: str
) -> None:
    path = tmp_path / "model.keras"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as error, reading(path, "a model"):
        zipfile.ZipFile(path)
    assert str(error.value).startswith(f"{path}: expected a model, {received}")
    assert "\n" not in str(error.value)


def test_missing_array_is_an_error_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "artists.npz"
    np.savez(path, other=np.zeros(2))
    message = "artists.npz: .* KeyError"
    with (
        np.load(path) as arrays,
        pytest.raises(InputError, match=message),
        reading(path, "an artist history"),
    ):
        arrays["years"]


@pytest.mark.parametrize("error", [InputError("row 3"), MemoryError()])
def test_error_that_is_none_of_the_file_is_kept(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)) as raised, reading(tmp_path, "a table"):
        raise error
    assert raised.value is error


def test_file_that_must_not_be_read(tmp_path: Path) -> None:
    message = "received a file that must not be read"
    with pytest.raises(InputError, match=message), reading(tmp_path, "a model"):
        raise PermissionError(13, "Permission denied")
