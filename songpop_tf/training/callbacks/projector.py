"""Artist embeddings for TensorBoard's Projector."""

from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from pipelines.constants import UNKNOWN_YEAR
from pipelines.io import write_atomically
from pipelines.metadata.preprocessor import MetadataPreprocessor
from songpop_tf.models.popularity_output import FEATURES, feature_extractor
from songpop_tf.training.callbacks.tensorboard_files import replacing_writer

MAX_ARTISTS = 2000
"""Artists shown: those with the most songs."""
TENSOR_FILE, METADATA_FILE, CONFIG_FILE = "tensor.tsv", "metadata.tsv", "projector_config.pbtxt"

_DESCRIPTION = """\
**Projector** shows the text branch's {features} features of {count:,} artists, those with the most
training songs, with title and year unknown. Color them by mean popularity or by median year.
"""
_CONFIG = f"""\
embeddings {{
  tensor_name: "artists"
  tensor_path: "{TENSOR_FILE}"
  metadata_path: "{METADATA_FILE}"
}}
"""
_BATCH_SIZE = 1000


class ArtistProjector(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Writes the features of the most frequent artists when training ends.

    Add it after `Checkpoint`, which restores the best weights first.

    Args:
        directory: becomes a TensorBoard run of its own.
        songs: the training songs; columns artist, popularity and year (0 = unknown).
        preprocessor: makes the encoder's inputs.
        encoder: a metadata encoder; None for the model that is trained. Give it where only a part
            of the encoder is trained.
    """

    def __init__(
        self,
        directory: Path,
        songs: pd.DataFrame,
        preprocessor: MetadataPreprocessor,
        encoder: keras.Model | None = None,
    ) -> None:
        super().__init__()
        self._directory = directory
        self._songs = songs
        self._preprocessor = preprocessor
        self._encoder = encoder

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        del logs
        artists = most_frequent_artists(self._songs)
        encoder = self.model if self._encoder is None else self._encoder
        features = _artist_features(artists.artist, self._preprocessor, encoder)
        with write_atomically(self._directory / TENSOR_FILE) as temporary:
            np.savetxt(temporary, features, fmt="%.5g", delimiter="\t")
        with write_atomically(self._directory / METADATA_FILE) as temporary:
            temporary.write_text(_tab_separated(artists))
        with write_atomically(self._directory / CONFIG_FILE) as temporary:
            temporary.write_text(_CONFIG, encoding="utf-8")
        _write_description(self._directory, *features.shape)


def most_frequent_artists(songs: pd.DataFrame) -> pd.DataFrame:
    """The artists with the most songs, most frequent first.

    Returns:
        Columns artist, songs, mean popularity (0-100) and median year (missing if no song has one).
    """
    named = songs[songs.artist != ""]
    known = named.assign(year=named.year.where(named.year != UNKNOWN_YEAR))
    artists = known.groupby("artist", as_index=False).agg(
        songs=("popularity", "size"), popularity=("popularity", "mean"), year=("year", "median")
    )
    first = artists.sort_values(["songs", "artist"], ascending=[False, True]).head(MAX_ARTISTS)
    return first.rename(columns={"popularity": "mean popularity", "year": "median year"})


def _artist_features(
    artists: "pd.Series[str]", preprocessor: MetadataPreprocessor, encoder: keras.Model
) -> npt.NDArray[np.float32]:
    """``(artists, features)``, with title and year unknown."""
    extractor = feature_extractor(encoder, FEATURES)
    batches = []
    for first in range(0, len(artists), _BATCH_SIZE):
        names = tf.constant(artists[first : first + _BATCH_SIZE].to_numpy(object))
        titles, years = tf.fill([len(names)], ""), tf.fill([len(names)], UNKNOWN_YEAR)
        inputs = preprocessor(names, titles, years)
        batches.append(extractor(inputs, training=False)[FEATURES].numpy())
    return np.concatenate(batches)


def _tab_separated(artists: pd.DataFrame) -> str:
    """Lines with a header; the Projector knows no quotes."""
    plain = artists.assign(artist=artists.artist.str.split().str.join(" "))
    rows = plain.round({"mean popularity": 1}).astype(object).to_numpy().tolist()
    cells = ([("" if pd.isna(cell) else str(cell)) for cell in row] for row in rows)
    return "".join("\t".join(line) + "\n" for line in [list(plain.columns), *cells])


def _write_description(directory: Path, count: int, features: int) -> None:
    writer = replacing_writer(directory, ".description")
    with writer.as_default(0):
        tf.summary.text("artists", _DESCRIPTION.format(count=count, features=features))
    writer.close()
