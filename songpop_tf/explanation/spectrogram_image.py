"""A spectrogram as a colored image, without the parts of Matplotlib that take long to import."""

import io

import matplotlib as mpl
import numpy as np
from PIL import Image

_MAX_COLUMNS = 2000


def spectrogram_image(png: bytes) -> Image.Image:
    """Color a spectrogram and reduce it to at most 2,000 columns.

    Args:
        png: bytes of its PNG file.
    """
    with Image.open(io.BytesIO(png)) as file:
        gray = file.convert("L")
    if gray.width > _MAX_COLUMNS:
        gray = gray.resize((_MAX_COLUMNS, gray.height), Image.Resampling.BOX)
    # The square root makes dark pixels visible.
    levels = np.sqrt(np.asarray(gray, "float32"))
    colors = mpl.colormaps["magma"](levels / max(float(levels.max()), 1.0), bytes=True)
    return Image.fromarray(colors[..., :3])
