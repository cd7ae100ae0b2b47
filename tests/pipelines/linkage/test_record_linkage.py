"""Record linkage: different spellings that must link, and similar songs that must not."""

import time
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.linkage.record_linkage import (
    EXACT,
    FUZZY,
    NORMALIZED,
    SUBTITLE,
    UNMATCHED,
    link_records,
)
from pipelines.tables.tracks import read_tracks
from tests.pipelines.linkage.track_tables import tracks_of


def files_of(*names: str, year: int = 1970) -> pd.DataFrame:
    return pd.DataFrame({"file": [f"{year}/{n}.png" for n in names], "year": year, "name": names})


def link_file(name: str, artist: str, title: str, year: int = 1970) -> pd.Series:
    decoys = [("Somebody Else", title, 1970), ("Another Band", "Another Song", 1970)]
    return link_records(files_of(name), tracks_of((artist, title, year), *decoys)).iloc[0]


@pytest.mark.parametrize(
    ("name", "artist", "title", "kind"),
    [
        ("Cher - Believe", "Cher", "Believe", EXACT),
        ("Drake - One Dance", "Wizkid;Drake", "One Dance", EXACT),
        ("The Beatles - Hey Jude", "Beatles", "Hey Jude - Remastered 2015", NORMALIZED),
        ("Beyonce - Deja Vu", "Beyoncé", "Déjà Vu (feat. JAY-Z)", NORMALIZED),
        ("Drake Feat. Rihanna - Too Good", "Drake;Rihanna", "Too Good", NORMALIZED),
        ("Zedd & Foxes - Clarity", "Zedd", "Clarity (feat. Foxes)", NORMALIZED),
        ("Kool And The Gang - Cherish", "Kool & The Gang", "Cherish", NORMALIZED),
        ("Dont Know - Cant Wait", "Don’t Know", "Can't Wait", NORMALIZED),
        ("AC DC - T.N.T.", "AC/DC", "TNT", NORMALIZED),
        ("'N Sync - Bye Bye Bye", "*NSYNC", "Bye, Bye, Bye", NORMALIZED),
        ("Ini - Hotstepper (From  Ready )", "Ini", "Hotstepper", NORMALIZED),
        ("Prince And The Revolution - Kiss", "Prince", "Kiss", NORMALIZED),
        ("Four Tops - Letter", "The Four Tops", "The Letter", NORMALIZED),
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
def test_spellings_of_one_song_link(name: str, artist: str, title: str, kind: str) -> None:
    row = link_file(name, artist, title)
    assert (row["kind"], row["track"]) == (kind, 100), row["reason"]
    assert row["matched_title"] == title
    assert 80 < row["score"] <= 100


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
def test_similar_songs_do_not_link(name: str, artist: str, title: str) -> None:
    row = link_file(name, artist, title)
    assert (row["kind"], row["track"], row["score"]) == (UNMATCHED, -1, 0)
    assert np.isnan(row["matched_popularity"])
    assert row["reason"]


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
def test_fuzzy_titles_link_only_near_the_chart_year(title: str, year: int, kind: str) -> None:
    assert link_file("Cher - Some Old Songs", "Cher", title, year)["kind"] == kind


def test_similar_artists_link_only_near_the_chart_year() -> None:
    assert link_file("Musiq - Halfcrazy", "Musiq Soulchild", "Halfcrazy", 1971)["kind"] == FUZZY
    assert link_file("Musiq - Halfcrazy", "Musiq Soulchild", "Halfcrazy", 1990)["kind"] == UNMATCHED


@pytest.mark.parametrize("name", ["Sammi - Smith - Help - Me", "Sammi - Smith - help, me"])
def test_name_is_split_at_every_dash(name: str) -> None:
    row = link_file(name, "Sammi - Smith", "Help - Me")
    assert row["track"] == 100
    assert row["artist"] == "Sammi - Smith"


def test_name_in_nfd_links() -> None:
    name = unicodedata.normalize("NFD", "Céline Dion - Où Es-Tu")
    assert link_file(name, "Céline Dion", "Où es-tu")["kind"] == NORMALIZED


def test_ties_are_broken_by_source_then_popularity_then_year() -> None:
    tracks = tracks_of(*[("Cher", "Believe", year) for year in (1990, 1970, 1972, 1980)])
    tracks["source"] = [1, 0, 0, 0]
    tracks["popularity"] = [90.0, 40.0, 60.0, 60.0]
    row = link_records(files_of("Cher - Believe"), tracks).iloc[0]
    assert (row["track"], row["matched_popularity"]) == (102, 60.0)
    assert row["reason"] == "best of 4 matching tracks"


def test_rows_follow_the_files_and_progress_is_called() -> None:
    files = files_of("Nobody - Nothing", "Cher - Believe").set_index(pd.Index([7, 3]))
    calls: list[tuple[int, int]] = []
    links = link_records(files, tracks_of(("Cher", "Believe", 0)), lambda *call: calls.append(call))
    assert links.index.to_list() == [7, 3]
    assert links["track"].to_list() == [-1, 100]
    assert links["file"].to_list() == files["file"].to_list()
    assert calls == [(1, 2), (2, 2)]


def test_reason_names_the_nearest_track() -> None:
    tracks = tracks_of(("Cher", "Believing", 1999), ("Other", "Belief", 1999))
    names = ["Cher - Believe In Yesterday", "Nobody - Belief", "Cher - Nothing (Live)"]
    reasons = link_records(files_of(*names), tracks)["reason"].to_list()
    assert "nearest: Believing (1999" in reasons[0]
    assert reasons[1] == "no track by this artist, the title only by Other"


def test_misspelled_songs_link_accurately_within_time_limit() -> None:
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
    links = link_records(files_of(*names), tracks)
    assert time.perf_counter() - started < 6
    correct = links["track"].to_numpy() == np.arange(100, 600)
    assert correct.mean() >= 0.95
    assert (links.loc[~correct, "track"] == -1).all()


def test_real_spellings_link(real_data: Path) -> None:
    tracks, _ = read_tracks([real_data / "tracks_hot100.csv"])
    songs = pd.read_csv(real_data / "year_end_hot100.csv", keep_default_na=False).sample(
        800, random_state=0
    )
    names = songs.artist + " - " + songs.title.str.replace("/", "_")
    files = pd.DataFrame(
        {
            "file": [f"{i}.png" for i in range(len(songs))],
            "year": songs.year.array,
            "name": names.array,
        }
    )
    linked = link_records(files, tracks)
    # Some songs are not in the table at all, so the share of the others is higher.
    assert (linked.kind != UNMATCHED).mean() > 0.88
    gap = (linked.matched_year - linked.year)[
        (linked.kind != UNMATCHED) & (linked.matched_year > 0)
    ]
    assert (gap.abs() <= 2).mean() > 0.97
