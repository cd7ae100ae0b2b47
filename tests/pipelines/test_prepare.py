"""The whole preparation: its output, how it resumes, what it refuses."""

import shutil
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from pipelines import extras
from pipelines.config import SplitConfig, SplitProtocol
from pipelines.errors import InputError
from pipelines.linkage.deduplication import is_version_of_any
from pipelines.linkage.normalization import artist_names
from pipelines.prepare import PrepareOptions, prepare
from pipelines.prepared_data import PreparedData
from pipelines.remote_files import BUCKET_FILE
from pipelines.source_folders import to_folder
from pipelines.spectrograms import shards as shards_module
from pipelines.spectrograms.loading import load_spectrogram
from pipelines.spectrograms.tfrecords import count_records, parse_song
from pipelines.tables.audio_features import AUDIO_FEATURES, standardize_audio_features
from tests.conftest import no_progress
from tests.pipelines.images import pixels, write_png
from tests.pipelines.prepare_options import sample_options

SPLITS = ("train", "validation", "test")


@pytest.fixture
def own_sample(sample: Path, tmp_path: Path) -> Path:
    """A copy of the sample that a test may modify."""
    return Path(shutil.copytree(sample, tmp_path / "sample"))


def test_missing_beam_is_named_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "find_spec", {}.get)
    options = PrepareOptions(tmp_path / "missing", [], SplitConfig(), runner="DirectRunner")
    with pytest.raises(InputError, match=r"pip install 'songpop-tf\[beam\]'"):
        prepare(options, tmp_path / "data", no_progress)
    assert not (tmp_path / "data").exists()


def test_songs_of_a_bucket_need_a_runner(tmp_path: Path) -> None:
    options = PrepareOptions(to_folder("s3://songs"), [tmp_path / "tracks.csv"], SplitConfig())
    with pytest.raises(InputError, match="a runner of Apache Beam .* received s3://songs"):
        prepare(options, tmp_path / "data", no_progress)


def test_tables_and_results_are_on_this_machine(tmp_path: Path) -> None:
    for tracks, out in (("gs://a/tracks.csv", str(tmp_path)), ("tracks.csv", "s3://a/data")):
        options = PrepareOptions(tmp_path, [Path(tracks)], SplitConfig())
        with pytest.raises(InputError, match="of this machine, received an address"):
            prepare(options, out, no_progress)
    assert list(tmp_path.iterdir()) == []


def test_shards_in_a_bucket_need_a_runner(own_sample: Path, tmp_path: Path) -> None:
    options = sample_options(own_sample)
    finished = prepare(options, tmp_path / "data", no_progress).directory
    (finished / "manifest.json").unlink()
    (finished / BUCKET_FILE).write_text("gs://songs/temp/name")
    with pytest.raises(InputError, match="expected a runner .*gs://songs/temp/name, or no such"):
        prepare(options, finished, no_progress)


def test_tables_have_a_row_for_every_song(data: PreparedData) -> None:
    assert len(data.songs) == 48
    assert data.songs.song_id.is_unique
    columns = {"song_id", "artist", "title", "year", "popularity", "split", "file", "match"}
    assert columns <= set(data.songs.columns)
    linkage = pd.read_csv(data.directory / "linkage.csv")
    assert len(linkage) == 48
    assert set(data.metadata.split) == {"train", "validation"}


def test_records_have_the_songs_of_their_split_in_order(data: PreparedData, sample: Path) -> None:
    for split in SPLITS:
        records = tf.data.TFRecordDataset([str(path) for path in data.shards_of(split)])
        songs = data.songs_of(split)
        parsed = list(records.map(parse_song))
        assert [song["song_id"].numpy().decode() for song in parsed] == songs.song_id.tolist()
        assert [float(song["popularity"]) for song in parsed] == songs.popularity.tolist()
        png = (sample / "spectrograms" / songs.file.iloc[0]).read_bytes()
        expected = load_spectrogram(png)
        difference = parsed[0]["spectrogram"].numpy().astype(int) - expected["spectrogram"].numpy()
        assert np.abs(difference).max() <= 1
        assert parsed[0]["columns"] == expected["columns"]
        np.testing.assert_allclose(parsed[0]["statistics"], expected["statistics"], atol=1e-3)
        np.testing.assert_array_equal(
            np.stack([song["audio_features"].numpy() for song in parsed]),
            standardize_audio_features(songs),
        )
        assert songs[list(AUDIO_FEATURES)].notna().all(axis=None)


def test_pretraining_set_has_no_version_of_any_song(data: PreparedData) -> None:
    with_artists = [
        table.assign(artists=table.artist.map(lambda artist: tuple(artist.split(", "))))
        for table in (data.metadata, data.songs)
    ]
    assert not is_version_of_any(*with_artists).any()


def credited_artists(songs: pd.DataFrame) -> set[str]:
    return {name for artist in songs.artist for name in artist_names(artist)}


@pytest.mark.parametrize("protocol", ["artist", "time"])
def test_split_protocols_separate_songs_and_pretraining_set(
    sample: Path, tmp_path: Path, protocol: SplitProtocol
) -> None:
    split = SplitConfig(protocol=protocol, seed=2)
    data = prepare(sample_options(sample, split), tmp_path / "data", no_progress)
    songs, pretraining = data.songs, data.metadata_of("train")
    if protocol == "time":
        years = songs.groupby("split").year.agg(["min", "max"])
        assert years["max"].train < years["min"].validation
        assert years["max"].validation < years["min"].test
        assert pretraining.year.max() <= years["max"].train
        return
    artists = {split: credited_artists(songs[songs.split == split]) for split in SPLITS}
    for first, second in combinations(SPLITS, 2):
        assert not artists[first] & artists[second]
    assert not credited_artists(pretraining) & (artists["validation"] | artists["test"])
    quarantine = pd.read_csv(data.directory / "quarantine.csv")
    excluded = quarantine[(quarantine.kind == "held_out") & (quarantine.row == 0)]
    assert len(excluded) > 0
    assert set(excluded.reason) == {"credits artists of several splits"}
    assert len(songs) + len(excluded) == 48
    assert not set(songs.file) & set(excluded.file)


def test_finished_preparation_is_not_repeated(
    data: PreparedData, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards_module, "load_spectrogram", pytest.fail)
    again = prepare(sample_options(sample), data.directory, no_progress)
    assert again.manifest == data.manifest


def test_interrupted_preparation_resumes_after_its_finished_shards(
    sample: Path, data: PreparedData, tmp_path: Path
) -> None:
    directory = tmp_path / "data"

    def stop_at_first_shard(what: str, done: int, total: int) -> None:
        if what == "resizing spectrograms" and done > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(sample_options(sample), directory, stop_at_first_shard)
    finished = list(directory.glob("spectrograms/*.tfrecord"))
    assert len(finished) == 1
    with pytest.raises(InputError, match="expected prepared data"):
        PreparedData.open(directory)
    written = finished[0].stat().st_mtime_ns
    resumed = prepare(sample_options(sample), directory, no_progress)
    assert finished[0].stat().st_mtime_ns == written
    assert not list(directory.rglob("*.tmp*"))
    for shard in resumed.manifest["shards"]:
        resumed_bytes = (directory / shard["file"]).read_bytes()
        assert resumed_bytes == (data.directory / shard["file"]).read_bytes()


def test_record_has_the_same_bytes_in_every_process(data: PreparedData) -> None:
    record = next(tf.data.TFRecordDataset(str(data.shards_of("train")[0])).as_numpy_iterator())
    names = sorted(tf.train.Example.FromString(record).features.feature)
    offsets = [record.index(b"\n" + bytes([len(name)]) + name.encode()) for name in names]
    assert offsets == sorted(offsets), "expected the features in the order of their names"


def first_images(sample: Path, count: int) -> list[Path]:
    return sorted((sample / "spectrograms").rglob("*.png"))[:count]


def test_bad_images_are_rejected_with_their_reason(own_sample: Path, tmp_path: Path) -> None:
    damaged, small = first_images(own_sample, 2)
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:200] + bytes(100) + whole[300:])
    write_png(small, pixels(20, 300))
    data = prepare(sample_options(own_sample), tmp_path / "data", no_progress)
    quarantine = pd.read_csv(data.directory / "quarantine.csv")
    reasons = quarantine[quarantine.kind == "invalid"].set_index("file").reason
    root = own_sample / "spectrograms"
    assert "can be decoded" in reasons[damaged.relative_to(root).as_posix()]
    assert "20 x 300" in reasons[small.relative_to(root).as_posix()]
    assert len(data.songs) == 46
    assert sum(count_records(path) for split in SPLITS for path in data.shards_of(split)) == 46


def test_too_many_bad_images_fail(own_sample: Path, tmp_path: Path) -> None:
    for path in first_images(own_sample, 3):
        path.write_bytes(b"no image")
    with pytest.raises(InputError, match="at most 5% bad images .* 3 of 48, the first: .*png"):
        prepare(sample_options(own_sample), tmp_path / "data", no_progress)


def test_too_many_bad_rows_fail(own_sample: Path, tmp_path: Path) -> None:
    table = pd.read_csv(own_sample / "tracks.csv")
    table["popularity"] = table.popularity.where(table.index % 4 > 0, 101)
    table.to_csv(own_sample / "tracks.csv", index=False)
    with pytest.raises(InputError, match=r"bad rows.*the first: .*tracks.csv line 2: .*101"):
        prepare(sample_options(own_sample), tmp_path / "data", no_progress)


def test_no_linked_song_is_an_error_with_an_example(tmp_path: Path) -> None:
    write_png(tmp_path / "images" / "1999" / "Nobody_-_Nothing.png", pixels(256, 64))
    (tmp_path / "tracks.csv").write_text(
        "name,popularity,artists,release_date\nDreams,80,['Fleetwood Mac'],1977\n"
    )
    options = PrepareOptions(tmp_path / "images", [tmp_path / "tracks.csv"], SplitConfig())
    with pytest.raises(InputError, match=r"received none.*Nobody_-_Nothing"):
        prepare(options, tmp_path / "data", no_progress)


def test_too_few_songs_for_a_split_are_an_error(tmp_path: Path) -> None:
    write_png(tmp_path / "images" / "1977" / "Fleetwood_Mac_-_Dreams.png", pixels(256, 64))
    (tmp_path / "tracks.csv").write_text(
        "name,popularity,artists,release_date\nDreams,80,['Fleetwood Mac'],1977\n"
    )
    options = PrepareOptions(tmp_path / "images", [tmp_path / "tracks.csv"], SplitConfig())
    with pytest.raises(InputError, match=r"1 song|too|need"):
        prepare(options, tmp_path / "data", no_progress)


def test_song_in_two_folders_is_one_song(own_sample: Path, tmp_path: Path) -> None:
    first = first_images(own_sample, 1)[0]
    other_year = own_sample / "spectrograms" / str(int(first.parent.name) + 1)
    other_year.mkdir(exist_ok=True)
    shutil.copy(first, other_year / first.name)
    data = prepare(sample_options(own_sample), tmp_path / "data", no_progress)
    assert len(data.songs) == 48
    assert data.manifest["counts"]["quarantine"]["repeated"] == 1


def test_first_table_determines_the_labels(sample: Path, tmp_path: Path) -> None:
    other = pd.read_csv(sample / "tracks.csv")
    other["popularity"] = 1
    other.to_csv(tmp_path / "other.csv", index=False)
    tables = [sample / "tracks.csv", tmp_path / "other.csv"]
    options = PrepareOptions(sample / "spectrograms", tables, SplitConfig())
    data = prepare(options, tmp_path / "data", no_progress)
    assert data.songs.popularity.mean() > 10
    assert pd.read_csv(data.directory / "metadata.csv").source.eq(0).all()


def test_parts_and_subtitles_are_different_songs(sample: Path, tmp_path: Path) -> None:
    songs = ["Another Brick, Pt. 1", "Another Brick, Pt. 2", "Crazy (In Love)", "Crazy (For You)"]
    others = [f"Song Number {word}" for word in ("Red", "Blue", "Green", "Black", "White", "Gray")]
    rows = ["name,popularity,artists,release_date"]
    for index, title in enumerate([*songs, *others]):
        write_png(tmp_path / "images" / "1980" / f"Zed_-_{title}.png", pixels(256, 64, seed=index))
        rows.append(f"\"{title}\",{10 + index},['Zed'],1980")
    (tmp_path / "tracks.csv").write_text("\n".join(rows) + "\n")
    options = PrepareOptions(tmp_path / "images", [tmp_path / "tracks.csv"], SplitConfig())
    data = prepare(options, tmp_path / "data", no_progress)
    assert set(data.songs.title) == {*songs, *others}
    assert data.metadata.empty, "an empty pre-training set is valid: the naive models need none"
    (tmp_path / "tracks.csv").write_text("\n".join([*rows, "Left,5,['Over'],1980"]) + "\n")
    data = prepare(options, tmp_path / "more", no_progress)
    assert data.metadata.empty
    quarantine = pd.read_csv(data.directory / "quarantine.csv")
    assert quarantine.reason.to_list() == ["too few rows besides the songs to pre-train on"]
    assert quarantine.row.to_list() == [len(rows) + 1]


def test_assumptions_about_a_table_are_said_and_kept(own_sample: Path, tmp_path: Path) -> None:
    table = pd.read_csv(own_sample / "tracks.csv", keep_default_na=False)
    table.rename(columns={"name": "track_name"}).to_csv(
        own_sample / "tracks.csv", sep=";", encoding="utf-16", index=False
    )
    said: list[str] = []
    data = prepare(sample_options(own_sample), tmp_path / "data", no_progress, said.append)
    assert len(data.songs) == 48
    assert data.manifest["sources"]["assumptions"] == said
    assert [word in " ".join(said) for word in ("UTF-16", "semicolons", "track_name as name")] == [
        True
    ] * 3
