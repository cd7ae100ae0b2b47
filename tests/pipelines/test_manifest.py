"""The plan and the manifest of a preparation."""

from pathlib import Path

import pytest

from pipelines.config import SplitConfig
from pipelines.errors import InputError
from pipelines.io import file_fingerprint
from pipelines.manifest import check_output_dir, make_plan
from pipelines.prepare import prepare
from pipelines.prepared_data import PreparedData
from pipelines.source_folders import SourceFolders
from tests.conftest import no_progress
from tests.pipelines.prepare_options import sample_options


def test_counts_agree_with_the_tables(data: PreparedData) -> None:
    counts = data.manifest["counts"]
    assert sum(counts["songs"].values()) == len(data.songs) == 48
    assert sum(counts["linkage"].values()) == 48
    assert sum(shard["songs"] for shard in data.manifest["shards"]) == 48


def test_other_settings_in_the_same_directory_are_refused(sample: Path, data: PreparedData) -> None:
    other = sample_options(sample, SplitConfig(seed=9))
    with pytest.raises(InputError, match="other inputs or settings"):
        prepare(other, data.directory, no_progress)


def test_directory_with_other_files_is_left_alone(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="received one with other files"):
        prepare(sample_options(sample), tmp_path, no_progress)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_file_instead_of_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(InputError, match="expected a folder, received a file"):
        check_output_dir(tmp_path / "data", {})


def test_plan_depends_on_the_content_of_tables_and_on_the_images(tmp_path: Path) -> None:
    image, table = tmp_path / "image.png", tmp_path / "tracks.csv"

    def plan() -> dict[str, object]:
        return make_plan(
            SourceFolders(tmp_path), [image.name], [file_fingerprint(table)], SplitConfig()
        )

    image.write_bytes(b"1")
    table.write_text("a")
    before = plan()
    assert plan() == before
    image.write_bytes(b"12")
    with_other_image = plan()
    table.write_text("b")
    assert before != with_other_image != plan()
