"""From source files to ``tf.data``: tables, record linkage, splits, spectrograms, datasets."""
