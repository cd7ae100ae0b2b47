"""Conversion with Apache Beam: the same shards as without it, rejections, resuming."""

from operator import itemgetter
from pathlib import Path

import pytest

pytest.importorskip("apache_beam", reason="needs the extra [beam]")

import apache_beam as beam
import numpy as np
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.util import assert_that, equal_to
from scipy.io import wavfile

from pipelines import beam_shards
from pipelines.source_folders import SourceFolders
from pipelines.spectrograms.shards import Shard, plan_shards, write_shards
from tests.pipelines.images import pixels, write_png
from tests.pipelines.spectrograms.test_shards import song_table

pytestmark = pytest.mark.filterwarnings("default")  # Apache Beam's own warnings

# In this process: the default starts a server.
RUNNER = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
ARGUMENTS = [f"--runner={RUNNER}"]


FILES = ["0.png", "1.png", "2.png", "3.wav"]


def write_files(directory: Path) -> SourceFolders:
    """Write two spectrograms, a file that is none, and a sound."""
    images, sounds = directory / "images", directory / "sounds"
    for number in range(2):
        write_png(images / FILES[number], pixels(64, 100 + number, seed=number))
    (images / FILES[2]).write_bytes(b"no image")
    sounds.mkdir()
    noise = np.random.default_rng(0).normal(0, 3000, 48_000).astype("int16")
    wavfile.write(sounds / FILES[3], 24_000, noise)
    return SourceFolders(images, sounds)


@pytest.fixture
def folders(tmp_path: Path) -> SourceFolders:
    return write_files(tmp_path)


def plan(directory: Path) -> list[Shard]:
    """Two shards; the first one's song is rejected."""
    songs = song_table(["train", "train", "test", "train"])
    return plan_shards(songs.assign(file=FILES), directory)


def contents(directory: Path) -> dict[str, bytes]:
    files = (directory / "spectrograms").iterdir()
    return {file.name: file.read_bytes() for file in files}


def test_shards_and_rejections_equal_the_local_ones(tmp_path: Path, folders: SourceFolders) -> None:
    local = write_shards(plan(tmp_path / "local"), folders, lambda _: None)
    counts: list[int] = []
    rejections = beam_shards.write_shards(
        plan(tmp_path / "beam"), folders, counts.append, ARGUMENTS, tmp_path
    )
    assert rejections == local
    assert "expected a PNG file" in rejections["2.png"]
    assert counts == [0, 4]
    assert contents(tmp_path / "beam") == contents(tmp_path / "local")


def test_only_unfinished_shards_are_written(tmp_path: Path, folders: SourceFolders) -> None:
    shards = plan(tmp_path)
    rejections = beam_shards.write_shards(shards, folders, lambda _: None, ARGUMENTS, tmp_path)
    expected = contents(tmp_path)
    shards[0].path.unlink()
    shards[0].rejections_path.unlink()
    unchanged = shards[1].path.stat().st_mtime_ns
    counts: list[int] = []
    assert (
        beam_shards.write_shards(shards, folders, counts.append, ARGUMENTS, tmp_path) == rejections
    )
    assert counts == [3, 1]
    assert contents(tmp_path) == expected
    assert shards[1].path.stat().st_mtime_ns == unchanged


def test_songs_are_counted_and_rejected_ones_returned(
    tmp_path: Path, folders: SourceFolders
) -> None:
    pipeline = beam.Pipeline(options=PipelineOptions(ARGUMENTS))
    rejected = beam_shards.convert(pipeline, plan(tmp_path), folders, ARGUMENTS)
    assert_that(rejected | beam.Map(itemgetter(0)), equal_to(["2.png"]))
    result = pipeline.run()
    result.wait_until_finish()
    counters = result.metrics().query()["counters"]
    counts = {
        counter.key.metric.name: counter.committed
        for counter in counters
        if counter.key.metric.namespace == "songpop_tf"
    }
    assert counts == {"read": 4, "rejected": 1, "written": 3}
