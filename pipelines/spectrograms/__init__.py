"""Load, resize, augment and store spectrograms."""
