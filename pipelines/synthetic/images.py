"""Write one spectrogram; the part that runs in the worker processes."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from pipelines.synthetic.render import render
from pipelines.synthetic.song_attributes import AudioAttributes

# Noise hardly compresses: a higher level costs time and saves nothing.
PNG_COMPRESSION = 1


def write_image(
    path: Path, attributes: AudioAttributes, columns: int, entropy: tuple[int, ...]
) -> None:
    """Draw a song and write it atomically as an 8-bit grayscale PNG.

    Args:
        path: the file to write, in an existing directory.
        attributes: of the song.
        columns: width of the image.
        entropy: seed of the song's generator; the last number is unique in the sample.
    """
    rng = np.random.default_rng(np.random.SeedSequence(entropy))
    # The same name for every attempt at this song, so that the partial file of a killed process is
    # overwritten.
    temporary = path.with_name(f".{entropy[-1]}.partial")
    with temporary.open("wb") as file:
        Image.fromarray(render(attributes, columns, rng)).save(
            file, format="PNG", compress_level=PNG_COMPRESSION
        )
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
