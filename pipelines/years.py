"""The years that the program knows."""

FIRST_YEAR = 1900
LAST_YEAR = 2100
UNKNOWN_YEAR = 0
"""Stands for a year that is not known."""
