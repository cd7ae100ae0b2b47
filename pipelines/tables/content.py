"""The text of a table's file: compressed or not, from a file or a pipe, in any usual encoding."""

import bz2
import codecs
import gzip
import hashlib
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, TextIO

from pipelines.errors import InputError
from pipelines.io import file_fingerprint

_HEAD_BYTES = 4096
_CHUNK_BYTES = 2**20
_ZIP, _PARQUET = b"PK\x03\x04", b"PAR1"
_DECOMPRESS: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ\x00": lzma.decompress,
}
_OTHER_FORMATS = {
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it",
    b"Rar!": "a RAR archive; unpack it",
    b"\x28\xb5\x2f\xfd": "a file compressed by zstd; unpack it",
    b"\xd0\xcf\x11\xe0": "an Excel workbook; save it as 'CSV UTF-8'",
    b"SQLite format 3": "an SQLite database; export the table as CSV",
    b"%PDF": "a PDF file",
    b"version https://git-lfs": "a pointer of Git LFS; run `git lfs pull`",
    b"<": "HTML or XML; a download that needs a login often ends so",
    b"[{": "JSON; convert it to CSV",
    b"{": "JSON; convert it to CSV",
}
_TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".txt")
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    # Before UTF-16's, which begins alike.
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_WINDOWS = "cp1252"
# Text of another code page, such as Cyrillic or Polish, that is read as Windows-1252.
_NOT_WESTERN = re.compile(r"[^\x00-\x7f]{4}|[A-Za-z][¹³¿£¼¾¥¯][A-Za-z]")


@dataclass(frozen=True)
class TableContent:
    """A file that can be read several times.

    Attributes:
        path: of the file, for messages.
        data: what a pipe or a compressed file held; None for a file that is read from the disk.
        encoding: of its text.
        notes: what was assumed.
    """

    path: Path
    data: bytes | None
    encoding: str
    notes: tuple[str, ...]

    def open(self) -> TextIO:
        """Open the text from its beginning."""
        stream = _open(self.path, self.data)
        return io.TextIOWrapper(stream, encoding=self.encoding, newline="")

    def fingerprint(self) -> str:
        """Return a short stable hash of the content."""
        if self.data is None:
            return file_fingerprint(self.path)
        return hashlib.sha256(self.data).hexdigest()[:16]


def load_content(path: Path) -> TableContent:
    """Find out how a table's file is compressed and encoded.

    A pipe is read here, once and to its end.

    Raises:
        InputError: the file cannot be read, is of another format, or in an encoding that is not
            recognized.
    """
    notes: list[str] = []
    try:
        data = None if path.is_file() else path.read_bytes()
        head = _head(path, data)
        if decompress := _decompressor(head):
            data = decompress(path.read_bytes() if data is None else data)
        elif head.startswith(_PARQUET):
            data = _parquet_to_csv(path, data)
        elif head.startswith(_ZIP):
            data, member = _unzip(path, data)
            notes.append(f"{member} of the archive was read")
        if data is not None:
            head = data[:_HEAD_BYTES]
        _refuse_other_formats(path, head)
        encoding, note = _find_encoding(path, data, head)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{path}: expected a CSV file, received: {reason}") from error
    except RuntimeError as error:  # a password, an unknown method or version
        raise InputError(
            f"{path}: expected a zip archive that can be unpacked, received: {error}"
        ) from error
    except (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: expected a whole compressed file, received a damaged one: {error}"
        ) from error
    return TableContent(path, data, encoding, (*notes, *filter(None, [note])))


def _open(path: Path, data: bytes | None) -> BinaryIO:
    return path.open("rb") if data is None else io.BytesIO(data)


def _head(path: Path, data: bytes | None) -> bytes:
    with _open(path, data) as stream:
        return stream.read(_HEAD_BYTES)


def _decompressor(head: bytes) -> Callable[[bytes], bytes] | None:
    return next((unpack for magic, unpack in _DECOMPRESS.items() if head.startswith(magic)), None)


def _unzip(path: Path, data: bytes | None) -> tuple[bytes, str]:
    """Return the only table of an archive and its name; tracks.csv, if there are several."""
    with _open(path, data) as stream, zipfile.ZipFile(stream) as archive:
        names = archive.namelist()
        if {"xl/workbook.xml", "content.xml"} & set(names):
            raise InputError(
                f"{path}: expected CSV, received a spreadsheet; save it as 'CSV UTF-8'"
            )
        tables = [name for name in names if _is_table(PurePosixPath(name))]
        tracks = [name for name in tables if PurePosixPath(name).name == "tracks.csv"]
        chosen = tables if len(tables) == 1 else tracks
        if len(chosen) != 1:
            raise InputError(
                f"{path}: expected a zip archive with one CSV file, received one with "
                f"{', '.join(tables[:5]) or 'none'}; unpack it and give the file"
            )
        return archive.read(chosen[0]), chosen[0]


def _parquet_to_csv(path: Path, data: bytes | None) -> bytes:
    import pandas as pd  # takes a while, and a CSV file needs none

    try:
        with _open(path, data) as stream:
            table = pd.read_parquet(stream)
    except ImportError as error:
        raise InputError(
            f"{path}: expected CSV, received Parquet; `pip install 'songpop-tf[parquet]'` to read "
            "it, or save it as CSV"
        ) from error
    except (ValueError, OSError) as error:  # pyarrow's own errors are among them
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: expected a Parquet file, received: {reason}") from error
    return table.to_csv(index=False).encode()


def _is_table(name: PurePosixPath) -> bool:
    is_extra = name.name.startswith(".") or "__MACOSX" in name.parts
    return name.suffix.lower() in _TABLE_SUFFIXES and not is_extra


def _refuse_other_formats(path: Path, head: bytes) -> None:
    if head[257:262] == b"ustar":
        raise InputError(f"{path}: expected CSV, received a tar archive; unpack it")
    for magic, name in _OTHER_FORMATS.items():
        if head.lstrip().startswith(magic):
            raise InputError(f"{path}: expected CSV, received {name}")


def _find_encoding(path: Path, data: bytes | None, head: bytes) -> tuple[str, str]:
    """Return the encoding, and what to say about it."""
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            note = "" if encoding == "utf-8-sig" else f"read as {encoding.upper()}"
            return encoding, note
    if b"\0" in head:
        encoding = _utf16_byte_order(path, head)
        return encoding, f"read as {encoding.upper()}"
    if _is_utf8(path, data):
        return "utf-8", ""
    with _open(path, data) as stream:
        return _WINDOWS, _check_windows(path, stream.read())


def _utf16_byte_order(path: Path, head: bytes) -> str:
    """The encoding of Latin text in UTF-16, of which every other byte is 0."""
    even, odd = head[0::2], head[1::2]
    for encoding, high, low in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if high.count(0) > len(high) / 2 > low.count(0):
            return encoding
    raise InputError(f"{path}: expected CSV, received a file that is no text")


def _is_utf8(path: Path, data: bytes | None) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with _open(path, data) as stream:
        try:
            while chunk := stream.read(_CHUNK_BYTES):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _check_windows(path: Path, data: bytes) -> str:
    """Return the note on a text in Windows' code page for Western Europe.

    Raises:
        InputError: it is damaged UTF-8, or of another code page.
    """
    text = data.decode("utf-8", "replace")
    line = text.count("\n", 0, text.index("\ufffd")) + 1
    damaged, valid = text.count("\ufffd"), len(re.findall(r"[^\x00-\x7f\ufffd]", text))
    if valid > damaged:
        raise InputError(f"{path}: expected UTF-8, received damaged bytes in line {line}")
    western = data.decode(_WINDOWS, "replace")
    if "\ufffd" in western or _NOT_WESTERN.search(western):
        raise InputError(
            f"{path}: expected UTF-8 or Windows-1252, received another encoding in line {line}; "
            "save it as 'CSV UTF-8'"
        )
    found = re.search(r"\w*[^\x00-\x7f]\w*", western)
    example = found.group() if found else ""
    return f"read as Windows-1252, such as {example!r}; if that is wrong, save it as 'CSV UTF-8'"
