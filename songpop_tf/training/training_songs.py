"""The songs that a configuration is trained on, and the preprocessor built from them."""

import pandas as pd

from pipelines.errors import InputError
from pipelines.metadata.preprocessor import MetadataPreprocessor
from pipelines.prepared_data import PreparedData
from pipelines.splits import TRAIN, VALIDATION
from songpop_tf.config import MetadataEncoderConfig
from songpop_tf.console import Console
from songpop_tf.training.configurations import Configuration
from songpop_tf.training.run import Run
from songpop_tf.training.text_branch import build_preprocessor


def training_songs(data: PreparedData, configuration: Configuration) -> pd.DataFrame:
    """The training songs of a configuration that reads metadata.

    Returns:
        The songs with spectrograms; for a pre-trained configuration, the pre-training set too.

    Raises:
        InputError: the pre-training set is needed and empty.
    """
    songs = data.songs_of(TRAIN)
    if not configuration.pretrained:
        return songs
    check_pretraining_set(data)
    return pd.concat([songs, data.metadata_of(TRAIN)], ignore_index=True)


def check_pretraining_set(data: PreparedData) -> None:
    """Check that the text branch has rows for pre-training and its validation.

    Raises:
        InputError: there are none.
    """
    if data.metadata_of(TRAIN).empty or data.metadata_of(VALIDATION).empty:
        raise InputError(
            "expected rows to pre-train the text branch on, received none besides the songs with "
            "spectrograms; prepare with a larger --tracks table, or train with --approach naive "
            "or --branch cnn"
        )


def load_or_build_preprocessor(
    configuration: Configuration,
    run: Run,
    data: PreparedData,
    config: MetadataEncoderConfig,
    console: Console,
) -> MetadataPreprocessor:
    """Load a configuration's preprocessor; build it from the training songs the first time."""
    directory = run.preprocessor_directory(configuration)
    if not MetadataPreprocessor.is_saved(directory):
        songs = training_songs(data, configuration)
        console.print(
            f"{configuration}: building vocabulary and artist histories from {len(songs):,} songs"
        )
        build_preprocessor(songs, config).save(directory)
    return MetadataPreprocessor.load(directory)
