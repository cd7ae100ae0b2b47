"""Write one spectrogram; the part that runs in the worker processes."""

import os
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

from pipelines.sample.render import render
from pipelines.sample.traits import SoundTraits

# Noise hardly compresses: more effort costs time and gains nothing.
PNG_COMPRESSION = 1


def write_image(path: Path, traits: SoundTraits, columns: int, entropy: tuple[int, ...]) -> None:
    """Draw a song and write it as a grayscale 8-bit PNG, whole or not at all.

    Args:
        path: the file to write, in a folder that exists.
        traits: what the song sounds like.
        columns: width of the image.
        entropy: seeds the song's generator; the last number tells the sample's songs apart.
    """
    rng = np.random.default_rng(np.random.SeedSequence(entropy))
    # The same name whenever this song is drawn, so that what a killed run left is overwritten.
    temporary = path.with_name(f".{entropy[-1]}.partial")
    with temporary.open("wb") as file:
        Image.fromarray(render(traits, columns, rng)).save(
            file, format="PNG", compress_level=PNG_COMPRESSION
        )
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def end_with_parent() -> None:
    """End this process as soon as the one that started it is gone, even if that was killed."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
