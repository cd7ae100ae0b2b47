"""The commands as Python functions; `tests/test_docs.py` trains, evaluates and loads with them."""

from pathlib import Path

import pytest

import songpop_tf
from pipelines.errors import InputError


@pytest.mark.parametrize("function", [songpop_tf.train, songpop_tf.tune])
def test_wrong_branch_is_named_before_the_data_are_read(function: object, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="branch: expected one of .*all, received 'audio'"):
        function(tmp_path, tmp_path, branch="audio")  # type: ignore[operator]
    with pytest.raises(InputError, match="algorithm: expected one of .* received 'grid'"):
        songpop_tf.tune(tmp_path, tmp_path, algorithm="grid")
