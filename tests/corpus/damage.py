"""Damage that any file may suffer on its way."""

import io
import tarfile
import zipfile
from collections.abc import Mapping

import numpy as np

from tests.pipelines.images import encode_image, pixels

Files = dict[str, bytes]
"""Content of broken files by what is broken in them."""


def truncated(content: bytes, count: int) -> Files:
    """The file cut at evenly spread places, from one byte on."""
    sizes = np.linspace(1, len(content) - 1, count).astype(int)
    return {f"truncated_to_{size}_bytes": content[:size] for size in sizes.tolist()}


def bit_flipped(content: bytes, count: int, seed: int, rest: bytes = b"") -> Files:
    """One bit changed, at random places; the rest of the file is kept."""
    bits = 8 * len(content)
    places = np.random.default_rng(seed).choice(bits, min(count, bits), replace=False)
    return {f"bit_{bit}_flipped": flip_bit(content, bit) + rest for bit in sorted(places.tolist())}


def flip_bit(content: bytes, bit: int) -> bytes:
    """Change one bit."""
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def overwritten(content: bytes, count: int, seed: int) -> Files:
    """A run of 16 bytes replaced by random ones, as by a bad sector."""
    random = np.random.default_rng(seed)
    starts = max(1, len(content) - 16)
    places = random.choice(starts, min(count, starts), replace=False)
    return {
        f"overwritten_at_{at}": content[:at] + random.bytes(16) + content[at + 16 :]
        for at in sorted(places.tolist())
    }


def other_formats(seed: int) -> Files:
    """Files of other formats, renamed."""
    image = pixels(64, 80, seed)
    formats = ("JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO")
    pictures = {f"{name.lower()}_renamed": encode_image(image, name) for name in formats}
    return {**pictures, **archives(), **texts(seed)}


def archives() -> Files:
    """A zip and a tar archive of one text."""
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        # Not the name alone: the archive would hold the time of the test.
        archive.writestr(zipfile.ZipInfo("notes.txt"), "a text")
    with tarfile.open(fileobj=tarred, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("notes.txt"))
    return {"zip_renamed": zipped.getvalue(), "tar_renamed": tarred.getvalue()}


def texts(seed: int) -> Files:
    """Nothing, noise, and what a download leaves that went wrong."""
    return {
        "empty": b"",
        "one_byte": b"\x89",
        "zeros": bytes(5000),
        "noise": np.random.default_rng(seed).bytes(5000),
        "web_page": b"<!DOCTYPE html><html><body>Log in</body></html>",
        "git_lfs_pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
        "plain_text": b"not what you expect\n" * 50,
        "pdf_renamed": b"%PDF-1.7\n" + bytes(200),
        "svg_renamed": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
    }


def labelled(kind: str, files: Mapping[str, bytes]) -> Files:
    """The same files with what they were made from in front of their names."""
    return {f"{kind}_{name}": content for name, content in files.items()}
