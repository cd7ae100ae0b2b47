"""Splits: no leaks between splits, reproducible by seed, errors for too little data."""

from typing import get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.config import SplitProtocol
from pipelines.errors import InputError
from pipelines.linkage.deduplication import credited_artist_keys, song_groups
from pipelines.splits import split_metadata, split_songs

PROTOCOLS = get_args(SplitProtocol)


def table(count: int, seed: int = 0, artists: int = 120) -> pd.DataFrame:
    """Songs of random artists, one in five a duo, some of them twice, 1960-2019."""
    generator = np.random.default_rng(seed)
    singers = [f"Singer {number}x" for number in range(artists)]
    credits: list[tuple[str, ...]] = []
    for _ in range(count):
        first, second = generator.choice(singers, 2)
        if generator.random() < 0.9:
            credits.append((first,))
        else:
            credits.append(
                (f"{first} & {second}",) if generator.random() < 0.5 else (first, second)
            )
    titles = [f"Title {generator.integers(count)}y" for _ in range(count)]
    years = generator.integers(1960, 2020, count)
    return pd.DataFrame({"title": titles, "artists": credits, "year": years})


def artists_of(rows: pd.DataFrame, splits: pd.Series, split: str) -> set[str]:
    return {
        name
        for artists in rows.loc[splits == split, "artists"]
        for name in credited_artist_keys(artists)
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_split_sizes_match_the_requested_fractions(protocol: SplitProtocol) -> None:
    songs = table(1_000, artists=600)
    split = split_songs(songs, protocol, seed=1, validation=0.15, test=0.1)
    assert split.index.equals(songs.index)
    assert split.value_counts()["test"] == pytest.approx(100, abs=15)
    assert split.value_counts()["validation"] == pytest.approx(150, abs=15)
    assert set(split) - {""} == {"train", "validation", "test"}
    assert ("" in set(split)) == (protocol == "artist")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_split_depends_on_the_seed_but_not_on_the_row_order(protocol: SplitProtocol) -> None:
    songs = table(600, artists=400)
    metadata = table(900, seed=5, artists=700)
    split = split_songs(songs, protocol, 1, 0.15, 0.15)
    metadata_split = split_metadata(metadata, songs.assign(split=split), protocol, 1, 0.1)
    mixed, mixed_metadata = songs.sample(frac=1, random_state=3), metadata.iloc[::-1]
    again = split_songs(mixed, protocol, 1, 0.15, 0.15)
    metadata_split_again = split_metadata(
        mixed_metadata, mixed.assign(split=again), protocol, 1, 0.1
    )
    assert again.reindex(songs.index).equals(split)
    assert metadata_split_again.reindex(metadata.index).equals(metadata_split)
    if protocol != "time":
        assert not split_songs(songs, protocol, 2, 0.15, 0.15).equals(split)


def test_random_split_keeps_the_versions_of_a_song_together() -> None:
    songs = pd.concat([table(300), table(300).assign(year=2000)], ignore_index=True)
    songs.loc[300:, "title"] += " - Live"
    split = split_songs(songs, "random", 0, 0.2, 0.2)
    assert split.groupby(song_groups(songs)).nunique().max() == 1
    metadata = pd.concat([table(400, 7), table(400, 7)], ignore_index=True)
    metadata_split = split_metadata(metadata, songs.assign(split=split), "random", 0, 0.1)
    assert metadata_split.groupby(song_groups(metadata)).nunique().max() == 1
    assert metadata_split.value_counts().to_dict() == {"train": 720, "validation": 80}


def test_artist_split_keeps_every_credited_artist_in_one_split() -> None:
    songs, metadata = table(800, artists=600), table(2_000, seed=4, artists=1_500)
    split = split_songs(songs, "artist", 0, 0.15, 0.15)
    metadata_split = split_metadata(metadata, songs.assign(split=split), "artist", 0, 0.1)
    train = artists_of(songs, split, "train") | artists_of(metadata, metadata_split, "train")
    validation = artists_of(songs, split, "validation") | artists_of(
        metadata, metadata_split, "validation"
    )
    test = artists_of(songs, split, "test")
    assert not train & validation
    assert not train & test
    assert not validation & test
    assert {"train", "validation", "test", ""} == set(metadata_split)


def test_metadata_row_belongs_to_the_split_of_its_artist() -> None:
    songs = pd.DataFrame(
        {
            "title": ["t"] * 6,
            "artists": [("A",), ("B",), ("C",), ("D",), ("E",), ("F",)],
            "year": 2000,
            "split": ["train", "train", "validation", "validation", "test", "test"],
        }
    )
    credits = [("A & Z",), ("C",), ("e",), ("Q feat. E",), ("A", "E"), ("Z", "C"), ("C", "D")]
    others = [(f"Other {number}x",) for number in range(20)]
    metadata = pd.DataFrame({"title": "u", "artists": credits + others, "year": 1990})
    metadata_split = split_metadata(metadata, songs, "artist", 0, 0.1).to_list()
    assert metadata_split[:7] == ["train", "validation", "test", "test", "", "", "validation"]
    assert metadata_split[7:].count("validation") == 2


def test_collaborating_artists_are_tested_as_often_as_others() -> None:
    duets = [(f"Singer {number}x", f"Singer {number + 1}x") for number in range(500)]
    solos = [(f"Soloist {number}x",) for number in range(500)]
    songs = pd.DataFrame(
        {"title": [f"t{n}" for n in range(1_000)], "artists": duets + solos, "year": 2000}
    )
    split = split_songs(songs, "artist", 0, 0.2, 0.2)
    assert (split == "test").sum() == 200
    assert (split[:500] == "test").sum() == pytest.approx(100, abs=30)
    # Only songs that credit a held-out artist are excluded from training.
    assert set(split[500:]) == {"train", "validation", "test"}
    excluded = split[:500] == ""
    assert excluded.any()
    held_out = artists_of(songs, split, "validation") | artists_of(songs, split, "test")
    assert all(
        not held_out.isdisjoint(credited_artist_keys(duets[row])) for row in np.nonzero(excluded)[0]
    )


@pytest.mark.parametrize("guest_of", ["validation", "test"])
def test_training_song_with_a_held_out_guest_is_excluded(guest_of: str) -> None:
    solos = [(f"Singer {number}x",) for number in range(40)]
    songs = pd.DataFrame({"title": [f"t{n}" for n in range(40)], "artists": solos, "year": 2000})
    split = split_songs(songs, "artist", 0, 0.2, 0.2)
    host = songs[split == "train"].iloc[:1]
    guest = songs["artists"][split == guest_of].iloc[0][0]
    duet = host.assign(title="duet", artists=[(f"{host.artists.iloc[0][0]} feat. {guest}",)])
    again = split_songs(pd.concat([songs, duet], ignore_index=True), "artist", 0, 0.2, 0.2)
    assert again[40] == ""
    assert again[:40].equals(split)


def test_time_split_holds_out_the_newest_and_keeps_years_together() -> None:
    songs = table(500)
    split = split_songs(songs, "time", 0, 0.15, 0.15)
    years = songs["year"].groupby(split)
    assert years.max()["train"] < years.min()["validation"]
    assert years.max()["validation"] < years.min()["test"]
    last_train, last_validation = years.max()["train"], years.max()["validation"]
    newest = [0, 1960, last_train, last_train + 1, last_validation, last_validation + 1]
    metadata = table(len(newest)).assign(year=newest)
    metadata_split = split_metadata(metadata, songs.assign(split=split), "time", 0, 0.1)
    assert metadata_split.to_list() == ["", "train", "train", "validation", "validation", "test"]


@pytest.mark.parametrize(
    ("validation", "test"), [(0, 0.1), (0.1, 0), (0.5, 0.5), (-0.1, 0.5), (0.1, 1.5)]
)
def test_invalid_fractions_are_refused(validation: float, test: float) -> None:
    with pytest.raises(InputError, match=f"received {validation} and {test}"):
        split_songs(table(100), "random", 0, validation, test)


def test_impossible_splits_are_refused() -> None:
    songs = table(100)
    with pytest.raises(InputError, match="received 'genre'"):
        split_songs(songs, "genre", 0, 0.1, 0.1)  # type: ignore[arg-type]
    one_artist = songs.assign(artists=[("Singer",)] * 100)
    with pytest.raises(
        InputError, match="100 songs split by artist: .*received 100 train, 0 validation"
    ):
        split_songs(one_artist, "artist", 0, 0.1, 0.1)
    with pytest.raises(InputError, match="5 songs split by random: expected"):
        split_songs(songs[:5], "random", 0, 0.1, 0.1)
    with pytest.raises(InputError, match="100 songs split by time: expected"):
        split_songs(songs.assign(year=2000), "time", 0, 0.1, 0.1)
    with pytest.raises(InputError, match="received 100 without a year"):
        split_songs(songs.assign(year=0), "time", 0, 0.1, 0.1)
    with pytest.raises(InputError, match="0 songs"):
        split_songs(songs[:0], "random", 0, 0.1, 0.1)
    songs_with_split = songs.assign(split=split_songs(songs, "random", 0, 0.1, 0.1))
    with pytest.raises(InputError, match="validation fraction between 0 and 1, received 1"):
        split_metadata(songs, songs_with_split, "random", 0, 1)
    with pytest.raises(
        InputError, match="3 rows of the pre-training set split by random: .*received 1 train"
    ):
        split_metadata(songs[:3], songs_with_split, "random", 0, 0.1)
    with pytest.raises(InputError, match="rows of the pre-training set split by artist"):
        split_metadata(songs[:0], songs_with_split, "artist", 0, 0.1)


@settings(max_examples=20)
@given(
    count=st.integers(60, 200),
    seed=st.integers(0, 2**32 - 1),
    protocol=st.sampled_from(PROTOCOLS),
    fraction=st.floats(0.1, 0.3),
)
def test_any_split_keeps_songs_artists_and_years_together(
    count: int, seed: int, protocol: SplitProtocol, fraction: float
) -> None:
    songs = table(count, seed, artists=count)
    splits = split_songs(songs, protocol, seed, fraction, fraction)
    shuffled = songs.sample(frac=1, random_state=seed)
    pd.testing.assert_series_equal(
        split_songs(shuffled, protocol, seed, fraction, fraction).sort_index(), splits
    )
    assert set(splits) <= {"train", "validation", "test", ""}
    if protocol == "time":
        years = songs.year.groupby(splits).agg(["min", "max"])
        assert years["max"].train < years["min"].validation
        assert years["max"].validation < years["min"].test
    if protocol == "artist":
        by_split = [artists_of(songs, splits, split) for split in ("train", "validation", "test")]
        assert sum(map(len, by_split)) == len(set().union(*by_split))
    if protocol == "random":
        assert (splits != "").all()
        assert splits.groupby(song_groups(songs)).nunique().max() == 1
