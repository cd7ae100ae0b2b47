"""Songs in a bucket, and shards that workers write to one, on a server with the API of S3."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("apache_beam", reason="needs the extra [beam]")
pytest.importorskip("moto", reason="needs moto[server]")

import apache_beam as beam
import boto3
import pandas as pd
import tensorflow as tf
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from moto.server import ThreadedMotoServer

from pipelines import beam_shards
from pipelines.beam_shards import convert
from pipelines.config import SplitConfig
from pipelines.errors import InputError
from pipelines.prepare import PrepareOptions, prepare
from pipelines.remote_files import (
    BUCKET_FILE,
    RemoteFolder,
    download,
    local_copy,
    set_beam_options,
    upload,
)
from pipelines.source_folders import SourceFolders, to_folder
from pipelines.spectrograms.shards import Shard, write_shards
from tests.conftest import WITHOUT_GRAPH_OPTIMIZER, no_progress
from tests.pipelines.images import pixels, write_png
from tests.pipelines.test_beam_shards import ARGUMENTS, RUNNER, contents, plan, write_files
from tests.pipelines.test_source_folders import write_songs

pytestmark = pytest.mark.filterwarnings("default")  # Apache Beam's own warnings

BUCKET = "s3://bucket"
FOLDER = f"{BUCKET}/temp/songpop_tf/{32 * '0'}"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server."""
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def beam_options(server: str) -> Iterator[list[str]]:
    """Options with which Beam finds an empty bucket."""
    user = {"aws_access_key_id": "user", "aws_secret_access_key": "secret"}
    region = {"region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=server, **user, **region)
    client.create_bucket(Bucket="bucket")
    options = {
        "s3_endpoint_url": server,
        "s3_access_key_id": "user",
        "s3_secret_access_key": "secret",
        "s3_region_name": "us-east-1",
        "temp_location": f"{BUCKET}/temp",
    }
    arguments = [f"{name}={value}" for name, value in options.items()]
    set_beam_options([f"--{argument}" for argument in arguments])
    yield arguments
    for file in client.list_objects_v2(Bucket="bucket").get("Contents", []):
        client.delete_object(Bucket="bucket", Key=file["Key"])


def upload_folder(folder: Path, address: str) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            upload(path, f"{address}/{path.relative_to(folder).as_posix()}")


def names_in(address: str) -> list[str]:
    (match,) = FileSystems.match([f"{address}/**"])
    return sorted(file.path.removeprefix(f"{address}/") for file in match.metadata_list)


def test_preparation_from_a_bucket_equals_the_local_one(
    tmp_path: Path, beam_options: list[str]
) -> None:
    write_songs(tmp_path)
    write_png(tmp_path / "images" / "1999" / "Artist20_-_Song20.png", pixels(64, 100, seed=0))
    (tmp_path / "images" / "1999" / "Artist21_-_Song21.png").write_bytes(b"no image")
    local_options = PrepareOptions(
        tmp_path / "images",
        [tmp_path / "tracks.csv"],
        SplitConfig(validation=0.3, test=0.3),
        0.5,
        tmp_path / "music",
    )
    local = prepare(local_options, tmp_path / "local", no_progress)
    upload_folder(tmp_path / "images", f"{BUCKET}/images")
    upload_folder(tmp_path / "music", f"{BUCKET}/music")
    options = replace(
        local_options,
        spectrograms=to_folder(f"{BUCKET}/images/"),
        audio=to_folder(f"{BUCKET}/music"),
        runner=RUNNER,
        beam_options=beam_options,
    )
    data = prepare(options, tmp_path / "data", no_progress)
    assert contents(tmp_path / "data") == contents(tmp_path / "local")
    for name in ("songs.csv", "metadata.csv", "linkage.csv", "quarantine.csv"):
        assert (tmp_path / "data" / name).read_text() == (tmp_path / "local" / name).read_text()
    assert data.manifest["counts"] == local.manifest["counts"]
    assert data.folders == SourceFolders(
        RemoteFolder(f"{BUCKET}/images"), RemoteFolder(f"{BUCKET}/music")
    )
    assert names_in(f"{BUCKET}/temp") == [], "the shards were moved"
    again = prepare(options, tmp_path / "data", no_progress)
    assert again.manifest == data.manifest


def interrupted_preparation(tmp_path: Path, arguments: list[str]) -> list[Shard]:
    """One of two shards is in a bucket; return both."""
    test, train = shards = plan(tmp_path / "data")
    with beam.Pipeline(options=PipelineOptions(arguments)) as pipeline:
        convert(pipeline, [test], write_files(tmp_path), arguments, FOLDER)
    # Of a shard that is not finished, as its second file is missing.
    upload(tmp_path / "images" / "0.png", f"{FOLDER}/{train.path.name}")
    (tmp_path / "data").mkdir()
    remember(tmp_path / "data", FOLDER)
    upload(tmp_path / "data" / BUCKET_FILE, f"{FOLDER}/{BUCKET_FILE}")
    return shards


def remember(directory: Path, bucket: str) -> None:
    (directory / BUCKET_FILE).write_text(bucket)


@pytest.mark.parametrize("temp_location", [[], [f"--temp_location={BUCKET}/other"]])
def test_finished_shards_of_an_interrupted_preparation_are_moved(
    tmp_path: Path, beam_options: list[str], temp_location: list[str]
) -> None:
    arguments = [*ARGUMENTS, *(f"--{option}" for option in beam_options)]
    shards = interrupted_preparation(tmp_path, arguments)
    folders = SourceFolders(tmp_path / "images", tmp_path / "sounds")
    local = write_shards(plan(tmp_path / "local"), folders, lambda _: None)
    # The finished shard's song was rejected; read again, it would not be.
    write_png(folders.path("2.png"), pixels(64, 100, seed=0))
    arguments = [argument for argument in arguments if "temp_location" not in argument]
    arguments += temp_location
    counts: list[int] = []
    rejections = beam_shards.write_shards(
        shards, folders, counts.append, arguments, tmp_path / "data"
    )
    assert rejections == local
    assert counts == [0, 1, 3]
    assert contents(tmp_path / "data") == contents(tmp_path / "local")
    assert names_in(BUCKET) == []
    assert not (tmp_path / "data" / BUCKET_FILE).exists()


@pytest.fixture
def graph_optimizer() -> Iterator[None]:
    """TensorFlow's graph optimizer, which rounds differently; tests run without it."""
    tf.config.optimizer.set_experimental_options({WITHOUT_GRAPH_OPTIMIZER: False})
    yield
    tf.config.optimizer.set_experimental_options({WITHOUT_GRAPH_OPTIMIZER: True})


@pytest.mark.usefixtures("graph_optimizer")
def test_worker_processes_use_the_options_of_buckets(
    tmp_path: Path, beam_options: list[str]
) -> None:
    folders = write_files(tmp_path)
    upload_folder(tmp_path / "images", f"{BUCKET}/images")
    upload_folder(tmp_path / "sounds", f"{BUCKET}/sounds")
    remote = SourceFolders(to_folder(f"{BUCKET}/images"), to_folder(f"{BUCKET}/sounds"))
    local = write_shards(plan(tmp_path / "local"), folders, lambda _: None)
    arguments = [
        "--runner=DirectRunner",
        "--direct_num_workers=2",
        "--direct_running_mode=multi_processing",
        *(f"--{option}" for option in beam_options),
    ]
    rejections = beam_shards.write_shards(
        plan(tmp_path), remote, lambda _: None, arguments, tmp_path
    )
    assert rejections == local
    assert contents(tmp_path) == contents(tmp_path / "local")


def test_bucket_that_cannot_be_written_is_noticed_before_the_conversion(
    tmp_path: Path, beam_options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beam_shards, "make_loader", lambda: pytest.fail("a file is loaded"))
    arguments = [*ARGUMENTS, "--temp_location=s3://none/temp"]
    with pytest.raises(InputError, match="s3://none/.*: expected a file that can be written"):
        beam_shards.write_shards(
            plan(tmp_path), write_files(tmp_path), lambda _: None, arguments, tmp_path
        )
    assert not (tmp_path / BUCKET_FILE).exists(), "a corrected command is not stopped by it"


def test_shard_without_its_records_is_converted_again(
    tmp_path: Path, beam_options: list[str]
) -> None:
    arguments = [*ARGUMENTS, *(f"--{option}" for option in beam_options)]
    shards = interrupted_preparation(tmp_path, arguments)
    folders = SourceFolders(tmp_path / "images", tmp_path / "sounds")
    (tmp_path / "none.json").write_text("{}")
    upload(tmp_path / "none.json", f"{FOLDER}/{shards[0].rejections_path.name}")
    beam_shards.write_shards(shards, folders, lambda _: None, arguments, tmp_path / "data")
    write_shards(plan(tmp_path / "local"), folders, lambda _: None)
    assert contents(tmp_path / "data") == contents(tmp_path / "local")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("", "bucket.txt: expected the address of a bucket"),
        ("{tmp_path}", "bucket.txt: expected the address of a bucket"),
        (f"{BUCKET}/temp", "bucket.txt: expected the address of a bucket"),
        (FOLDER.replace("0", "1"), "received none; give the options .* or remove .*bucket.txt"),
    ],
)
def test_folder_of_no_interrupted_preparation_is_not_touched(
    tmp_path: Path, beam_options: list[str], address: str, expected: str
) -> None:
    folders = write_files(tmp_path)
    upload(tmp_path / "images" / "0.png", f"{BUCKET}/temp/0.png")
    remember(tmp_path, address.format(tmp_path=tmp_path))
    arguments = [*ARGUMENTS, *(f"--{option}" for option in beam_options)]
    with pytest.raises(InputError, match=expected):
        beam_shards.write_shards(
            plan(tmp_path / "data"), folders, lambda _: None, arguments, tmp_path
        )
    assert names_in(BUCKET) == ["temp/0.png"]
    assert folders.path("0.png").is_file()


def test_shards_that_workers_wrote_elsewhere_are_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beam_shards, "write_shard", lambda *_: None)
    with pytest.raises(InputError, match="expected 2 more shards .* temp_location=gs://"):
        beam_shards.write_shards(
            plan(tmp_path / "data"), write_files(tmp_path), lambda _: None, ARGUMENTS, tmp_path
        )


def test_files_are_listed_as_on_this_machine(tmp_path: Path, beam_options: list[str]) -> None:
    names = ("1999/A/A - S.mp3", "1999/A/B - S.wav", "1999/A B/C - S.mp3", "D - S.mp3", "E.mp3")
    # The year is the folder's own name.
    folder = tmp_path / "2001"
    for name in (*names, "1999/.hidden - S.mp3", "@eaDir/F - S.mp3", "1999/notes.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"no sound")
    upload_folder(folder, f"{BUCKET}/2001")
    local = SourceFolders(audio=folder).find_songs()
    remote = SourceFolders(audio=to_folder(f"{BUCKET}/2001")).find_songs()
    for table, expected in zip(remote, local, strict=True):
        pd.testing.assert_frame_equal(table, expected)
    assert local[0].file.tolist() == ["D - S.mp3"]


@pytest.mark.parametrize("name", ["a" * 300, "What? [Live]", "100% *#1* & \\ ü"])
def test_copies_of_any_name(beam_options: list[str], tmp_path: Path, name: str) -> None:
    (tmp_path / "image.png").write_bytes(b"image")
    address = f"{BUCKET}/1999/{name}.png"
    upload(tmp_path / "image.png", address)
    with local_copy(address) as path:
        assert path.suffix == ".png"
        assert path.read_bytes() == b"image"
    assert not path.exists()


def test_what_a_bucket_lacks_is_named(tmp_path: Path, beam_options: list[str]) -> None:
    with pytest.raises(InputError, match="s3://bucket/none: expected <year>/<Artist>_-_<Title>"):
        SourceFolders(to_folder(f"{BUCKET}/none")).find_songs()
    with pytest.raises(InputError, match="s3://bucket/none: expected sound files"):
        SourceFolders(audio=to_folder(f"{BUCKET}/none")).find_songs()
    with pytest.raises(InputError, match="s3://bucket/none: expected a file that can be read"):
        download(f"{BUCKET}/none", tmp_path / "none")
