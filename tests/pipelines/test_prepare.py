"""Preparation as a whole: what it writes, how it goes on, what it refuses."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from pipelines import shards as shards_module
from pipelines.errors import InputError
from pipelines.names import artist_names
from pipelines.prepare import PrepareOptions, prepare
from pipelines.prepared import PreparedData
from pipelines.records import count_records, parse_song
from pipelines.songs import same_song
from pipelines.sound import SOUND, on_one_scale
from pipelines.spectrogram import load_spectrogram, png_columns
from songpop_tf.config import SplitConfig, SplitProtocol
from tests.conftest import no_progress
from tests.pipelines.images import pixels, write_png

SPLITS = ("train", "validation", "test")


def options_for(sample: Path, **settings: float) -> PrepareOptions:
    return PrepareOptions(
        sample / "spectrograms", [sample / "tracks.csv"], SplitConfig(), **settings
    )


@pytest.fixture
def own_sample(sample: Path, tmp_path: Path) -> Path:
    """A copy of the sample that a test may damage."""
    return Path(shutil.copytree(sample, tmp_path / "sample"))


def test_tables_and_manifest_agree(data: PreparedData) -> None:
    counts = data.manifest["counts"]
    assert sum(counts["songs"].values()) == len(data.songs) == 48
    assert sum(counts["linkage"].values()) == 48
    assert data.songs.song_id.is_unique
    columns = {"song_id", "artist", "title", "year", "popularity", "split", "file", "match"}
    assert columns <= set(data.songs.columns)
    linkage = pd.read_csv(data.directory / "linkage.csv")
    assert len(linkage) == 48
    assert set(data.metadata.split) == {"train", "validation"}
    assert sum(shard["songs"] for shard in data.manifest["shards"]) == 48


def test_records_hold_the_songs_of_their_split_in_order(data: PreparedData, sample: Path) -> None:
    for split in SPLITS:
        records = tf.data.TFRecordDataset([str(path) for path in data.shards_of(split)])
        songs = data.songs_of(split)
        parsed = list(records.map(parse_song))
        assert [song["song_id"].numpy().decode() for song in parsed] == songs.song_id.tolist()
        assert [float(song["popularity"]) for song in parsed] == songs.popularity.tolist()
        png = (sample / "spectrograms" / songs.file.iloc[0]).read_bytes()
        expected = load_spectrogram(png).numpy().astype(int)
        assert np.abs(parsed[0]["spectrogram"].numpy() - expected).max() <= 1
        assert parsed[0]["columns"] == png_columns(png)
        np.testing.assert_array_equal(
            np.stack([song["sound"].numpy() for song in parsed]), on_one_scale(songs)
        )
        assert songs[list(SOUND)].notna().all(axis=None)


def test_the_large_set_holds_no_version_of_any_song(data: PreparedData) -> None:
    with_artists = [
        table.assign(artists=table.artist.map(lambda artist: tuple(artist.split(", "))))
        for table in (data.metadata, data.songs)
    ]
    assert not same_song(*with_artists).any()


def credited(songs: pd.DataFrame) -> set[str]:
    return {name for artist in songs.artist for name in artist_names(artist)}


@pytest.mark.parametrize("protocol", ["artist", "time"])
def test_other_protocols(sample: Path, tmp_path: Path, protocol: SplitProtocol) -> None:
    split = SplitConfig(protocol=protocol, seed=2)
    made = prepare(
        PrepareOptions(sample / "spectrograms", [sample / "tracks.csv"], split),
        tmp_path / "data",
        no_progress,
    )
    songs, large = made.songs, made.metadata_of("train")
    if protocol == "time":
        years = songs.groupby("split").year.agg(["min", "max"])
        assert years["max"].train < years["min"].validation
        assert years["max"].validation < years["min"].test
        assert large.year.max() <= years["max"].train
        return
    sides = {split: credited(songs[songs.split == split]) for split in SPLITS}
    for one, other in (("train", "test"), ("train", "validation"), ("validation", "test")):
        assert not sides[one] & sides[other]
    assert not credited(large) & (sides["validation"] | sides["test"])
    quarantine = pd.read_csv(made.directory / "quarantine.csv")
    left_out = quarantine[(quarantine.kind == "held_out") & (quarantine.row == 0)]
    assert len(left_out) > 0
    assert set(left_out.reason) == {"it credits artists of several sides of the split"}
    assert len(songs) + len(left_out) == 48
    assert not set(songs.file) & set(left_out.file)


def test_a_finished_preparation_is_not_done_again(
    data: PreparedData, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards_module, "load_spectrogram", pytest.fail)
    again = prepare(options_for(sample), data.directory, no_progress)
    assert again.manifest == data.manifest


def test_an_interrupted_preparation_keeps_its_finished_shards(
    sample: Path, data: PreparedData, tmp_path: Path
) -> None:
    directory = tmp_path / "data"

    def stop_at_first_shard(what: str, done: int, total: int) -> None:
        if what.startswith("shrinking") and done > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(options_for(sample), directory, stop_at_first_shard)
    finished = list(directory.glob("spectrograms/*.tfrecord"))
    assert len(finished) == 1
    with pytest.raises(InputError, match="expected prepared data"):
        PreparedData.open(directory)
    written = finished[0].stat().st_mtime_ns
    made = prepare(options_for(sample), directory, no_progress)
    assert finished[0].stat().st_mtime_ns == written
    assert not list(directory.rglob("*.tmp*"))
    for shard in made.manifest["shards"]:
        ours, theirs = directory / shard["file"], data.directory / shard["file"]
        assert ours.read_bytes() == theirs.read_bytes()


def test_a_record_has_the_same_bytes_in_every_process(data: PreparedData) -> None:
    record = next(tf.data.TFRecordDataset(str(data.shards_of("train")[0])).as_numpy_iterator())
    names = sorted(tf.train.Example.FromString(record).features.feature)
    places = [record.index(b"\n" + bytes([len(name)]) + name.encode()) for name in names]
    assert places == sorted(places), "in the order of their names, not in one by chance"


def test_other_inputs_do_not_mix_with_what_is_there(sample: Path, data: PreparedData) -> None:
    other = replace(options_for(sample), split=SplitConfig(seed=9))
    with pytest.raises(InputError, match="other inputs or settings"):
        prepare(other, data.directory, no_progress)


def test_a_folder_of_something_else_is_left_alone(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="found files of something else"):
        prepare(options_for(sample), tmp_path, no_progress)


def some_images(sample: Path, count: int) -> list[Path]:
    return sorted((sample / "spectrograms").rglob("*.png"))[:count]


def test_bad_images_are_rejected_with_their_reason(own_sample: Path, tmp_path: Path) -> None:
    damaged, small = some_images(own_sample, 2)
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:200] + bytes(100) + whole[300:])
    write_png(small, pixels(20, 300))
    made = prepare(options_for(own_sample), tmp_path / "data", no_progress)
    quarantine = pd.read_csv(made.directory / "quarantine.csv")
    reasons = quarantine[quarantine.kind == "invalid"].set_index("file").reason
    root = own_sample / "spectrograms"
    assert "can be decoded" in reasons[damaged.relative_to(root).as_posix()]
    assert "20 x 300" in reasons[small.relative_to(root).as_posix()]
    assert len(made.songs) == 46
    assert sum(count_records(path) for split in SPLITS for path in made.shards_of(split)) == 46


def test_too_many_bad_images_fail(own_sample: Path, tmp_path: Path) -> None:
    for path in some_images(own_sample, 3):
        path.write_bytes(b"no image")
    with pytest.raises(InputError, match="at most 5% bad images .* 3 of 48, the first: .*png"):
        prepare(options_for(own_sample), tmp_path / "data", no_progress)


def test_too_many_bad_rows_fail(own_sample: Path, tmp_path: Path) -> None:
    table = pd.read_csv(own_sample / "tracks.csv")
    table["popularity"] = table.popularity.where(table.index % 4 > 0, 101)
    table.to_csv(own_sample / "tracks.csv", index=False)
    with pytest.raises(InputError, match=r"bad rows.*the first: .*tracks.csv line 2: .*101"):
        prepare(options_for(own_sample), tmp_path / "data", no_progress)


def test_nothing_to_link_is_an_error_that_shows_an_example(tmp_path: Path) -> None:
    write_png(tmp_path / "images" / "1999" / "Nobody_-_Nothing.png", pixels(256, 64))
    (tmp_path / "tracks.csv").write_text(
        "name,popularity,artists,release_date\nDreams,80,['Fleetwood Mac'],1977\n"
    )
    options = PrepareOptions(tmp_path / "images", [tmp_path / "tracks.csv"], SplitConfig())
    with pytest.raises(InputError, match=r"found none.*Nobody_-_Nothing"):
        prepare(options, tmp_path / "data", no_progress)


def test_too_few_songs_for_a_split(tmp_path: Path) -> None:
    write_png(tmp_path / "images" / "1977" / "Fleetwood_Mac_-_Dreams.png", pixels(256, 64))
    (tmp_path / "tracks.csv").write_text(
        "name,popularity,artists,release_date\nDreams,80,['Fleetwood Mac'],1977\n"
    )
    options = PrepareOptions(tmp_path / "images", [tmp_path / "tracks.csv"], SplitConfig())
    with pytest.raises(InputError, match=r"1 song|too|need"):
        prepare(options, tmp_path / "data", no_progress)


def test_one_song_in_two_folders_is_one_song(own_sample: Path, tmp_path: Path) -> None:
    first = some_images(own_sample, 1)[0]
    other_year = own_sample / "spectrograms" / str(int(first.parent.name) + 1)
    other_year.mkdir(exist_ok=True)
    shutil.copy(first, other_year / first.name)
    made = prepare(options_for(own_sample), tmp_path / "data", no_progress)
    assert len(made.songs) == 48
    assert made.manifest["counts"]["quarantine"]["repeated"] == 1


def test_the_first_table_has_the_labels(sample: Path, tmp_path: Path) -> None:
    other = pd.read_csv(sample / "tracks.csv")
    other["popularity"] = 1
    other.to_csv(tmp_path / "other.csv", index=False)
    tables = [sample / "tracks.csv", tmp_path / "other.csv"]
    options = PrepareOptions(sample / "spectrograms", tables, SplitConfig())
    made = prepare(options, tmp_path / "data", no_progress)
    assert made.songs.popularity.mean() > 10
    assert made.metadata.source.eq(0).all()


def test_an_unknown_format_is_refused(data: PreparedData, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(InputError, match="expected format 2, received 99"):
        PreparedData.open(tmp_path)


def test_parts_and_subtitles_make_other_songs(sample: Path, tmp_path: Path) -> None:
    songs = ["Another Brick, Pt. 1", "Another Brick, Pt. 2", "Crazy (In Love)", "Crazy (For You)"]
    others = [f"Song Number {word}" for word in ("Red", "Blue", "Green", "Black", "White", "Gray")]
    rows = ["name,popularity,artists,release_date"]
    for place, title in enumerate([*songs, *others]):
        write_png(tmp_path / "images" / "1980" / f"Zed_-_{title}.png", pixels(256, 64, seed=place))
        rows.append(f"\"{title}\",{10 + place},['Zed'],1980")
    (tmp_path / "tracks.csv").write_text("\n".join(rows) + "\n")
    options = PrepareOptions(tmp_path / "images", [tmp_path / "tracks.csv"], SplitConfig())
    made = prepare(options, tmp_path / "data", no_progress)
    assert set(made.songs.title) == {*songs, *others}
    assert made.metadata.empty, "no large set is no error: the naive models need none"
    (tmp_path / "tracks.csv").write_text("\n".join([*rows, "Left,5,['Over'],1980"]) + "\n")
    made = prepare(options, tmp_path / "more", no_progress)
    assert made.metadata.empty
    quarantine = pd.read_csv(made.directory / "quarantine.csv")
    assert quarantine.reason.to_list() == ["too few rows besides the songs to pre-train on"]
    assert quarantine.row.to_list() == [len(rows) + 1]
