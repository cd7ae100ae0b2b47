"""Broken files of every kind that people have: each is named, and harms nothing beside it."""
