"""What the text branch thinks of artists, for TensorBoard's Projector."""

from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from pipelines.files import write_atomically
from pipelines.metadata import MetadataReader
from pipelines.years import UNKNOWN_YEAR
from songpop_tf.board.events import replacing_writer
from songpop_tf.models.output import FEATURES, findings_of

MOST_ARTISTS = 2000
"""So many of the artists are shown, those with the most songs."""
TENSOR, METADATA, CONFIG = "tensor.tsv", "metadata.tsv", "projector_config.pbtxt"

_ABOUT = """\
**Projector** shows what the text branch thinks of {count:,} artists, those with the most songs
that it was trained on: its {features} features of each, with title and year unknown. Colour them by
mean popularity or by median year.
"""
_CONFIG = f"""\
embeddings {{
  tensor_name: "artists"
  tensor_path: "{TENSOR}"
  metadata_path: "{METADATA}"
}}
"""
_AT_ONCE = 1000


def write_artists(
    directory: Path, songs: pd.DataFrame, reader: MetadataReader, encoder: keras.Model
) -> None:
    """Write features and description of the most frequent artists as the Projector reads them.

    Args:
        directory: becomes a TensorBoard run of its own, with a text that says what is shown.
        songs: columns artist, popularity (0-100) and year (0 = unknown).
        reader: makes the encoder's inputs.
        encoder: has a layer ``features``.
    """
    artists = most_frequent(songs)
    features = _features(artists.artist, reader, encoder)
    with write_atomically(directory / TENSOR) as temporary:
        np.savetxt(temporary, features, fmt="%.5g", delimiter="\t")
    with write_atomically(directory / METADATA) as temporary:
        temporary.write_text(_table(artists))
    with write_atomically(directory / CONFIG) as temporary:
        temporary.write_text(_CONFIG)
    _write_about(directory, *features.shape)


def most_frequent(songs: pd.DataFrame) -> pd.DataFrame:
    """The artists with the most songs, most frequent first.

    Returns:
        Columns artist, songs, mean popularity (0-100) and median year (missing if no song has one).
    """
    named = songs[songs.artist != ""]
    known = named.assign(year=named.year.where(named.year != UNKNOWN_YEAR))
    artists = known.groupby("artist", as_index=False).agg(
        songs=("popularity", "size"), popularity=("popularity", "mean"), year=("year", "median")
    )
    first = artists.sort_values(["songs", "artist"], ascending=[False, True]).head(MOST_ARTISTS)
    return first.rename(columns={"popularity": "mean popularity", "year": "median year"})


def _features(
    artists: "pd.Series[str]", reader: MetadataReader, encoder: keras.Model
) -> npt.NDArray[np.float32]:
    """``(artists, features)``, with title and year unknown."""
    find = findings_of(encoder, FEATURES)
    found = []
    for first in range(0, len(artists), _AT_ONCE):
        names = tf.constant(artists[first : first + _AT_ONCE].to_numpy(object))
        unknown = tf.fill([len(names)], ""), tf.fill([len(names)], UNKNOWN_YEAR)
        found.append(find(reader(names, *unknown), training=False)[FEATURES].numpy())
    return np.concatenate(found)


def _table(artists: pd.DataFrame) -> str:
    """Tab-separated lines with a head; the Projector knows no quotes."""
    plain = artists.assign(artist=artists.artist.str.split().str.join(" "))
    rows = plain.round({"mean popularity": 1}).astype(object).fillna("")
    lines = [list(plain.columns), *rows.to_numpy().tolist()]
    return "".join("\t".join(map(str, line)) + "\n" for line in lines)


def _write_about(directory: Path, count: int, features: int) -> None:
    writer = replacing_writer(directory, ".about")
    with writer.as_default(0):
        tf.summary.text("artists", _ABOUT.format(count=count, features=features))
    writer.close()
