"""Metrics, baselines, report and figures of a training run."""
