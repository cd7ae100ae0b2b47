"""What `import songpop_tf` offers, and when it imports it."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import songpop_tf


def test_every_name_is_found_documented_and_known_to_type_checkers() -> None:
    names = set(songpop_tf.__all__)
    assert names == set(songpop_tf._MODULES)
    assert names < set(dir(songpop_tf))
    for name in names:
        value = getattr(songpop_tf, name)
        assert not callable(value) or inspect.getdoc(value), name
    source = ast.parse(Path(songpop_tf.__file__).read_text())
    imported = {
        alias.name
        for block in source.body
        if isinstance(block, ast.If)
        for statement in ast.walk(block)
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    assert imported == names


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'songpop_tf' has no attribute 'predict'"):
        songpop_tf.predict  # noqa: B018


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    code = (
        "import sys, songpop_tf; songpop_tf.load; songpop_tf.RunConfig; "
        "print({'tensorflow', 'keras', 'pandas'} & set(sys.modules) or 'none')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "none\n"
