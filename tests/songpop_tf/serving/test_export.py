"""Exporting a run as versions of a model."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2, saved_model_pb2

from pipelines.errors import InputError
from pipelines.metadata.preprocessor import MetadataPreprocessor
from pipelines.prepared_data import PreparedData
from pipelines.splits import TEST
from songpop_tf.serving.export import export
from songpop_tf.serving.schema import PREPROCESSORS_FOLDER
from songpop_tf.training.configurations import find_configuration
from songpop_tf.training.inference import predict_split
from songpop_tf.training.run import Run

# Custom operations of TensorFlow Text that the stock tensorflow_model_server links.
TEXT_OPERATIONS = {
    "CaseFoldUTF8",
    "FastWordpieceTokenizeWithOffsets",
    "NormalizeUTF8",
    "RegexSplitWithOffsets",
}


def graph_of(version: Path) -> Any:
    saved = saved_model_pb2.SavedModel.FromString((version / "saved_model.pb").read_bytes())
    return saved.meta_graphs[0].graph_def


def nodes_of(graph: Any) -> list[Any]:
    """Of the graph and of its functions."""
    functions = graph.library.function
    return [*graph.node, *(node for function in functions for node in function.node_def)]


def test_functions_are_not_optimized_on_their_first_call(exported: Path) -> None:
    calls = [node for node in nodes_of(graph_of(exported)) if "config_proto" in node.attr]
    assert calls
    for call in calls:
        settings = config_pb2.ConfigProto.FromString(call.attr["config_proto"].s)
        assert settings.graph_options.rewrite_options.disable_meta_optimizer


def test_graph_uses_only_operations_of_a_stock_server(exported: Path) -> None:
    graph = graph_of(exported)
    names = {function.signature.name for function in graph.library.function}
    operations = {node.op for node in nodes_of(graph)} - names
    assert "DecodePng" in operations
    assert operations - set(dir(tf.raw_ops)) == TEXT_OPERATIONS
    # TensorFlow's own operations, but they call Python, which no server has.
    assert not [operation for operation in operations if "PyFunc" in operation]
    # A table needs an initializer that not every loader runs.
    assert not [operation for operation in operations if "Table" in operation]


def test_versions_count_up_and_leave_no_other_files(
    run: Run, exported: Path, tmp_path: Path
) -> None:
    assert [path.name for path in exported.parent.iterdir()] == ["1"]
    versions = [export(run, tmp_path / "networks", "keras").name for _ in range(2)]
    assert versions == ["1", "2"]
    assert sorted(path.name for path in (tmp_path / "networks").iterdir()) == versions


def test_run_folder_is_refused_as_target(run: Run) -> None:
    with pytest.raises(InputError, match="expected a separate folder"):
        export(run, run.directory)


def test_saved_model_requires_a_text_model(data: PreparedData, run: Run, tmp_path: Path) -> None:
    cnn = find_configuration("cnn")
    cnn_only = Run.start(tmp_path / "run", data, run.config())
    cnn_only.save_model(cnn, run.load_model(cnn), [], run.load_intervals(cnn))
    with pytest.raises(InputError, match="expected a trained model named text, received cnn"):
        export(cnn_only, tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_keras_format_predicts_with_its_own_preprocessor(
    run: Run, data: PreparedData, tmp_path: Path
) -> None:
    version = export(run, tmp_path / "networks", "keras")
    songs = data.songs_of(TEST)
    text = find_configuration("text")
    expected = predict_split(text, run.load_model(text), run, data, TEST)
    preprocessor = MetadataPreprocessor.load(version / PREPROCESSORS_FOLDER / "text")
    model = keras.models.load_model(version / "text.keras")
    inputs = preprocessor.to_model_inputs(preprocessor.tokenize_table(songs))
    np.testing.assert_allclose(model.predict(inputs, verbose=0)[:, 0], expected, atol=1e-4)
    names = sorted(path.name for path in version.glob("*.keras"))
    assert names == ["cnn.keras", "combined.keras", "text.keras"]
    with pytest.raises(InputError, match="expected versions of the format tensorflow only"):
        export(run, tmp_path / "networks")
