"""The networks of a run for LiteRT, ONNX Runtime and OpenVINO, which need no TensorFlow.

These runtimes have no strings: the networks begin at token ids and at resized spectrograms. The
package `songpop_tf.serving.song_inputs`, which is written beside them, makes these with NumPy.
"""

import logging
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from pipelines.extras import require_extra
from pipelines.metadata.known_fields import FIELDS
from pipelines.metadata.masking import Tensors
from pipelines.metadata.tokenizer import PAD_ID
from songpop_tf.serving import song_inputs
from songpop_tf.serving.branch_model import BranchModel, SharedWeights
from songpop_tf.serving.runtime_files import write_readme, write_script
from songpop_tf.serving.schema import NETWORK_SUFFIXES, OUTPUTS, PREPROCESSORS_FOLDER
from songpop_tf.training.configurations import Configuration
from songpop_tf.training.run import Run

Runtime = Literal["litert", "onnx", "openvino"]

_CONVERTERS: dict[Runtime, str] = {"onnx": "tf2onnx", "openvino": "openvino"}
"""Modules that convert a network, each in the extra of the runtime's name; LiteRT needs none."""
_ONNX_OPSET = 18


@dataclass(frozen=True)
class Network:
    """A model of a run with its interval, from tensors that runtimes have to popularity.

    Attributes:
        function: a `tf.function` from the inputs by name to ``OUTPUTS`` by name, each
            ``(batch,)`` float32.
        signature: the inputs.
        weights: what ``function`` computes with.
    """

    function: Any
    signature: dict[str, tf.TensorSpec]
    weights: SharedWeights


def write_networks(run: Run, runtime: Runtime, directory: Path) -> None:
    """Write the networks of a run and all that predicting with them needs.

    Args:
        run: has a model for each network.
        runtime: that the networks are for.
        directory: of the version.

    Raises:
        InputError: the package that converts networks is not installed.
    """
    if runtime in _CONVERTERS:
        require_extra(f"--format {runtime}", _CONVERTERS[runtime], runtime)
    configurations = run.best_by_branch()
    directory.mkdir(parents=True)
    for branch, configuration in configurations.items():
        path = directory / f"{branch}{NETWORK_SUFFIXES[runtime]}"
        _WRITERS[runtime](load_network(run, configuration), path)
        if configuration.reads_metadata:
            preprocessor = run.preprocessor_directory(configuration)
            shutil.copytree(preprocessor, directory / PREPROCESSORS_FOLDER / branch)
    source = Path(song_inputs.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(source, directory / source.name, ignore=ignored)
    write_script(runtime, directory)
    write_readme(runtime, list(configurations), directory)


def load_network(run: Run, configuration: Configuration) -> Network:
    """Build the network of a model.

    The inputs are those of the Keras model, with tokens of a fixed length. It takes no input
    ``is_pretraining``: served songs are never rows of the pre-training set.
    """
    weights = SharedWeights()
    model = run.load_model(configuration)
    branch_model = BranchModel(model, run.load_intervals(configuration), weights)
    specs = {
        tensor.name: tf.TensorSpec(tensor.shape, tensor.dtype, name=tensor.name)
        for tensor in model.inputs
    }
    specs.pop("is_pretraining", None)
    if configuration.reads_metadata:
        tokens = run.load_preprocessor(configuration).tokenizer.tokens
        for name in ("artist", "title"):
            specs[name] = tf.TensorSpec([None, tokens], tf.int32, name=name)

    def predict(inputs: Tensors) -> Tensors:
        columns = branch_model.predict_with_interval(_model_inputs(inputs), _pattern(inputs))
        return dict(zip(OUTPUTS, tf.unstack(columns, axis=1), strict=True))

    function = tf.function(predict, input_signature=[specs], autograph=False)
    return Network(function, specs, weights)


def _model_inputs(inputs: Tensors) -> Tensors:
    if "year" not in inputs:
        return inputs
    return {**inputs, "is_pretraining": tf.zeros_like(inputs["year"])}


def _pattern(inputs: Tensors) -> tf.Tensor:
    """`pipelines.metadata.known_fields.pattern_id`: a text without tokens is unknown."""
    if "year" not in inputs:
        return tf.zeros_like(inputs["columns"], tf.int32)
    pattern = tf.zeros_like(inputs["year"])
    for field in FIELDS:
        is_known = tf.not_equal(inputs[field], PAD_ID)  # also 0 for unknown years
        if is_known.shape.rank == 2:
            is_known = tf.reduce_any(is_known, axis=1)
        pattern = 2 * pattern + tf.cast(is_known, tf.int32)
    return pattern


def _write_litert(network: Network, path: Path) -> None:
    with _saved_model(network) as folder:
        content: bytes = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
    path.write_bytes(content)


@contextmanager
def _saved_model(network: Network) -> Iterator[str]:
    """A SavedModel of the network, whose signature names the inputs and outputs."""
    with TemporaryDirectory() as folder:
        concrete = network.function.get_concrete_function()
        tf.saved_model.save(network.weights, folder, concrete)
        yield folder


def _write_onnx(network: Network, path: Path) -> None:
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.WARNING)
    tf2onnx.convert.from_function(
        network.function,
        input_signature=[network.signature],
        opset=_ONNX_OPSET,
        custom_op_handlers={"Log1p": (_log1p_to_onnx, []), "Erfc": (_erfc_to_onnx, [])},
        output_path=str(path),
    )


def _log1p_to_onnx(graph: Any, node: Any, name: str, _: Any) -> None:
    """``log(1 + x)``, since ONNX has no such operation."""
    one = graph.make_const(f"{name}_one", np.array(1, np.float32)).output[0]
    total = graph.make_node("Add", [node.input[0], one]).output[0]
    _replace(graph, node, "Log", [total])


def _erfc_to_onnx(graph: Any, node: Any, name: str, _: Any) -> None:
    """``1 - erf(x)``, since ONNX has no such operation."""
    one = graph.make_const(f"{name}_one", np.array(1, np.float32)).output[0]
    erf = graph.make_node("Erf", [node.input[0]]).output[0]
    _replace(graph, node, "Sub", [one, erf])


def _replace(graph: Any, node: Any, operation: str, inputs: list[str]) -> None:
    """Put an operation in a node's place."""
    kept = {"outputs": node.output, "shapes": node.output_shapes, "dtypes": node.output_dtypes}
    graph.remove_node(node.name)
    graph.make_node(operation, inputs, name=node.name, **kept)


def _write_openvino(network: Network, path: Path) -> None:
    import openvino

    # `openvino.convert_model` does the same, but asks whether it may report its use to Intel.
    with _saved_model(network) as folder:
        model = openvino.Core().read_model(folder)
        # By default it would round the weights to half precision.
        openvino.save_model(model, path, compress_to_fp16=False)


_WRITERS: Mapping[Runtime, Callable[[Network, Path], None]] = {
    "litert": _write_litert,
    "onnx": _write_onnx,
    "openvino": _write_openvino,
}
