"""Versions of an exported model."""

from pathlib import Path

from songpop_tf.serving.schema import versions


def test_only_folders_that_hold_a_graph_are_versions(tmp_path: Path) -> None:
    for name in ("1", "0002", "3", "12"):
        (tmp_path / name).mkdir()
    for name in ("1", "0002", "12"):
        (tmp_path / name / "saved_model.pb").touch()
    assert versions(tmp_path) == [1, 12]
    assert versions(tmp_path / "none") == []
