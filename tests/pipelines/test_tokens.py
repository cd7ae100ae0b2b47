"""Artists and titles as word pieces."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.tokens import PADDING, MetadataTokenizer, learn_vocabulary

TABLE = pd.DataFrame(
    {
        "artist": ["Beyoncé", "Fleetwood Mac", "The Beatles", "周杰倫"] * 20,
        "title": ["Halo", "Dreams", "Help!", "晴天"] * 20,
    }
)


@pytest.fixture(scope="module")
def tokenizer() -> MetadataTokenizer:
    return MetadataTokenizer(learn_vocabulary(TABLE, 300), tokens=8)


def pieces(tokenizer: MetadataTokenizer, text: str) -> list[str]:
    tokens = tokenizer(tf.constant([text]))[0].numpy()
    return [tokenizer.vocabulary[token] for token in tokens if token != PADDING]


def test_a_text_stands_between_two_marks(tokenizer: MetadataTokenizer) -> None:
    assert pieces(tokenizer, "Fleetwood Mac") == ["[CLS]", "fleetwood", "mac", "[SEP]"]


def test_accents_do_not_make_a_word_unknown(tokenizer: MetadataTokenizer) -> None:
    assert pieces(tokenizer, "Beyoncé")[1] == "beyonce"


@pytest.mark.parametrize("text", ["", "  "])
def test_a_blank_text_is_padding_only(tokenizer: MetadataTokenizer, text: str) -> None:
    assert pieces(tokenizer, text) == []


def test_long_text_is_cut(tokenizer: MetadataTokenizer) -> None:
    assert len(pieces(tokenizer, "Fleetwood Mac " * 50)) == 8


def test_a_column_is_encoded_as_text_by_text(tokenizer: MetadataTokenizer) -> None:
    eager = tokenizer(tf.constant(TABLE.title.tolist()))
    np.testing.assert_array_equal(tokenizer.encode(TABLE.title), eager)


def test_save_and_load(tokenizer: MetadataTokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    loaded = MetadataTokenizer.load(tmp_path)
    assert pieces(loaded, "Beyoncé - Halo") == pieces(tokenizer, "Beyoncé - Halo")
    with pytest.raises(InputError, match="expected a tokenizer"):
        MetadataTokenizer.load(tmp_path / "nothing")


def test_a_vocabulary_begins_with_padding() -> None:
    with pytest.raises(ValueError, match="received dreams"):
        MetadataTokenizer(["dreams", "[PAD]"], tokens=8)


def test_vocabulary_size_is_bounded() -> None:
    assert len(learn_vocabulary(TABLE, 60)) <= 60


def test_the_same_text_gives_the_same_vocabulary_in_every_process() -> None:
    program = (
        "from tests.pipelines.test_tokens import TABLE\n"
        "from pipelines.tokens import learn_vocabulary\n"
        "print(learn_vocabulary(TABLE, 300))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() == str(learn_vocabulary(TABLE, 300))
