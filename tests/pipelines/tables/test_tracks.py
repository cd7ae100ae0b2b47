"""Reading tables of tracks: parsing, rejects and duplicates."""

import csv
import time
import unicodedata
from pathlib import Path

import pandas as pd
import pytest

from pipelines.errors import InputError
from pipelines.tables.tracks import DUPLICATE, INVALID, open_tracks, read_tracks, scale_notes

HEADER = ["id", "name", "popularity", "artists", "release_date"]


def write_table(path: Path, *rows: list[str], header: list[str] = HEADER) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def row(**cells: str) -> list[str]:
    defaults = {"id": "", "name": "Song", "popularity": "50", "artists": "['A']"}
    return [({"release_date": "1999-01-02"} | defaults | cells)[name] for name in HEADER]


def test_tracks_keep_their_spelling(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "Déjà Vu ")
    artists = """["Guns N' Roses", 'Earth, Wind & Fire', "Say \\"Hi\\""]"""
    path = write_table(
        tmp_path / "tracks.csv",
        row(id="x1", name=decomposed, popularity="7.5", artists=artists, release_date="1987-06"),
        row(name="None", artists="['A', '']", release_date=""),
    )
    tracks, rejects = read_tracks([path])
    assert rejects.empty
    assert tracks.to_dict("records") == [
        {
            "track_id": "x1",
            "title": "Déjà Vu",
            "artist": 'Guns N\' Roses, Earth, Wind & Fire, Say "Hi"',
            "artists": ("Guns N' Roses", "Earth, Wind & Fire", 'Say "Hi"'),
            "year": 1987,
            "popularity": 7.5,
            "source": 0,
            "row": 2,
        },
        {
            "track_id": "",
            "title": "None",
            "artist": "A",
            "artists": ("A",),
            "year": 0,
            "popularity": 50.0,
            "source": 0,
            "row": 3,
        },
    ]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"name": " "}, "name is empty"),
        ({"artists": "[1, 2]"}, "Python list"),
        ({"artists": "'A'"}, "Python list"),
        ({"artists": "['A'"}, "Python list"),
        ({"artists": "[" * 5000}, "Python list"),
        ({"artists": "[]"}, "at least one artist"),
        ({"artists": "['']"}, "at least one artist"),
        ({"popularity": ""}, "missing"),
        ({"popularity": "nan"}, "missing"),
        ({"name": "nan"}, "name is empty"),
        ({"name": "None", "artists": "None"}, "expected a name and artists"),
        ({"artists": "['nan']"}, "at least one artist"),
        ({"popularity": "high"}, "0-100"),
        ({"popularity": "-1"}, "0-100"),
        ({"popularity": "100.5"}, "0-100"),
        ({"popularity": "inf"}, "0-100"),
        ({"popularity": "1_0"}, "0-100"),
        ({"release_date": "0000"}, "1900-2100"),
        ({"release_date": "3000-01-01"}, "1900-2100"),
        ({"release_date": "1.1.99"}, "YYYY"),
        ({"release_date": "1999-13-01"}, "YYYY"),
    ],
)
def test_invalid_row_is_rejected_with_line_and_reason(
    tmp_path: Path, cells: dict[str, str], reason: str
) -> None:
    path = write_table(tmp_path / "t.csv", row(name="two\nlines"), row(**cells), row(name="Good"))
    tracks, rejects = read_tracks([path])
    assert tracks["row"].to_list() == [2, 5]
    rejected = rejects.loc[0]
    assert (rejected["file"], rejected["row"], rejected["kind"]) == (str(path), 4, INVALID)
    assert reason in rejected["reason"]


def test_row_of_wrong_length_is_rejected_and_blank_line_is_skipped(tmp_path: Path) -> None:
    path = write_table(tmp_path / "t.csv", [*row(), "more"], [], row(name="Good"))
    tracks, rejects = read_tracks([path])
    assert tracks["row"].to_list() == [4]
    assert rejects["reason"].to_list() == ["expected 5 cells, received 6"]


def test_duplicates_keep_highest_popularity_of_first_file(tmp_path: Path) -> None:
    first = write_table(
        tmp_path / "first.csv",
        row(id="a", name="By id", popularity="10"),
        row(id="a", name="By id, again", popularity="20"),
        row(name="By song", popularity="30"),
        row(name="By song", popularity="30"),
        row(name="By song", popularity="30", release_date="2000"),
    )
    second = write_table(tmp_path / "second.csv", row(name="By song", popularity="99"))
    tracks, rejects = read_tracks([first, second])
    assert tracks[["source", "row"]].to_numpy().tolist() == [[0, 3], [0, 4], [0, 6]]
    assert set(rejects["kind"]) == {DUPLICATE}
    assert rejects["row"].to_list() == [2, 5, 2]
    assert rejects["reason"].to_list() == [f"duplicate of {first} line {n}" for n in (3, 4, 4)]


def test_id_is_optional_and_other_columns_are_ignored(tmp_path: Path) -> None:
    header = ["tempo", "release_date", "artists", "popularity", "name"]
    path = write_table(
        tmp_path / "t.csv",
        ["120", "1999", "['A']", "5", "Song"],
        header=["\ufefftempo", *header[1:]],
    )
    tracks, _ = read_tracks([path])
    assert tracks["track_id"].to_list() == [""]
    assert tracks["year"].to_list() == [1999]
    # Spreadsheets leave columns without a name behind.
    trailing = write_table(tmp_path / "u.csv", [*row(), "", ""], header=[*HEADER, "", ""])
    assert len(read_tracks([trailing])[0]) == 1


def test_line_break_in_name_becomes_space(tmp_path: Path) -> None:
    path = write_table(tmp_path / "t.csv", row(name="A\rB\r\nC", artists='["D\\rE"]'))
    tracks, _ = read_tracks([path])
    assert tracks.title.to_list() == ["A B C"]
    assert tracks.artist.to_list() == ["D E"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_table_of_another_tool_is_read(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "t.csv"
    with path.open("w", encoding="cp1252", newline="") as stream:
        writer = csv.writer(stream, delimiter=separator)
        writer.writerow(["Track Name", "Artist Name(s)", "Release Date", "Popularity", ""])
        number = "7.5" if separator == "," else "7,5"
        writer.writerow(["Déjà Vu", "Beyoncé;JAY-Z", "04.02.2006", number, ""])
    tracks, rejects = read_tracks([path])
    assert rejects.empty
    (track,) = tracks.itertuples()
    assert (track.title, track.artists) == ("Déjà Vu", ("Beyoncé", "JAY-Z"))
    assert (track.year, track.popularity) == (2006, 7.5)
    (table,) = open_tracks([path])
    assert any("Artist Name(s) as artists" in note for note in table.notes)


def test_popularities_of_a_scale_of_ten_are_noted(tmp_path: Path) -> None:
    def notes(*popularities: str) -> list[str]:
        rows = [row(name=f"S{n}", popularity=text) for n, text in enumerate(popularities)]
        paths = [
            write_table(tmp_path / "other.csv", row(name="Other", popularity="3")),
            write_table(tmp_path / "t.csv", *rows),
        ]
        return scale_notes(read_tracks(paths)[0], open_tracks(paths))

    ratings = [str(n / 2) for n in range(20)]
    (note,) = notes(*ratings)
    assert note.startswith(f"{tmp_path / 't.csv'}: none of 20 popularities is above 9.5; ")
    assert "\n" not in note
    assert notes(*ratings, "11") == notes(*ratings[:9]) == []


@pytest.mark.parametrize("popularity", ["0.5", "1.0", "0.003"])
def test_popularity_of_another_scale_is_refused(tmp_path: Path, popularity: str) -> None:
    fractions = [row(name=f"Song {n}", popularity=popularity) for n in range(9)]
    path = write_table(tmp_path / "t.csv", row(popularity="0.25"), *fractions)
    with pytest.raises(InputError, match=r"t\.csv: expected popularities of 0-100.*multiply"):
        read_tracks([path])
    # One value of the right scale shows that it is the right one.
    more = write_table(tmp_path / "more.csv", row(popularity="2"), *fractions)
    assert len(read_tracks([more])[0]) == 10


def test_labels_of_hits_are_no_popularity(tmp_path: Path) -> None:
    path = write_table(
        tmp_path / "t.csv", *(row(name=str(n), popularity=str(n % 2)) for n in range(12))
    )
    with pytest.raises(InputError, match=r"t\.csv: expected .* received 12 tracks of 0 or 1 alone"):
        read_tracks([path])
    songs = write_table(tmp_path / "songs.csv", row(popularity="70"))
    assert len(read_tracks([songs, path])[0]) == 13, "unknown songs of a second table"


def test_unusable_table_raises_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="received none"):
        read_tracks([])
    lacking = write_table(tmp_path / "lacking.csv", header=["name", "artists"])
    with pytest.raises(
        InputError,
        match=r"lacking\.csv.*missing: popularity, release_date; received: name, artists",
    ):
        read_tracks([lacking])
    twice = write_table(tmp_path / "twice.csv", header=[*HEADER, " name"])
    with pytest.raises(InputError, match=r"twice\.csv.*different names, received name twice"):
        read_tracks([twice])
    (tmp_path / "empty.csv").touch()
    with pytest.raises(InputError, match="received: none"):
        read_tracks([tmp_path / "empty.csv"])
    with pytest.raises(InputError, match="none of 1 rows can be used; line 2: the name is empty"):
        read_tracks([write_table(tmp_path / "bad.csv", row(name=""))])


def test_20000_rows_are_read_within_time_limit(tmp_path: Path) -> None:
    rows = (row(id=str(n), name=f"Song {n}", artists=f"['A{n}']") for n in range(20_000))
    path = write_table(tmp_path / "t.csv", *rows)
    started = time.perf_counter()
    tracks, _ = read_tracks([path])
    # A table of 586,672 rows in 40 s.
    assert time.perf_counter() - started < 1.4
    assert isinstance(tracks, pd.DataFrame)
    assert len(tracks) == 20_000


def test_every_row_of_the_real_kaggle_table_is_read(real_data: Path) -> None:
    path = real_data / "tracks_kaggle_sample.csv"
    tracks, rejects = read_tracks([path])
    assert not (rejects.kind == INVALID).any()
    assert len(tracks) + len(rejects) == len(pd.read_csv(path))
    assert tracks.year.between(1920, 2021).all()
