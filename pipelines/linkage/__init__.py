"""Record linkage: which track belongs to which spectrogram, and which rows are one song."""
