"""Atomic writes and JSON files."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pipelines.errors import InputError
from pipelines.io import contains_files, read_json, write_atomically, write_json


def write_half(path: Path) -> None:
    with write_atomically(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError


def test_failed_write_keeps_old_content_and_no_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    write_json(path, {"old": True})
    with pytest.raises(RuntimeError):
        write_half(path)
    assert read_json(path) == {"old": True}
    assert list(tmp_path.iterdir()) == [path]


def test_temporary_file_of_killed_process_is_removed_when_it_is_old(tmp_path: Path) -> None:
    old, new = (tmp_path / f".table.json.{digit * 12}.tmp.json" for digit in "ab")
    for file in (old, new):
        file.write_text("left")
    os.utime(old, (0, 0))
    assert not contains_files(tmp_path)
    write_json(tmp_path / "table.json", [1])
    assert not old.exists()
    assert new.exists(), "another process may still write it"
    new.unlink()
    assert [path.name for path in tmp_path.iterdir()] == ["table.json"]
    assert contains_files(tmp_path)
    assert not contains_files(tmp_path, ignore=["table.json"])


def test_invalid_json_raises_input_error_with_path(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(InputError, match="manifest.json: expected JSON"):
        read_json(tmp_path / "manifest.json")


def test_two_writers_of_one_file_do_not_share_a_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    with write_atomically(path) as first:
        first.write_text("first")
        with write_atomically(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("is_relative", [True, False])
def test_link_stays_and_its_file_is_replaced(tmp_path: Path, is_relative: bool) -> None:
    real, link, other = (tmp_path / name for name in ("real/table.json", "link.json", "other.json"))
    real.parent.mkdir()
    other.symlink_to("real/table.json" if is_relative else real)
    link.symlink_to(other)
    for content in ([1], [2]):  # the file does not exist at first
        write_json(link, content)
        assert link.is_symlink()
        assert other.is_symlink()
        assert read_json(real) == content
    assert list(real.parent.iterdir()) == [real]


def test_pipe_is_written_through(tmp_path: Path) -> None:
    pipe, received = tmp_path / "pipe.json", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: received.append(pipe.read_text()))
    reader.start()
    write_json(pipe, [1])
    reader.join(60)
    assert received == ["[\n  1\n]\n"]
    assert pipe.is_fifo()


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
@pytest.mark.parametrize("is_file", [True, False])
def test_standard_output_is_written_through(tmp_path: Path, name: str, is_file: bool) -> None:
    (tmp_path / "link").symlink_to("/proc/self/fd/1")
    script = (
        "from pathlib import Path; from pipelines.io import write_json; print('before');"
        f"write_json(Path({str(tmp_path / name)!r}), 1); print('after')"
    )
    arguments = [sys.executable, "-c", script]
    if is_file:  # opened again, it would be written from its start
        with (tmp_path / "out.txt").open("w") as out:
            subprocess.run(arguments, stdout=out, check=True)
        text = (tmp_path / "out.txt").read_text()
    else:
        text = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    assert text == "before\n1\nafter\n"
    assert (tmp_path / "link").is_symlink()


def test_device_is_written_through() -> None:
    write_json(Path(os.devnull), [1])
    assert Path(os.devnull).is_char_device()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_full_device_is_named() -> None:
    with pytest.raises(InputError, match=r"/dev/full: expected an output that can be written"):
        write_json(Path("/dev/full"), [1])


def test_json_is_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    code = "import pathlib, pipelines.io as io; io.write_json(pathlib.Path('a'), chr(379))"
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=tmp_path)
    assert read_json(tmp_path / "a") == "Ż"
