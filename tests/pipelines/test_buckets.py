"""Songs in a bucket, and shards that workers write to one, on a server with the API of S3."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("apache_beam", reason="needs the extra [beam]")
pytest.importorskip("moto", reason="needs moto[server]")

import apache_beam as beam
import boto3
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from moto.server import ThreadedMotoServer

from pipelines import beam_shards
from pipelines.config import SplitConfig
from pipelines.errors import InputError
from pipelines.prepare import PrepareOptions, prepare
from pipelines.remote_files import RemoteFolder, set_beam_options, upload
from pipelines.source_folders import SourceFolders, to_folder
from pipelines.spectrograms.shards import write_shards
from tests.conftest import no_progress
from tests.pipelines.images import pixels, write_png
from tests.pipelines.test_beam_shards import ARGUMENTS, RUNNER, contents, plan, write_files
from tests.pipelines.test_source_folders import write_songs

pytestmark = pytest.mark.filterwarnings("default")  # Apache Beam's own warnings

BUCKET = "s3://bucket"


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


def test_finished_shards_of_an_interrupted_preparation_are_moved(
    tmp_path: Path, beam_options: list[str]
) -> None:
    folders = write_files(tmp_path)
    arguments = [*ARGUMENTS, *(f"--{option}" for option in beam_options)]
    local = write_shards(plan(tmp_path / "local"), folders, lambda _: None)
    train, test = plan(tmp_path / "data")[::-1]
    bucket = f"{BUCKET}/temp/songpop_tf/name"
    with beam.Pipeline(options=PipelineOptions(arguments)) as pipeline:
        beam_shards.convert(pipeline, [train], folders, bucket)
    # A file alone is that of a shard that is being written.
    upload(tmp_path / "local" / "spectrograms" / test.path.name, f"{bucket}/{test.path.name}")
    assert not train.path.exists()
    folders.path("0.png").write_bytes(b"changed: read again, it would be rejected")
    counts: list[int] = []
    shards = plan(tmp_path / "data")
    rejections = beam_shards.write_shards(shards, folders, counts.append, arguments, "name")
    assert rejections == local
    assert counts == [0, 3, 1]
    assert contents(tmp_path / "data") == contents(tmp_path / "local")


def test_what_a_bucket_lacks_is_named(tmp_path: Path, beam_options: list[str]) -> None:
    with pytest.raises(InputError, match="s3://bucket/none: expected <year>/<Artist>_-_<Title>"):
        SourceFolders(to_folder(f"{BUCKET}/none")).find_songs()
    with pytest.raises(InputError, match="s3://bucket/none: expected sound files"):
        SourceFolders(audio=to_folder(f"{BUCKET}/none")).find_songs()
    with pytest.raises(InputError, match="abc://songs: expected a folder that can be listed"):
        SourceFolders(to_folder("abc://songs")).find_songs()


def test_addresses_need_a_runner(tmp_path: Path) -> None:
    options = PrepareOptions(to_folder("s3://songs"), [tmp_path / "tracks.csv"], SplitConfig())
    with pytest.raises(InputError, match="a runner of Apache Beam .* received s3://songs"):
        prepare(options, tmp_path / "data", no_progress)
