"""Say which images were probably resized: the models read the width of others as their length."""

from collections.abc import Iterable
from pathlib import Path

COLUMNS_PER_SECOND = 200
RESIZED_COLUMNS = 1024
"""Columns of the study's own images, to which songs of any length were resized. The models take
them as images of unknown length (`pipelines.spectrograms.loading.file_inputs`)."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SIZE_BYTES = slice(16, 24)


class ResizedImages:
    """Counts images that were probably resized, and keeps the first one."""

    def __init__(self) -> None:
        self.count = 0
        self.first: Path | None = None

    def check(self, path: Path) -> None:
        """Count a PNG file if its size is one that no song has; other files are passed over."""
        if is_probably_resized(path):
            self.count += 1
            self.first = self.first or path

    @property
    def warning(self) -> str:
        """One line about the images that were counted; "" if there are none."""
        if self.first is None:
            return ""
        rows, columns = _size(self.first)
        others = f" and {self.count - 1:,} other images are" if self.count > 1 else " is"
        consequence = (
            "they are taken as songs of unknown length, and predictions from them are less accurate"
            if columns == RESIZED_COLUMNS
            else "the models read the width as the song's length, so that predictions from resized "
            "images are unreliable"
        )
        return (
            f"{self.first}{others} probably resized: expected {COLUMNS_PER_SECOND} columns a "
            f"second, received {rows} x {columns}, which is {columns / COLUMNS_PER_SECOND:.1f} "
            f"seconds; {consequence}"
        )


def resized_warning(paths: Iterable[Path]) -> str:
    """Say in one line if some of the PNG files were probably resized; else ""."""
    images = ResizedImages()
    for path in paths:
        images.check(path)
    return images.warning


def is_probably_resized(path: Path) -> bool:
    """Whether an image has exactly 1,024 columns, or is no wider than high, as no song is."""
    rows, columns = _size(path)
    return columns == RESIZED_COLUMNS or 0 < columns <= rows


def _size(path: Path) -> tuple[int, int]:
    """Rows and columns in a PNG file's header; zeros for another file."""
    with path.open("rb") as file:
        header = file.read(_SIZE_BYTES.stop)
    if not header.startswith(_PNG_SIGNATURE) or len(header) < _SIZE_BYTES.stop:
        return 0, 0
    size = header[_SIZE_BYTES]
    return int.from_bytes(size[4:], "big"), int.from_bytes(size[:4], "big")
