"""Prediction with Apache Beam: as by the predictor, each song for itself."""

from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("apache_beam", reason="needs the extra [beam]")

import apache_beam as beam
from apache_beam.ml.inference.base import RunInference
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.util import assert_that

from songpop_tf.serving.beam_inference import Result, SongModelHandler
from songpop_tf.serving.loading import load
from songpop_tf.serving.predictor import Prediction
from songpop_tf.serving.song import Song
from tests.pipelines.images import pixels, write_png
from tests.pipelines.test_beam_shards import ARGUMENTS

pytestmark = pytest.mark.filterwarnings("default")  # Apache Beam's own warnings


def test_songs_are_predicted_as_without_beam(tmp_path: Path) -> None:
    png, damaged = tmp_path / "song.png", tmp_path / "damaged.png"
    write_png(png, pixels(256, 3000))
    damaged.write_bytes(b"no image")
    songs = [Song("ABBA", "Waterloo", 1974), Song(year=1999, spectrogram=png)]
    bad = Song(title="Bad", spectrogram=damaged)
    expected = dict(zip(songs, load().predict_songs(songs), strict=True))

    def check(results: list[Result]) -> None:
        assert Counter(song for song, _ in results) == Counter([*songs, bad, bad])
        for song, result in results:
            if song == bad:
                assert "expected a PNG file" in str(result)
            else:
                assert isinstance(result, Prediction)
                assert result == pytest.approx(expected[song], abs=1e-3)

    with beam.Pipeline(options=PipelineOptions(ARGUMENTS)) as pipeline:
        created = pipeline | beam.Create([*songs, bad, bad])
        assert_that(created | RunInference(SongModelHandler()), check)
