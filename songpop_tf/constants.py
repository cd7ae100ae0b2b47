"""Constants of the popularity scale, 0-100 points, and names of files."""

WITHIN_POINTS = 15.0
"""Largest absolute error in points that the metric ``within_15`` counts."""

MODEL_CARD_FILE = "model_card.md"
"""In a run that is evaluated, and in its exports."""
REPORT_FILE = "report.md"
"""In a run that is evaluated."""
