"""FarmHash in Python."""

import numpy as np
import tensorflow as tf

from songpop_tf.serving.song_inputs.fingerprint64 import fingerprint64


def test_fingerprints_of_all_lengths_equal_tensorflows() -> None:
    rng = np.random.default_rng(0)
    texts = [rng.bytes(length) for length in range(200)]
    expected = tf.strings.to_hash_bucket_fast(texts, 2**62).numpy()
    assert [fingerprint64(text) % 2**62 for text in texts] == expected.tolist()
