"""Predict how popular a song will be from its spectrogram and its metadata."""

__version__ = "0.2.0"
