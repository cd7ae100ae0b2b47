"""From files to ``tf.data``: Kaggle layouts, linkage, splits, spectrograms, records, datasets."""
