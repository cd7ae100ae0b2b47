"""Artist, title and year as tensors."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.metadata import MetadataTokenizer, learn_vocabulary

TABLE = pd.DataFrame(
    {
        "artist": ["Beyoncé", "Fleetwood Mac", "The Beatles", "周杰倫"] * 20,
        "title": ["Halo", "Dreams", "Help!", "晴天"] * 20,
        "year": [2008, 1977, 1965, 0] * 20,
    }
)


@pytest.fixture(scope="module")
def tokenizer() -> MetadataTokenizer:
    return MetadataTokenizer(learn_vocabulary(TABLE, 300), tokens=16)


def tokens(tokenizer: MetadataTokenizer, artist: str, title: str, year: int) -> list[str]:
    row = tokenizer(tf.constant([artist]), tf.constant([title]), tf.constant([year]))
    ids = row["token_ids"][0].numpy()[row["padding_mask"][0].numpy() == 1]
    return [tokenizer.vocabulary[token] for token in ids]


def test_three_segments_in_one_sequence(tokenizer: MetadataTokenizer) -> None:
    assert tokens(tokenizer, "Fleetwood Mac", "Dreams", 1977) == (
        ["[CLS]", "fleetwood", "mac", "[SEP]", "dreams", "[SEP]", "1977", "[SEP]"]
    )
    row = tokenizer(tf.constant(["Fleetwood Mac"]), tf.constant(["Dreams"]), tf.constant([1977]))
    assert row["segment_ids"][0, :8].numpy().tolist() == [0, 0, 0, 0, 1, 1, 2, 2]


def test_accents_do_not_make_a_word_unknown(tokenizer: MetadataTokenizer) -> None:
    assert tokens(tokenizer, "Beyoncé", "", 0)[1] == "beyonce"


def test_an_unknown_year_is_an_empty_segment(tokenizer: MetadataTokenizer) -> None:
    assert tokens(tokenizer, "", "", 0) == ["[CLS]", "[SEP]", "[SEP]", "[SEP]"]


def test_long_text_is_cut(tokenizer: MetadataTokenizer) -> None:
    assert len(tokens(tokenizer, "Fleetwood Mac " * 50, "Dreams", 1977)) == 16


def test_a_table_is_encoded_as_row_by_row(tokenizer: MetadataTokenizer) -> None:
    encoded = tokenizer.encode(TABLE)
    eager = tokenizer(
        tf.constant(TABLE.artist.tolist()), tf.constant(TABLE.title.tolist()), TABLE.year.to_numpy()
    )
    assert set(encoded) == {"token_ids", "segment_ids", "padding_mask", "year"}
    for key, column in encoded.items():
        np.testing.assert_array_equal(column, eager[key])


def test_save_and_load(tokenizer: MetadataTokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    loaded = MetadataTokenizer.load(tmp_path)
    assert tokens(loaded, "Beyoncé", "Halo", 2008) == tokens(tokenizer, "Beyoncé", "Halo", 2008)
    with pytest.raises(InputError, match="expected a tokenizer"):
        MetadataTokenizer.load(tmp_path / "nothing")


def test_vocabulary_size_is_bounded() -> None:
    assert len(learn_vocabulary(TABLE, 60)) <= 60


def test_the_same_text_gives_the_same_vocabulary_in_every_process() -> None:
    program = (
        "from tests.pipelines.test_metadata import TABLE\n"
        "from pipelines.metadata import learn_vocabulary\n"
        "print(learn_vocabulary(TABLE, 300))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() == str(learn_vocabulary(TABLE, 300))
