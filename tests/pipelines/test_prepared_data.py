"""Reading a prepared directory."""

import json
from pathlib import Path

import pytest

from pipelines.errors import InputError
from pipelines.prepared_data import DATA_FORMAT, PreparedData


def test_unknown_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(InputError, match=f"expected format {DATA_FORMAT}, received 99"):
        PreparedData.open(tmp_path)


@pytest.mark.parametrize(
    ("entry", "value", "message"),
    [
        ("shards", None, "expected an entry 'shards', received none"),
        ("counts", 3, "expected an entry 'counts', received 3"),
        (
            "split",
            {"seed": 0},
            "expected 'split' with protocol, seed, received it without protocol",
        ),
        ("shards", [{"file": "a"}], "received it without songs, split"),
        ("shards", ["a.tfrecord"], "received it without file, songs, split"),
    ],
)
def test_manifest_that_was_changed_is_named(
    data: PreparedData, tmp_path: Path, entry: str, value: object, message: str
) -> None:
    changed = {**data.manifest, entry: value}
    if value is None:
        del changed[entry]
    (tmp_path / "manifest.json").write_text(json.dumps(changed))
    with pytest.raises(InputError, match=rf"manifest\.json: .*{message}.*; prepare again"):
        PreparedData.open(tmp_path)


def test_directory_without_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{tmp_path}: expected prepared data"):
        PreparedData.open(tmp_path)


def test_songs_and_pretraining_set_are_marked(data: PreparedData) -> None:
    assert data.songs.is_pretraining.eq(0).all()
    assert data.metadata.is_pretraining.eq(1).all()
    assert data.songs_of("test").split.eq("test").all()
    assert data.metadata_of("train").split.eq("train").all()
