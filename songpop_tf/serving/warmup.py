"""Warm-up requests, which TensorFlow Serving runs when it loads a model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from songpop_tf.serving.schema import (
    HISTORY_POSITION,
    LEAVE_OUT_NONE,
    PATCH_INPUTS,
    WITH_HISTORY,
    WITH_OCCLUSION,
)

_FILE = Path("assets.extra") / "tf_serving_warmup_requests"
_SAMPLES = 48_000
_COLUMNS = 12_000
"""Width of a minute of music, so that the image is resized."""


def can_warm_up() -> bool:
    """Whether the extra ``serving``, which defines the requests, is installed."""
    try:
        import tensorflow_serving.apis  # noqa: F401
    except ModuleNotFoundError:
        return False
    return True


def write_warmup(name: str, signatures: Mapping[str, Any], directory: Path) -> None:
    """Write a small request for each signature into an exported version.

    Does nothing without the extra ``serving``: see `can_warm_up`.

    Args:
        name: of the model on a server.
        signatures: concrete functions by name.
        directory: of the version.
    """
    if not can_warm_up():
        return
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

    inputs_of_songs = _inputs()
    path = directory / _FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, concrete in signatures.items():
            inputs = {**inputs_of_songs, **_further_inputs(signature)}
            request = predict_pb2.PredictRequest()
            request.model_spec.name = name
            request.model_spec.signature_name = signature
            for spec in concrete.structured_input_signature[0]:
                request.inputs[spec.name].CopyFrom(inputs[spec.name])
            log = prediction_log_pb2.PredictLog(request=request)
            writer.write(prediction_log_pb2.PredictionLog(predict_log=log).SerializeToString())


def _inputs() -> dict[str, Any]:
    """Inputs of two songs, one with a spectrogram and one without."""
    return {
        "spectrogram_png": tf.make_tensor_proto([_spectrogram(), b""], tf.string),
        "audio": _constant_audio(2, _SAMPLES),
        "samples": tf.make_tensor_proto([_SAMPLES, 0], tf.int64),
        "artist": tf.make_tensor_proto(["Fleetwood Mac", ""], tf.string),
        "title": tf.make_tensor_proto(["Dreams", "Halo"], tf.string),
        "year": tf.make_tensor_proto([1977, 0], tf.int64),
    }


def _further_inputs(signature: str) -> dict[str, Any]:
    if signature == WITH_OCCLUSION:
        return _patches()
    if signature == WITH_HISTORY:
        return {HISTORY_POSITION: tf.make_tensor_proto([LEAVE_OUT_NONE, 0], tf.int64)}
    return {}


def _patches() -> dict[str, Any]:
    """One image, as it is and with a patch of it covered."""
    # Of the first and the last column, the first and the last row.
    patches = ([0, 0], [-1, _COLUMNS // 10], [0, 0], [-1, 63])
    return {
        "spectrogram_png": tf.make_tensor_proto([_spectrogram()], tf.string),
        **{
            name: tf.make_tensor_proto(column, tf.int64)
            for name, column in zip(PATCH_INPUTS, patches, strict=True)
        },
    }


def _spectrogram() -> bytes:
    """A PNG file of a few KB; half black and half white, since a blank image is refused."""
    black = tf.zeros((128, _COLUMNS, 1), tf.uint8)
    png: bytes = tf.io.encode_png(tf.concat([black, black + 255], axis=0)).numpy()
    return png


def _constant_audio(songs: int, samples: int) -> Any:
    """Audio as a proto of a few bytes: a single value stands for all of a tensor.

    Not zero, since silence is refused before the transform runs.
    """
    proto = tf.make_tensor_proto([[0.0]], tf.float32)
    proto.tensor_shape.dim[0].size, proto.tensor_shape.dim[1].size = songs, samples
    proto.tensor_content = b""
    proto.float_val[:] = [0.5]
    return proto
