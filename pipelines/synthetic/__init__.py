"""Generate synthetic data in the layouts of the two Kaggle data sets: invented or real songs."""

from pipelines.synthetic.catalog import TRACKS_PER_SONG
from pipelines.synthetic.song_attributes import AudioAttributes
from pipelines.synthetic.synthesizer import synthesize
from pipelines.synthetic.write_sample import (
    AUDIO_DIRECTORY,
    BEST_PREDICTIONS,
    SampleSummary,
    write_sample,
)

__all__ = [
    "AUDIO_DIRECTORY",
    "BEST_PREDICTIONS",
    "TRACKS_PER_SONG",
    "AudioAttributes",
    "SampleSummary",
    "synthesize",
    "write_sample",
]
