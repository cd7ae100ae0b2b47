"""The scale of popularity: 0-100 points."""

NEAR = 15.0
"""Points within which a prediction counts as near."""
