"""Warm-up requests of an exported model."""

from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tests.songpop_tf.serving.fake_server import ServedModel


def test_warm_up_requests_cover_all_signatures(exported: Path, served_model: ServedModel) -> None:
    path = exported / "assets.extra" / "tf_serving_warmup_requests"
    assert path.stat().st_size < 20_000
    signatures = []
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        inputs = {
            name: tf.constant(tf.make_ndarray(tensor)) for name, tensor in request.inputs.items()
        }
        outputs = served_model.predict(request.model_spec.signature_name, inputs)
        assert outputs["popularity"].numpy() == pytest.approx(50, abs=50)
        assert outputs["usable"].numpy().all(), "the networks are warmed up"
        signatures.append(request.model_spec.signature_name)
    assert sorted(signatures) == [
        "audio",
        "history",
        "metadata_only",
        "occlusion",
        "serving_default",
    ]
