"""WordPiece tokenization of artists and titles."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.metadata.tokenizer import PAD_ID, MetadataTokenizer, train_vocabulary

TABLE = pd.DataFrame(
    {
        "artist": ["Beyoncé", "Fleetwood Mac", "The Beatles", "周杰倫"] * 20,
        "title": ["Halo", "Dreams", "Help!", "晴天"] * 20,
    }
)


@pytest.fixture(scope="module")
def tokenizer() -> MetadataTokenizer:
    return MetadataTokenizer(train_vocabulary(TABLE, 300), tokens=8)


def pieces(tokenizer: MetadataTokenizer, text: str) -> list[str]:
    tokens = tokenizer(tf.constant([text]))[0].numpy()
    return [tokenizer.vocabulary[token] for token in tokens if token != PAD_ID]


def test_text_is_enclosed_in_start_and_end_tokens(tokenizer: MetadataTokenizer) -> None:
    assert pieces(tokenizer, "Fleetwood Mac") == ["[CLS]", "fleetwood", "mac", "[SEP]"]


def test_accents_are_stripped(tokenizer: MetadataTokenizer) -> None:
    assert pieces(tokenizer, "Beyoncé")[1] == "beyonce"


@pytest.mark.parametrize("text", ["", "  "])
def test_blank_text_is_padding_only(tokenizer: MetadataTokenizer, text: str) -> None:
    assert pieces(tokenizer, text) == []


def test_long_text_is_truncated(tokenizer: MetadataTokenizer) -> None:
    assert len(pieces(tokenizer, "Fleetwood Mac " * 50)) == 8


def test_column_is_tokenized_like_a_batch(tokenizer: MetadataTokenizer) -> None:
    batch = tokenizer(tf.constant(TABLE.title.tolist()))
    np.testing.assert_array_equal(tokenizer.tokenize_column(TABLE.title), batch)


def test_save_and_load(tokenizer: MetadataTokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    loaded = MetadataTokenizer.load(tmp_path)
    assert pieces(loaded, "Beyoncé - Halo") == pieces(tokenizer, "Beyoncé - Halo")
    with pytest.raises(InputError, match="expected a tokenizer"):
        MetadataTokenizer.load(tmp_path / "missing")


def test_vocabulary_must_begin_with_padding() -> None:
    with pytest.raises(ValueError, match="received dreams"):
        MetadataTokenizer(["dreams", "[PAD]"], tokens=8)


def test_vocabulary_size_is_bounded() -> None:
    assert len(train_vocabulary(TABLE, 60)) <= 60


def test_vocabulary_is_the_same_in_every_process() -> None:
    program = (
        "from tests.pipelines.metadata.test_tokenizer import TABLE\n"
        "from pipelines.metadata.tokenizer import train_vocabulary\n"
        "print(train_vocabulary(TABLE, 300))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() == str(train_vocabulary(TABLE, 300))
