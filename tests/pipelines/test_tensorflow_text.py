"""What works without TensorFlow Text, as on Windows."""

import subprocess
import sys

import pytest

from pipelines.errors import InputError
from pipelines.metadata.tokenizer import MetadataTokenizer
from pipelines.tensorflow_text import import_tensorflow_text

CNN_ONLY = """
import sys
sys.modules["tensorflow_text"] = None
from songpop_tf.tf_logging import import_tensorflow_quietly
import_tensorflow_quietly()
import pipelines.datasets, pipelines.prepare, songpop_tf
print(songpop_tf.spectrogram_cnn(mean_popularity=50.0).name)
"""

# TensorFlow, imported by the user's own script, shows the warnings that the commands silence.
TRACED = """
import tensorflow as tf
from pipelines.metadata.artist_keys import artist_keys
print(next(iter(tf.data.Dataset.from_tensors(["Queen"]).map(artist_keys))).shape)
"""


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow_text", None)
    with pytest.raises(InputError, match="tensorflow-text: expected to be installed.*Windows"):
        import_tensorflow_text()
    with pytest.raises(InputError, match="tensorflow-text: expected to be installed"):
        MetadataTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"], tokens=4)


def test_spectrograms_and_cnn_need_no_tensorflow_text() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CNN_ONLY], capture_output=True, text=True, check=False
    )
    assert done.stdout == "spectrogram_cnn\n", done.stderr


def test_import_inside_a_traced_function_prints_no_warning() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TRACED], capture_output=True, text=True, check=False
    )
    assert done.stdout == "(1, 3)\n", done.stderr
    assert "AutoGraph" not in done.stderr
