"""WordPiece tokenization in Python."""

from pathlib import Path

import pytest
import tensorflow as tf

from pipelines.metadata.tokenizer import MetadataTokenizer
from songpop_tf.serving.song_inputs.tokenizer import Tokenizer
from tests.songpop_tf.serving.song_inputs.test_keys import ARTISTS, TITLES

VOCABULARY = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "dream", "##s", "beyonce", "a", "##b"),
    *("b", "(", ")", "!", "-", "周", "x", "##x", "live", "Live", "ss", "ﬁ", "fi", "##´", "´", "e"),
]


@pytest.mark.parametrize("lowercase", [True, False])
def test_tokens_equal_those_of_the_tensorflow_graph(tmp_path: Path, lowercase: bool) -> None:
    tokenizer = MetadataTokenizer(VOCABULARY, 8, lowercase)
    tokenizer.save(tmp_path)
    tokenize = Tokenizer(tmp_path)
    texts = [
        *ARTISTS,
        *TITLES,
        "The dreams of Beyoncé",
        "a b a b a b a b a b",
        "#a",
        "[UNK]",
        "x" * 101,
    ]
    assert [tokenize(text) for text in texts] == tokenizer(tf.constant(texts)).numpy().tolist()
