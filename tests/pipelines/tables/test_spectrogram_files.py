"""Listing spectrogram files in the Kaggle layout, and rejecting unusable ones."""

import unicodedata
from pathlib import Path

import pytest

from pipelines.errors import InputError
from pipelines.tables.spectrogram_files import find_spectrograms, spectrogram_path


def touch(directory: Path, *paths: str) -> None:
    for path in paths:
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).touch()


def test_files_are_sorted_by_path_with_year_and_name(tmp_path: Path) -> None:
    touch(tmp_path, "1999/Guns_N'_Roses_-_Patience.PNG", "1961/The_A_-_B_-_C.png", "1961/x.txt")
    files, rejects = find_spectrograms(tmp_path)
    assert files.to_dict("records") == [
        {"file": "1961/The_A_-_B_-_C.png", "year": 1961, "name": "The A - B - C"},
        {
            "file": "1999/Guns_N'_Roses_-_Patience.PNG",
            "year": 1999,
            "name": "Guns N' Roses - Patience",
        },
    ]
    assert rejects.empty
    assert list(rejects.columns) == ["file", "reason"]


def test_name_is_nfc_and_path_is_unchanged(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "2003/Beyoncé_-_Déjà_Vu.png")
    touch(tmp_path, decomposed)
    files, _ = find_spectrograms(tmp_path)
    assert files.loc[0, "file"] == decomposed
    assert files.loc[0, "name"] == "Beyoncé - Déjà Vu"


def test_extra_folder_levels_are_allowed(tmp_path: Path) -> None:
    touch(tmp_path, "data/1970/disc/A_-_B.png")
    files, _ = find_spectrograms(tmp_path)
    assert files["year"].to_list() == [1970]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("A_-_B.png", "year"),
        ("others/A_-_B.png", "year"),
        ("1899/A_-_B.png", "1899"),
        ("2101/A_-_B.png", "2101"),
        ("1999/A-B.png", "_-_"),
        ("1999/_-_B.png", "empty"),
        ("1999/A_-_.png", "empty"),
    ],
)
def test_unusable_file_is_rejected_with_reason(tmp_path: Path, path: str, reason: str) -> None:
    touch(tmp_path, "1999/Good_-_Song.png", path)
    files, rejects = find_spectrograms(tmp_path)
    assert len(files) == 1
    assert rejects.loc[0, "file"] == path
    assert reason in rejects.loc[0, "reason"]


def test_broken_link_is_rejected_and_hidden_files_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "1999/Good_-_Song.png", "1999/._Good_-_Song.png", "__MACOSX/1999/A_-_B.png")
    (tmp_path / "1999" / "A_-_B.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "1998").symlink_to(tmp_path / "nowhere", target_is_directory=True)
    files, rejects = find_spectrograms(tmp_path)
    assert files.file.to_list() == ["1999/Good_-_Song.png"]
    assert rejects.file.to_list() == ["1998", "1999/A_-_B.png"]
    assert rejects.reason.str.contains("broken link").all()


def test_folder_without_usable_files_raises_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="without PNG"):
        find_spectrograms(tmp_path)
    with pytest.raises(InputError, match="expected a folder"):
        find_spectrograms(tmp_path / "missing")
    touch(tmp_path, "A_-_B.png")
    with pytest.raises(InputError, match=r"none of 1 PNGs can be used; A_-_B\.png"):
        find_spectrograms(tmp_path)


@pytest.mark.parametrize(
    ("artist", "title", "path"),
    [
        ("The Foxes", "Blue Moon", "1975/The_Foxes_-_Blue_Moon.png"),
        ("AC/DC", 'Who: "Me"?', "1975/AC_DC_-_Who_Me.png"),
        ("A*B\x00<C>|\\D", "  Two   words ", "1975/A_B_C_D_-_Two_words.png"),
        ("René", "Cafe\u0301", "1975/René_-_Café.png"),
    ],
)
def test_path_has_no_characters_that_file_systems_refuse(
    artist: str, title: str, path: str
) -> None:
    assert str(spectrogram_path(artist, title, 1975)) == path


def test_title_without_usable_characters_has_no_path() -> None:
    assert spectrogram_path("The Foxes", "???", 1975) is None


def test_long_file_names_are_truncated() -> None:
    path = spectrogram_path("é" * 200, "ñ" * 200, 1975)
    assert len(path.name.encode()) <= 255
    artist, title = path.stem.split("_-_")
    assert set(artist) == {"é"}
    assert set(title) == {"ñ"}


def test_paths_are_not_hidden() -> None:
    assert spectrogram_path("...Artist", "B", 1975).name == "Artist_-_B.png"
