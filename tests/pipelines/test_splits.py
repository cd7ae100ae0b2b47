"""Splits: nothing stands on two sides, the seed decides, and too little data is told."""

from typing import get_args

import numpy as np
import pandas as pd
import pytest

from pipelines.errors import InputError
from pipelines.songs import credited_names, song_groups
from pipelines.splits import split_metadata, split_songs
from songpop_tf.config import SplitProtocol

PROTOCOLS = get_args(SplitProtocol)


def table(count: int, seed: int = 0, artists: int = 120) -> pd.DataFrame:
    """Songs of random artists, one in five a duo, some of them twice, 1960-2019."""
    generator = np.random.default_rng(seed)
    singers = [f"Singer {number}x" for number in range(artists)]
    credits: list[tuple[str, ...]] = []
    for _ in range(count):
        one, other = generator.choice(singers, 2)
        if generator.random() < 0.9:
            credits.append((one,))
        else:
            credits.append((f"{one} & {other}",) if generator.random() < 0.5 else (one, other))
    titles = [f"Title {generator.integers(count)}y" for _ in range(count)]
    years = generator.integers(1960, 2020, count)
    return pd.DataFrame({"title": titles, "artists": credits, "year": years})


def names_on(rows: pd.DataFrame, split: pd.Series, side: str) -> set[str]:
    return {
        name for artists in rows.loc[split == side, "artists"] for name in credited_names(artists)
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_songs_are_dealt_in_the_shares_asked_for(protocol: SplitProtocol) -> None:
    songs = table(1_000, artists=600)
    split = split_songs(songs, protocol, seed=1, validation=0.15, test=0.1)
    assert split.index.equals(songs.index)
    assert split.value_counts()["test"] == pytest.approx(100, abs=15)
    assert split.value_counts()["validation"] == pytest.approx(150, abs=15)
    assert set(split) - {""} == {"train", "validation", "test"}
    assert ("" in set(split)) == (protocol == "artist")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_split_depends_on_the_seed_and_not_on_the_order(protocol: SplitProtocol) -> None:
    songs = table(600, artists=400)
    metadata = table(900, seed=5, artists=700)
    split = split_songs(songs, protocol, 1, 0.15, 0.15)
    dealt = split_metadata(metadata, songs.assign(split=split), protocol, 1, 0.1)
    mixed, mixed_metadata = songs.sample(frac=1, random_state=3), metadata.iloc[::-1]
    again = split_songs(mixed, protocol, 1, 0.15, 0.15)
    dealt_again = split_metadata(mixed_metadata, mixed.assign(split=again), protocol, 1, 0.1)
    assert again.reindex(songs.index).equals(split)
    assert dealt_again.reindex(metadata.index).equals(dealt)
    if protocol != "time":
        assert not split_songs(songs, protocol, 2, 0.15, 0.15).equals(split)


def test_random_keeps_the_versions_of_a_song_together() -> None:
    songs = pd.concat([table(300), table(300).assign(year=2000)], ignore_index=True)
    songs.loc[300:, "title"] += " - Live"
    split = split_songs(songs, "random", 0, 0.2, 0.2)
    assert split.groupby(song_groups(songs)).nunique().max() == 1
    metadata = pd.concat([table(400, 7), table(400, 7)], ignore_index=True)
    dealt = split_metadata(metadata, songs.assign(split=split), "random", 0, 0.1)
    assert dealt.groupby(song_groups(metadata)).nunique().max() == 1
    assert dealt.value_counts().to_dict() == {"train": 720, "validation": 80}


def test_artist_keeps_every_credited_artist_on_one_side() -> None:
    songs, metadata = table(800, artists=600), table(2_000, seed=4, artists=1_500)
    split = split_songs(songs, "artist", 0, 0.15, 0.15)
    dealt = split_metadata(metadata, songs.assign(split=split), "artist", 0, 0.1)
    train = names_on(songs, split, "train") | names_on(metadata, dealt, "train")
    validation = names_on(songs, split, "validation") | names_on(metadata, dealt, "validation")
    test = names_on(songs, split, "test")
    assert not train & validation
    assert not train & test
    assert not validation & test
    assert {"train", "validation", "test", ""} == set(dealt)


def test_a_metadata_row_takes_the_side_of_its_artist() -> None:
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
    dealt = split_metadata(metadata, songs, "artist", 0, 0.1).to_list()
    assert dealt[:7] == ["train", "validation", "test", "test", "", "", "validation"]
    assert dealt[7:].count("validation") == 2


def test_artists_who_sing_together_are_tested_as_often_as_others() -> None:
    circle = [(f"Singer {number}x", f"Singer {number + 1}x") for number in range(500)]
    alone = [(f"Soloist {number}x",) for number in range(500)]
    songs = pd.DataFrame(
        {"title": [f"t{n}" for n in range(1_000)], "artists": circle + alone, "year": 2000}
    )
    split = split_songs(songs, "artist", 0, 0.2, 0.2)
    assert (split == "test").sum() == 200
    assert (split[:500] == "test").sum() == pytest.approx(100, abs=30)
    # Only who sang with someone held out cannot be trained on.
    assert set(split[500:]) == {"train", "validation", "test"}
    left_out = split[:500] == ""
    assert left_out.any()
    held_out = names_on(songs, split, "validation") | names_on(songs, split, "test")
    assert all(
        not held_out.isdisjoint(credited_names(circle[row])) for row in np.nonzero(left_out)[0]
    )


@pytest.mark.parametrize("guest_of", ["validation", "test"])
def test_a_training_song_with_a_guest_who_is_held_out_is_left_out(guest_of: str) -> None:
    alone = [(f"Singer {number}x",) for number in range(40)]
    songs = pd.DataFrame({"title": [f"t{n}" for n in range(40)], "artists": alone, "year": 2000})
    split = split_songs(songs, "artist", 0, 0.2, 0.2)
    host = songs[split == "train"].iloc[:1]
    guest = songs["artists"][split == guest_of].iloc[0][0]
    duet = host.assign(title="duet", artists=[(f"{host.artists.iloc[0][0]} feat. {guest}",)])
    again = split_songs(pd.concat([songs, duet], ignore_index=True), "artist", 0, 0.2, 0.2)
    assert again[40] == ""
    assert again[:40].equals(split)


def test_time_holds_out_the_newest_and_keeps_years_together() -> None:
    songs = table(500)
    split = split_songs(songs, "time", 0, 0.15, 0.15)
    years = songs["year"].groupby(split)
    assert years.max()["train"] < years.min()["validation"]
    assert years.max()["validation"] < years.min()["test"]
    last_trained, last_validated = years.max()["train"], years.max()["validation"]
    newest = [0, 1960, last_trained, last_trained + 1, last_validated, last_validated + 1]
    metadata = table(len(newest)).assign(year=newest)
    dealt = split_metadata(metadata, songs.assign(split=split), "time", 0, 0.1)
    assert dealt.to_list() == ["", "train", "train", "validation", "validation", "test"]


@pytest.mark.parametrize(
    ("validation", "test"), [(0, 0.1), (0.1, 0), (0.5, 0.5), (-0.1, 0.5), (0.1, 1.5)]
)
def test_impossible_shares_are_refused(validation: float, test: float) -> None:
    with pytest.raises(InputError, match=f"received {validation} and {test}"):
        split_songs(table(100), "random", 0, validation, test)


def test_what_cannot_be_split_is_told() -> None:
    songs = table(100)
    with pytest.raises(InputError, match="received 'genre'"):
        split_songs(songs, "genre", 0, 0.1, 0.1)  # type: ignore[arg-type]
    one_artist = songs.assign(artists=[("Singer",)] * 100)
    with pytest.raises(InputError, match="100 songs split by artist gave 100 train, 0 validation"):
        split_songs(one_artist, "artist", 0, 0.1, 0.1)
    with pytest.raises(InputError, match="5 songs split by random gave"):
        split_songs(songs[:5], "random", 0, 0.1, 0.1)
    with pytest.raises(InputError, match="100 songs split by time gave"):
        split_songs(songs.assign(year=2000), "time", 0, 0.1, 0.1)
    with pytest.raises(InputError, match="100 have none"):
        split_songs(songs.assign(year=0), "time", 0, 0.1, 0.1)
    with pytest.raises(InputError, match="0 songs"):
        split_songs(songs[:0], "random", 0, 0.1, 0.1)
    dealt = songs.assign(split=split_songs(songs, "random", 0, 0.1, 0.1))
    with pytest.raises(InputError, match="validation share between 0 and 1, received 1"):
        split_metadata(songs, dealt, "random", 0, 1)
    with pytest.raises(InputError, match="3 rows of the large table split by random gave 1 train"):
        split_metadata(songs[:3], dealt, "random", 0, 0.1)
    with pytest.raises(InputError, match="rows of the large table split by artist"):
        split_metadata(songs[:0], dealt, "artist", 0, 0.1)
