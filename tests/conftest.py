"""TensorFlow is imported before any test, without its start-up log."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
