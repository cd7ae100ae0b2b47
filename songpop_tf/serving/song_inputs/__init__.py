"""Inputs of the networks for songs, with NumPy and the standard library only.

`songpop-tf export` copies this package beside networks for runtimes other than TensorFlow, which is
why its imports are relative.
"""

from .songs import SongInputs
from .spectrograms import spectrogram_inputs

__all__ = ["SongInputs", "spectrogram_inputs"]
