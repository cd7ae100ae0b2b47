"""The valid range of years."""

FIRST_YEAR = 1900
LAST_YEAR = 2100
UNKNOWN_YEAR = 0
"""Placeholder for an unknown year."""
