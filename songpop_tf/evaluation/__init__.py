"""Metrics, baselines, report, model card and figures of a training run."""
