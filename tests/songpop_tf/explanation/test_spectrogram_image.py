"""A spectrogram as a colored image."""

import subprocess
import sys

import numpy as np

from songpop_tf.explanation.spectrogram_image import spectrogram_image
from tests.pipelines.images import encode_image


def test_long_spectrogram_is_reduced_and_brighter_pixels_have_brighter_colors() -> None:
    gray = np.zeros((8, 6000), "uint8")
    gray[4:] = 200
    image = np.asarray(spectrogram_image(encode_image(gray)))
    assert image.shape == (8, 2000, 3)
    assert image[0].sum(axis=-1).max() < 30
    assert image[-1].sum(axis=-1).min() > 600


def test_page_imports_none_of_matplotlibs_figures() -> None:
    code = "import sys, songpop_tf.explanation.page; sys.exit('matplotlib.figure' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
