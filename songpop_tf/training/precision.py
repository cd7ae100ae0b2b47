"""Mixed precision: layers compute in bfloat16, weights stay in float32."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

_POLICY = "mixed_bfloat16"


@contextmanager
def precision(*, mixed: bool) -> Iterator[None]:
    """Build the models of a block in mixed precision, or as Keras is set up.

    Not float16, which needs its loss scaled.
    """
    before = keras.config.dtype_policy()
    if mixed:
        keras.config.set_dtype_policy(_POLICY)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
