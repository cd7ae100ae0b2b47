"""Compressed tables, pipes, and encodings."""

import bz2
import gzip
import io
import lzma
import os
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from pipelines.errors import InputError
from pipelines.tables.content import load_content

TEXT = "name\nBeyoncé\nMotörhead\n"


def read(path: Path) -> str:
    with load_content(path).open() as stream:
        return stream.read()


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, TEXT if name.endswith(("tracks.csv", "t.txt")) else "other")
    return buffer.getvalue()


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_file_is_read_whatever_its_name(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    (tmp_path / "tracks.csv").write_bytes(compress(TEXT.encode()))
    assert read(tmp_path / "tracks.csv") == TEXT


@pytest.mark.parametrize(
    "names",
    [
        ["tracks.csv"],
        ["data/tracks.csv", "__MACOSX/data/._tracks.csv", "readme.md"],
        ["artists.csv", "tracks.csv", "dict_artists.json"],
        ["t.txt"],
    ],
)
def test_table_in_an_archive_is_read(tmp_path: Path, names: list[str]) -> None:
    (tmp_path / "archive.zip").write_bytes(zipped(*names))
    assert read(tmp_path / "archive.zip") == TEXT
    (note,) = load_content(tmp_path / "archive.zip").notes
    assert "of the archive was read" in note


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (zipped("a.csv", "b.csv"), "one CSV file, received one with a.csv, b.csv"),
        (zipped("a.png"), "received one with none"),
        (zipped("xl/workbook.xml"), "spreadsheet"),
        (gzip.compress(TEXT.encode(), mtime=0)[:-9], "damaged"),
        (gzip.compress(TEXT.encode(), mtime=0)[:12] + bytes(9), "damaged"),
        (lzma.compress(TEXT.encode())[:-9], "damaged|received:"),
        (b"PK\x03\x04 damaged", "damaged"),
        (b"PAR1 ...", "Parquet"),
        (b"SQLite format 3\0", "SQLite"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\n<!DOCTYPE html>", "HTML"),
        (b'[{"name": "A"}]', "JSON"),
        (b"\x89PNG\r\n\x1a\n\0\x01\x02\x03", "no text"),
    ],
)
def test_other_formats_are_named(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError, match=rf"t\.csv: expected .*({reason})"):
        load_content(tmp_path / "t.csv")


def test_parquet_is_read_with_its_lists_dates_and_missing_values(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    table = pd.DataFrame(
        {
            "name": ["Déjà Vu", None],
            "artists": [["Ana", "Bo"], ["Cy"]],
            "release_date": pd.to_datetime(["1977-02-04", None]),
        }
    )
    table.to_parquet(tmp_path / "t.parquet")
    assert read(tmp_path / "t.parquet").splitlines() == [
        "name,artists,release_date",
        "Déjà Vu,['Ana' 'Bo'],1977-02-04",
        ",['Cy'],",
    ]
    damaged = bytearray((tmp_path / "t.parquet").read_bytes())
    damaged[30:70] = b"\xff" * 40
    (tmp_path / "t.parquet").write_bytes(damaged)
    with pytest.raises(
        InputError, match=r"t\.parquet: expected a Parquet file, received: "
    ) as error:
        load_content(tmp_path / "t.parquet")
    assert "\n" not in str(error.value)


def test_parquet_without_pyarrow_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "t.parquet").write_bytes(b"PAR1 ... PAR1")
    with pytest.raises(
        InputError, match=r"received Parquet; `pip install 'songpop-tf\[parquet\]'`"
    ):
        load_content(tmp_path / "t.parquet")


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16-LE"),
        ("utf-16-be", "UTF-16-BE"),
        ("utf-32", "UTF-32"),
        ("cp1252", "Windows-1252, such as 'Beyoncé'"),
    ],
)
def test_encoding_is_found(tmp_path: Path, encoding: str, note: str | None) -> None:
    (tmp_path / "t.csv").write_bytes(TEXT.encode(encoding))
    assert read(tmp_path / "t.csv") == TEXT
    notes = load_content(tmp_path / "t.csv").notes
    assert [note in given for given in notes] == ([] if note is None else [True])


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Кино", "cp1251"),
        ("Czesław Niemen", "cp1250"),
        ("サカナクション", "shift-jis"),
        ("방탄소년단", "euc-kr"),
    ],
)
def test_other_code_pages_are_refused(tmp_path: Path, text: str, encoding: str) -> None:
    (tmp_path / "t.csv").write_bytes(b"name\n" + text.encode(encoding))
    with pytest.raises(InputError, match="another encoding in line 2; save it as 'CSV UTF-8'"):
        load_content(tmp_path / "t.csv")


def test_damaged_utf8_is_not_taken_for_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(TEXT.encode() + b"\xff\n")
    with pytest.raises(InputError, match="expected UTF-8, received damaged bytes in line 4"):
        load_content(tmp_path / "t.csv")


def test_pipe_is_read_once_and_can_be_opened_twice(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(gzip.compress(TEXT.encode()),))
    writer.start()
    content = load_content(pipe)
    writer.join()
    for _ in range(2):
        with content.open() as stream:
            assert stream.read() == TEXT
    (tmp_path / "file").write_text(TEXT, encoding="utf-8")
    assert content.fingerprint() == load_content(tmp_path / "file").fingerprint()
