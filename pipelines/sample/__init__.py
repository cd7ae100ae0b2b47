"""Samples in the layouts of the two Kaggle data sets, generated: invented songs or real rows."""

from pipelines.sample.catalogue import TRACKS_PER_SONG
from pipelines.sample.render import SoundTraits, render
from pipelines.sample.write import BEST_PREDICTIONS, SampleSummary, write_sample

__all__ = [
    "BEST_PREDICTIONS",
    "TRACKS_PER_SONG",
    "SampleSummary",
    "SoundTraits",
    "render",
    "write_sample",
]
