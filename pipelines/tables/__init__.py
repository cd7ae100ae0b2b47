"""Download and read the two Kaggle data sets: spectrogram files and track tables."""
