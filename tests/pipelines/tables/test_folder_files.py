"""Listing folders from other systems: links, twins, loops, and what cannot be listed."""

import os
from pathlib import Path

import pytest

from pipelines.errors import InputError
from pipelines.tables.folder_files import list_files


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_files_of_operating_systems_are_passed_over(tmp_path: Path) -> None:
    song = touch(tmp_path / "1999" / "a.PNG")
    for name in ("1999/._a.PNG", ".hidden/a.png", "__MACOSX/a.png", "1999/@eaDir/a.png", "b.txt"):
        touch(tmp_path / name)
    assert list_files(tmp_path, [".png"]) == ([song], [])


def test_links_are_followed_but_not_in_loops(tmp_path: Path) -> None:
    touch(tmp_path / "disk" / "a.png")
    root = tmp_path / "root"
    touch(root / "1998" / "b.png")
    (root / "1999").symlink_to(tmp_path / "disk")
    (root / "1998" / "up").symlink_to(root)
    (root / "1998" / "other").symlink_to(root)
    (tmp_path / "disk" / "back").symlink_to(root)
    files, problems = list_files(root, [".png"])
    assert {path.resolve() for path in files} == {
        tmp_path / "disk" / "a.png",
        root / "1998" / "b.png",
    }
    assert problems == []


def test_what_should_be_a_file_and_is_none_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "b.png").symlink_to(tmp_path / "b.png")
    os.mkfifo(tmp_path / "c.png")
    (tmp_path / "1999").symlink_to(tmp_path / "nowhere")
    (tmp_path / "notes.txt").symlink_to(tmp_path / "nowhere")
    files, problems = list_files(tmp_path, [".png"])
    assert files == []
    reasons = {path.name: reason for path, reason in problems}
    assert list(reasons) == ["1999", "a.png", "b.png", "c.png"]
    assert "broken link: No such file" in reasons["a.png"]
    assert "broken link: Too many" in reasons["b.png"]
    assert "received a device" in reasons["c.png"]


def test_folder_that_cannot_be_listed_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "1999" / "a.png")
    locked = touch(tmp_path / "1998" / "b.png").parent
    listdir = os.listdir

    def refuse(folder: Path) -> list[str]:
        if folder == locked:  # the administrator, who may run this test, can list all folders
            raise PermissionError(13, "Permission denied")
        return listdir(folder)

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(InputError, match="1998: expected a folder that can be listed.*Permission"):
        list_files(tmp_path, [".png"])
