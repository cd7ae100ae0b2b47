"""Limits that need no TensorFlow."""

FIRST_YEAR = 1900
LAST_YEAR = 2100
UNKNOWN_YEAR = 0
"""Placeholder for an unknown year."""
HISTORY_LENGTH = 32
"""Songs of an artist's history that the model reads; a longer one is sampled evenly over time."""
