"""Asking a server, over both of its protocols, also one that misbehaves."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import grpc
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from pipelines.errors import InputError
from pipelines.prepared import PreparedData
from songpop_tf.cli import app
from songpop_tf.serving import client, patience
from songpop_tf.serving.client import connect
from songpop_tf.serving.open import open_predictor
from songpop_tf.serving.predict import Ask, Inputs, Predictor, Song
from songpop_tf.serving.predict_csv import predict_csv
from tests.songpop_tf.fake_server import SLOW_SECONDS, ServedModel, grpc_server, rest_server

Serve = Callable[[ServedModel], AbstractContextManager[str]]
QUEEN = Song("Queen", "Innuendo", 1991)


@pytest.fixture(scope="module")
def loaded(exported: Path) -> ServedModel:
    return ServedModel(exported)


@pytest.fixture
def model(loaded: ServedModel, monkeypatch: pytest.MonkeyPatch) -> ServedModel:
    """The model with no faults left over from another test, and a client of little patience."""
    monkeypatch.setattr(patience, "LONGEST_PAUSE", 0.01)
    loaded.faults, loaded.requests = [], []
    return loaded


@pytest.fixture(params=[rest_server, grpc_server], ids=["REST", "gRPC"])
def url(request: pytest.FixtureRequest, model: ServedModel) -> Iterator[str]:
    with request.param(model) as address:
        yield address


@pytest.fixture
def rest(model: ServedModel) -> Iterator[str]:
    with rest_server(model) as address:
        yield address


def songs_of(data: PreparedData, sample: Path, count: int) -> list[Song]:
    """Songs with and without spectrogram, words and year."""
    rows = data.songs.head(count)
    files = [sample / "spectrograms" / file for file in rows.file]
    words = zip(rows.artist, rows.title, rows.year.tolist(), strict=True)
    songs = [
        Song(*known, file if place % 2 else None)
        for place, (known, file) in enumerate(zip(words, files, strict=True))
    ]
    return [*songs, Song("Beyoncé", "Песня"), Song(spectrogram=files[0]), Song(year=1999)]


def test_a_server_answers_as_the_model_on_this_machine(
    url: str, model: ServedModel, exported: Path, data: PreparedData, sample: Path
) -> None:
    songs = songs_of(data, sample, 40)
    predictor = connect(url)
    for song in songs:
        predictor.check(song)
    expected = open_predictor(exported).predict(songs)
    np.testing.assert_allclose(predictor.predict(songs), expected, atol=1e-3)
    assert max(model.requests) <= 32
    assert len(model.requests) < 5, "songs are asked about in batches"


def test_a_song_that_spoils_its_batch_is_named_and_the_others_are_answered(
    url: str, sample: Path, tmp_path: Path
) -> None:
    good = next((sample / "spectrograms").rglob("*.png")).read_bytes()
    damaged = bytearray(good)
    damaged[len(good) // 2 : len(good) // 2 + 40] = b"x" * 40
    for name, content in (("good", good), ("damaged", bytes(damaged)), ("cat", b"meow")):
        (tmp_path / f"{name}.png").write_bytes(content)
    predictor = connect(url)
    songs = [Song("A", "B", 1999, tmp_path / f"{name}.png") for name in ("good", "damaged", "cat")]
    for song in songs[1:]:
        with pytest.raises(InputError, match=f"{song.spectrogram}: expected a PNG"):
            predictor.check(song)
    # Sent all the same: the server finds them too.
    answered, refused, unusable = predictor.predict(songs)
    assert not isinstance(answered, InputError)
    assert "answered" in str(refused)
    assert "has no answer" in str(unusable)


@pytest.mark.parametrize(
    "faults", [[503, 503], ["drop"], ["cut"], [429, "drop", 502], ["slow", "slow"]], ids=str
)
def test_what_passes_is_asked_again(
    rest: str, model: ServedModel, faults: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = connect(rest)
    predictor.predict([QUEEN])  # the first answer takes longer
    monkeypatch.setattr(client, "ANSWER_SECONDS", SLOW_SECONDS / 2)
    model.faults = list(faults)
    answer = predictor.predict([QUEEN])[0]
    assert not isinstance(answer, InputError)
    assert model.faults == []


def test_over_grpc_what_passes_is_asked_again(model: ServedModel, tmp_path: Path) -> None:
    # Larger than what grpc itself would ask again.
    noise = np.random.default_rng(0).integers(0, 256, (256, 2000), dtype="uint8")
    Image.fromarray(noise).save(tmp_path / "song.png")
    with grpc_server(model) as address:
        predictor = connect(address)
        for song in (QUEEN, Song("Queen", "Innuendo", 1991, tmp_path / "song.png")):
            model.faults = [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED]
            assert not isinstance(predictor.predict([song])[0], InputError)
            assert model.faults == []
        model.faults = [grpc.StatusCode.INTERNAL]
        with pytest.raises(InputError, match="answered INTERNAL: not now"):
            predictor.predict([QUEEN])


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (500, "answered 500: not now"),
        (404, "answered 404: not now"),
        ("<html>busy</html>", "expected JSON, received '<html>busy</html>'"),
        ('{"outputs": {"popularity": [1.0]}}', "expected 1 numbers as popularity_low"),
        ('{"outputs": {"popularity": ["a"]}}', "expected 1 numbers as popularity"),
        ('{"outputs": {"popularity": [1.0, 2.0]}}', "expected 1 numbers as popularity"),
        ("[1, 2]", "expected 1 numbers as popularity"),
    ],
)
def test_what_does_not_pass_is_said_at_once(
    rest: str, model: ServedModel, fault: object, says: str
) -> None:
    predictor = connect(rest)
    model.faults = [fault]
    with pytest.raises(InputError) as raised:
        predictor.predict([QUEEN])
    assert says in str(raised.value)


def test_a_server_that_stays_busy_is_given_up(rest: str, model: ServedModel) -> None:
    predictor = connect(rest)
    model.faults = [503] * 20
    with pytest.raises(InputError, match="answered 503: not now"):
        predictor.predict([QUEEN])
    assert len(model.faults) == 15, "asked five times"


def test_a_slow_answer_has_a_limit(
    rest: str, model: ServedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = connect(rest)
    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.1)
    model.faults = ["slow"] * 20
    with pytest.raises(InputError, match="expected a server to answer"):
        predictor.predict([QUEEN])


def test_who_refuses_everybody_is_not_asked_about_everybody(rest: str, model: ServedModel) -> None:
    predictor = connect(rest)
    model.faults = [400] * 100
    with pytest.raises(InputError, match="answered 400"):
        predictor.predict([QUEEN] * 80)
    assert len(model.faults) == 100 - 33


def test_any_name_that_people_write_can_be_asked_about() -> None:
    for artist in (
        "Fleetwood\xa0Mac",
        "宇多田\u3000ヒカル",
        "نوش\u200cآفرین",
        "Who \U0001f468\u200d\U0001f3a4",
    ):
        assert Song(artist).artist == artist
    for artist in ("Fleetwood\nMac", "Beyonc\udce9", "\x1b[2J"):
        with pytest.raises(InputError, match="without control characters"):
            Song(artist)


def test_a_table_is_not_finished_by_another_model(tmp_path: Path) -> None:
    source, target = tmp_path / "songs.csv", tmp_path / "out.csv"
    source.write_text("artist,title,year\n" + "Queen,Innuendo,1991\n" * 300)
    asked: list[int] = []

    def model(answer: float, stops_after: int) -> Ask:
        def ask(_: str, inputs: Inputs) -> list[tuple[float, float, float]]:
            asked.append(len(inputs["year"]))
            if sum(asked) > stops_after:
                raise InputError("stopped")
            return [(answer, 0.0, 100.0)] * len(inputs["year"])

        return ask

    def predict(answer: float, identity: str, stops_after: int = 1000) -> int:
        asked.clear()
        predictor = Predictor("run", ["text"], model(answer, stops_after), identity=identity)
        return predict_csv(predictor, source, target, lambda _: None, lambda _: None)

    with pytest.raises(InputError, match="stopped"):
        predict(10.0, "before", stops_after=280)
    assert predict(20.0, "after") == 0
    assert set(pd.read_csv(target).popularity) == {20.0}
    target.unlink()
    with pytest.raises(InputError, match="stopped"):
        predict(10.0, "before", stops_after=280)
    predict(20.0, "before")
    assert set(pd.read_csv(target).popularity) == {10.0, 20.0}, "the same model goes on"


def test_a_table_goes_on_where_an_outage_stopped_it(
    rest: str, model: ServedModel, tmp_path: Path
) -> None:
    source, target = tmp_path / "songs.csv", tmp_path / "out.csv"
    lines = [
        f"Queen,Song {number},{1970 + number % 20 if number % 9 else 'soon'}"
        for number in range(600)
    ]
    source.write_text("\n".join(["artist,title,year", *lines]))
    words = ["predict", "--url", rest, "--csv", str(source), "--out", str(target)]
    model.faults = [None] * 12 + [500]
    stopped = CliRunner().invoke(app, words)
    assert stopped.exit_code == 1
    assert "answered 500" in stopped.stderr
    assert not target.exists()
    before = sum(model.requests)
    finished = CliRunner().invoke(app, words)
    assert "533 of 600 rows predicted" in finished.stdout
    out = pd.read_csv(target)
    assert out.title.tolist() == [f"Song {number}" for number in range(600)]
    assert out.popularity.isna().sum() == 67
    assert sum(model.requests) - before < 400, "what was there is not asked again"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("songpop", "expected http://HOST:8501/v1/models/NAME or grpc://"),
        ("", "expected http://HOST:8501/v1/models/NAME or grpc://"),
        ("http://[abc/v1/models/x", "Invalid IPv6 URL"),
        ("http://a..b/v1/models/x", "expected a server to answer"),
        ("http://127.0.0.1:1", "expected http://HOST:8501/v1/models/NAME or grpc://"),
        ("http://127.0.0.1:1/v1/models/songpop", "expected a server to answer: "),
        ("grpc://127.0.0.1:1/songpop", "UNAVAILABLE"),
    ],
)
def test_an_address_where_nobody_answers(
    address: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "LONGEST_PAUSE", 0.01)
    with pytest.raises(InputError) as raised:
        connect(address)
    assert says in str(raised.value)
    assert "object at 0x" not in str(raised.value)


def test_another_model_is_not_taken_for_one_of_ours(rest: str, model: ServedModel) -> None:
    signatures = {"serving_default": {"inputs": {"x": {}}}}
    model.faults = [json.dumps({"metadata": {"signature_def": {"signature_def": signatures}}}), 500]
    with pytest.raises(InputError, match="found one with the signatures serving_default"):
        connect(rest)
    model.faults = ['{"metadata": 1}']
    with pytest.raises(InputError, match="expected a model's signatures"):
        connect(rest)
    with pytest.raises(InputError, match="answered 404"):
        connect(rest.replace("songpop", "other"))


def test_a_csv_keeps_its_order_and_names_each_row_that_failed(
    url: str, data: PreparedData, sample: Path, tmp_path: Path
) -> None:
    rows = data.songs.head(40)
    table = rows[["artist", "title", "year"]].assign(
        spectrogram=[
            str(sample / "spectrograms" / file) if place % 3 == 0 else ""
            for place, file in enumerate(rows.file)
        ]
    )
    table.loc[7, "spectrogram"] = "nowhere.png"
    table.to_csv(tmp_path / "songs.csv", index=False)
    words = ["--url", url, "--csv", str(tmp_path / "songs.csv"), "--out", str(tmp_path / "out.csv")]
    result = CliRunner().invoke(app, ["predict", *words])
    assert result.exit_code == 1
    assert "line 9: " in result.stderr
    assert "nowhere.png" in result.stderr
    out = pd.read_csv(tmp_path / "out.csv")
    assert out.title.tolist() == table.title.tolist()
    assert out.popularity.isna().tolist() == [place == 7 for place in range(40)]


@pytest.mark.parametrize("by_server", [True, False])
def test_words_alone_are_answered_without_python_tensorflow(rest: str, by_server: bool) -> None:
    asked = ["predict", *(["--url", rest] if by_server else []), "--artist", "Queen", "--json"]
    code = (
        "import sys; from songpop_tf.cli import app\n"
        f"try: app({asked})\n"
        "except SystemExit as end: assert not end.code\n"
        "assert not {'tensorflow', 'keras', 'pandas'} & set(sys.modules)"
    )
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("TF_CPP")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=quiet
    )
    assert 0 <= json.loads(done.stdout)["popularity"] <= 100
    assert not done.stderr
