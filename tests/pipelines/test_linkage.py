"""Record linkage: hard spellings that must link, and look-alikes that must not."""

import time
import unicodedata

import numpy as np
import pandas as pd
import pytest

from pipelines.linkage import (
    EXACT,
    FUZZY,
    NORMALISED,
    SUBTITLE,
    UNMATCHED,
    link,
)
from pipelines.songs import same_song, song_groups

Row = tuple[str, str, int]


def tracks_of(*rows: Row, popularity: float = 50.0) -> pd.DataFrame:
    """Tracks of (artists joined by ';', title, year); the index is not the position."""
    artists = [tuple(artist.split(";")) for artist, _, _ in rows]
    return pd.DataFrame(
        {
            "title": [title for _, title, _ in rows],
            "artist": [", ".join(names) for names in artists],
            "artists": artists,
            "year": [year for _, _, year in rows],
            "popularity": popularity,
            "source": 0,
        },
        index=pd.RangeIndex(100, 100 + len(rows)),
    )


def files_of(*names: str, year: int = 1970) -> pd.DataFrame:
    return pd.DataFrame({"file": [f"{year}/{n}.png" for n in names], "year": year, "name": names})


def link_one(name: str, artist: str, title: str, year: int = 1970) -> pd.Series:
    decoys = [("Somebody Else", title, 1970), ("Another Band", "Another Song", 1970)]
    return link(files_of(name), tracks_of((artist, title, year), *decoys)).iloc[0]


@pytest.mark.parametrize(
    ("name", "artist", "title", "kind"),
    [
        ("Cher - Believe", "Cher", "Believe", EXACT),
        ("Drake - One Dance", "Wizkid;Drake", "One Dance", EXACT),
        ("The Beatles - Hey Jude", "Beatles", "Hey Jude - Remastered 2015", NORMALISED),
        ("Beyonce - Deja Vu", "Beyoncé", "Déjà Vu (feat. JAY-Z)", NORMALISED),
        ("Drake Feat. Rihanna - Too Good", "Drake;Rihanna", "Too Good", NORMALISED),
        ("Zedd & Foxes - Clarity", "Zedd", "Clarity (feat. Foxes)", NORMALISED),
        ("Kool And The Gang - Cherish", "Kool & The Gang", "Cherish", NORMALISED),
        ("Dont Know - Cant Wait", "Don’t Know", "Can't Wait", NORMALISED),
        ("AC DC - T.N.T.", "AC/DC", "TNT", NORMALISED),
        ("'N Sync - Bye Bye Bye", "*NSYNC", "Bye, Bye, Bye", NORMALISED),
        ("Ini - Hotstepper (From  Ready )", "Ini", "Hotstepper", NORMALISED),
        ("Prince And The Revolution - Kiss", "Prince", "Kiss", NORMALISED),
        ("Four Tops - Letter", "The Four Tops", "The Letter", NORMALISED),
        ("A Flock - Bag (Part I)", "A Flock", "Bag", SUBTITLE),
        ("Powfu - Death Bed", "Powfu", "death bed (coffee for your head)", SUBTITLE),
        ("Stevie Nicks - Edge (Like A Dove)", "Stevie Nicks", "Edge - 2016 Remaster", SUBTITLE),
        (
            "Johnny Rivers - Baby I Need Your Lovin'",
            "Johnny Rivers",
            "Baby I Need Your Loving",
            FUZZY,
        ),
        ("Rick Nelson - Garden Party", "Ricky Nelson", "Garden Party", FUZZY),
        ("John Cougar - Jack And Diane", "John Cougar Mellencamp", "Jack & Diane", FUZZY),
        ("Rhythm Syndicate - Passion", "Rythm Syndicate", "Passion", FUZZY),
        ("Johnny Horton - Sink The Bismark", "Johnny Horton", "Sink The Bismarck", FUZZY),
    ],
)
def test_spellings_that_link(name: str, artist: str, title: str, kind: str) -> None:
    found = link_one(name, artist, title)
    assert (found["kind"], found["track"]) == (kind, 100), found["reason"]
    assert found["matched_title"] == title
    assert 80 < found["score"] <= 100


@pytest.mark.parametrize(
    ("name", "artist", "title"),
    [
        ("Aretha Franklin - Respect", "Otis Redding", "Respect"),
        ("A Flock - Song Part 1", "A Flock", "Song Part 2"),
        ("A Flock - Song - Part 2", "A Flock", "Song"),
        ("Elvis Presley - Love Me", "Elvis Presley", "Love Me Do"),
        ("A Flock - Mambo No. 5", "A Flock", "Mambo No. 6"),
        ("A Flock - He's So Fine", "A Flock", "She's So Fine"),
        ("A Flock - Love Song For You", "A Flock", "Love Song For Me"),
        ("A Flock - Love Is (First)", "A Flock", "Love Is (Second)"),
        ("A Flock - Ignition", "A Flock", "Ignition (Remix)"),
        ("A Flock - Ignition", "A Flock", "Ignition - Live at Home"),
        ("Elvis Presley - Surrender", "Elvis Presley Tribute Band", "Surrender"),
        ("Drake - The Motto", "Drake", "The Motion"),
        ("A feat. Nas - Home", "B Band;Nas", "Home"),
    ],
)
def test_songs_that_only_look_alike_do_not_link(name: str, artist: str, title: str) -> None:
    found = link_one(name, artist, title)
    assert (found["kind"], found["track"], found["score"]) == (UNMATCHED, -1, 0)
    assert np.isnan(found["matched_popularity"])
    assert found["reason"]


@pytest.mark.parametrize(
    ("title", "year", "kind"),
    [
        ("Some Old Songs", 2015, EXACT),
        ("Some Old Songs", 0, EXACT),
        ("Some Old Song", 1972, FUZZY),
        ("Some Old Song", 0, FUZZY),
        ("Some Old Song", 2010, UNMATCHED),
        ("Some Old Song", 1950, UNMATCHED),
    ],
)
def test_far_years_need_the_same_key(title: str, year: int, kind: str) -> None:
    assert link_one("Cher - Some Old Songs", "Cher", title, year)["kind"] == kind


def test_a_similar_artist_must_be_of_the_same_years() -> None:
    assert link_one("Musiq - Halfcrazy", "Musiq Soulchild", "Halfcrazy", 1971)["kind"] == FUZZY
    assert link_one("Musiq - Halfcrazy", "Musiq Soulchild", "Halfcrazy", 1990)["kind"] == UNMATCHED


@pytest.mark.parametrize("name", ["Sammi - Smith - Help - Me", "Sammi - Smith - help, me"])
def test_a_name_with_several_dashes_is_read_in_every_way(name: str) -> None:
    found = link_one(name, "Sammi - Smith", "Help - Me")
    assert found["track"] == 100
    assert found["artist"] == "Sammi - Smith"


def test_a_decomposed_name_links() -> None:
    name = unicodedata.normalize("NFD", "Céline Dion - Où Es-Tu")
    assert link_one(name, "Céline Dion", "Où es-tu")["kind"] == NORMALISED


def test_ties_are_broken_by_source_then_popularity_then_year() -> None:
    tracks = tracks_of(*[("Cher", "Believe", year) for year in (1990, 1970, 1972, 1980)])
    tracks["source"] = [1, 0, 0, 0]
    tracks["popularity"] = [90.0, 40.0, 60.0, 60.0]
    found = link(files_of("Cher - Believe"), tracks).iloc[0]
    assert (found["track"], found["matched_popularity"]) == (102, 60.0)
    assert found["reason"] == "the best of 4 tracks that fit"


def test_the_result_follows_the_files_and_progress_is_told() -> None:
    files = files_of("Nobody - Nothing", "Cher - Believe").set_index(pd.Index([7, 3]))
    calls: list[tuple[int, int]] = []
    links = link(files, tracks_of(("Cher", "Believe", 0)), lambda *call: calls.append(call))
    assert links.index.to_list() == [7, 3]
    assert links["track"].to_list() == [-1, 100]
    assert links["file"].to_list() == files["file"].to_list()
    assert calls == [(1, 2), (2, 2)]


def test_the_reason_names_the_nearest_track() -> None:
    tracks = tracks_of(("Cher", "Believing", 1999), ("Other", "Belief", 1999))
    names = ["Cher - Believe In Yesterday", "Nobody - Belief", "Cher - Nothing (Live)"]
    reasons = link(files_of(*names), tracks)["reason"].to_list()
    assert "nearest: Believing (1999" in reasons[0]
    assert reasons[1] == "no track by this artist, the title only by Other"


SONG = tracks_of(("Simon & Garfunkel", "The Boxer (Lie-La-Lie)", 1969))


@pytest.mark.parametrize(
    ("artist", "title", "same"),
    [
        ("Simon & Garfunkel", "The Boxer", True),
        ("Simon and Garfunkel", "The Boxer - Live at Central Park", True),
        ("Paul;Garfunkel", "Boxer (Club Remix)", True),
        ("Garfunkel", "The Boxers", True),
        ("Simon", "The Boxer / Baby Driver", True),
        ("Simom & Garfunkle", "The Boxer", True),
        ("Mumford & Sons", "The Boxer", False),
        ("Simon & Garfunkel", "America", False),
    ],
)
def test_same_song_finds_every_version(artist: str, title: str, same: bool) -> None:
    found = same_song(tracks_of((artist, title, 2000)), SONG)
    assert found.to_dict() == {100: same}


def test_song_groups_number_the_songs() -> None:
    tracks = tracks_of(
        ("Santana;Rob Thomas", "Smooth", 1999),
        ("Santana", "Maria", 1999),
        ("Santana", "Smooth (feat. Rob Thomas) - Live", 2001),
        ("Rob Thomas & Santana", "smooth", 0),
        ("Somebody Else", "Smooth", 1999),
        ("Santana", "Maria, Pt. 2", 1999),
    )
    assert song_groups(tracks).to_dict() == {100: 0, 101: 1, 102: 0, 103: 0, 104: 2, 105: 1}


def test_many_misspelt_songs_are_found_fast_and_surely() -> None:
    generator = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnoprstuvwy"))

    def word() -> str:
        return "".join(generator.choice(letters, 7)).title()

    songs = [(f"{word()} {word()}", f"{word()} {word()} {word()}") for _ in range(5_000)]
    tracks = tracks_of(*[(artist, title, 1970) for artist, title in songs])
    names = [
        f"The {artist.upper()} - {title[:9]}{title[10:]}" if number % 2 else f"{artist} - {title}x"
        for number, (artist, title) in enumerate(songs[:500])
    ]
    started = time.perf_counter()
    links = link(files_of(*names), tracks)
    assert time.perf_counter() - started < 6
    right = links["track"].to_numpy() == np.arange(100, 600)
    assert right.mean() >= 0.95
    assert (links.loc[~right, "track"] == -1).all()
