"""Predict songs with a trained model: in this process, exported, or behind a server."""
