"""No two processes write the same output."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.errors import InputError
from pipelines.locks import locked_file, locked_folder


def lock_in_another_process(function: str, path: Path) -> str:
    """Return what a process prints that tries to hold a lock."""
    script = (
        "import sys; from pathlib import Path; from pipelines import locks\n"
        f"with locks.{function}(Path(sys.argv[1])): print('held')"
    )
    process = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False
    )
    return process.stdout + process.stderr


def test_folder_is_locked_for_other_processes(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"
    with locked_folder(folder):
        message = lock_in_another_process("locked_folder", folder)
        assert f"{folder}: expected an output that only this process writes" in message
        (folder / "config.toml").touch()
    assert [path.name for path in folder.iterdir()] == ["config.toml"]
    assert lock_in_another_process("locked_folder", folder) == "held\n"


def test_file_is_locked_by_all_its_names(tmp_path: Path) -> None:
    file, link = tmp_path / "out.csv", tmp_path / "link"
    link.symlink_to("out.csv")
    with locked_file(link):
        assert "another process" in lock_in_another_process("locked_file", file)
        assert lock_in_another_process("locked_file", tmp_path / "other.csv") == "held\n"
    assert list(tmp_path.iterdir()) == [link]


def test_lock_ends_with_an_error_and_leaves_no_new_folder(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    for _ in range(2):
        with pytest.raises(RuntimeError), locked_folder(folder):
            raise RuntimeError
        assert not folder.exists()


def test_empty_folder_of_the_user_stays(tmp_path: Path) -> None:
    with locked_folder(tmp_path):
        pass
    assert tmp_path.is_dir()
    assert not list(tmp_path.iterdir())


def test_file_instead_of_a_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    expected = pytest.raises(InputError, match="out: expected a folder, received a file")
    with expected, locked_folder(tmp_path / "out"):
        pytest.fail("locked")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that takes no files")
def test_place_where_no_file_can_be_created_is_named() -> None:
    expected = "/proc/out.csv: expected an output that can be written, received: "
    with pytest.raises(InputError, match=expected), locked_file(Path("/proc/out.csv")):
        pytest.fail("locked")


def test_output_below_a_file_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").touch()
    out = tmp_path / "songs.csv" / "out.csv"
    expected = f"{out}: expected a folder to write to, received a file: {out.parent}"
    with pytest.raises(InputError, match=re.escape(expected)), locked_file(out):
        pytest.fail("locked")
    deeper = out.parent / "folder" / "data"
    with (
        pytest.raises(InputError, match=f"{deeper}.*: Not a directory"),
        locked_folder(deeper),
    ):
        pytest.fail("locked")
