"""Options of a preparation for tests."""

from pathlib import Path

from pipelines.config import SplitConfig
from pipelines.prepare import PrepareOptions


def sample_options(sample: Path, split: SplitConfig | None = None) -> PrepareOptions:
    """Options that prepare a synthetic sample."""
    return PrepareOptions(sample / "spectrograms", [sample / "tracks.csv"], split or SplitConfig())
