"""Constants of the popularity scale, 0-100 points."""

WITHIN_POINTS = 15.0
"""Largest absolute error in points that the metric ``within_15`` counts."""
