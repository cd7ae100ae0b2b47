"""Predict how popular a song will be from its spectrogram and its metadata."""

# Importing it applies the settings of Keras, which must precede `import keras` in any submodule.
import pipelines  # noqa: F401

__version__ = "0.2.0"
