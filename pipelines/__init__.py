"""From source files to ``tf.data``: tables, record linkage, splits, spectrograms, datasets."""

from pipelines.keras_settings import apply_keras_settings

apply_keras_settings()
