"""Export the models of a run as the next version of a served model."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import tensorflow as tf

from pipelines.errors import InputError
from pipelines.io import StrPath
from pipelines.locks import locked_folder
from songpop_tf.constants import MODEL_CARD_FILE
from songpop_tf.evaluation.model_card import current_model_card
from songpop_tf.serving.export_readme import README, write_description
from songpop_tf.serving.runtimes import write_networks
from songpop_tf.serving.schema import (
    GRAPH_FILE,
    METADATA_ONLY,
    NETWORK_SUFFIXES,
    PREPROCESSORS_FOLDER,
    WITH_SPECTROGRAM,
    YEAR_QUANTILES_FILE,
    numbered_folders,
)
from songpop_tf.serving.serving_model import ServingModel
from songpop_tf.serving.song_popularity import SongPopularity
from songpop_tf.serving.warmup import write_warmup
from songpop_tf.training.run import Run

Format = Literal["tensorflow", "keras", "preset", "litert", "onnx", "openvino"]


def export(run: Run, target: StrPath, export_format: Format = "tensorflow") -> Path:
    """Write the next version of a model.

    The version appears atomically: it is written into a hidden folder that no server takes for a
    version, flushed, and renamed.

    Args:
        run: a training run; all formats but "keras" require its text model.
        target: the model's folder; its versions are numbered folders.
        export_format: "tensorflow" takes PNG files and plain text, for TensorFlow Serving;
            "preset" is a `songpop_tf.SongPopularity` for KerasHub; the others are the networks
            only, as ``.keras`` files or for another runtime.

    Returns:
        The new version's folder.

    Raises:
        InputError: the run has no text model, ``target`` is a file or holds versions of another
            format, another process writes there, or a package that the format needs is missing.
    """
    target = Path(target)
    _check_target(run, target, export_format)
    with locked_folder(target):
        return _write_version(run, target, export_format)


def _write_version(run: Run, target: Path, export_format: Format) -> Path:
    version = target / str(max(numbered_folders(target), default=0) + 1)
    temporary = target / f".{version.name}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        _write(run, target.name, export_format, temporary)
        if card := current_model_card(run):
            shutil.copyfile(card, temporary / MODEL_CARD_FILE)
        _flush(temporary)
        temporary.rename(version)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return version


def _write(run: Run, name: str, export_format: Format, directory: Path) -> None:
    if export_format == "keras":
        _write_keras(run, directory)
        return
    _require_text_model(run)
    if export_format == "preset":
        _write_preset(run, directory)
    elif export_format == "tensorflow":
        _write_saved_model(run, name, directory)
    else:
        write_networks(run, export_format, directory)


def _check_target(run: Run, target: Path, export_format: Format) -> None:
    if target.exists() and not target.is_dir():
        raise InputError(f"{target}: expected a folder, received a file")
    if target.resolve() == run.directory.resolve():
        raise InputError(f"{target}: expected a separate folder for the model, received the run")
    # A server whose newest version has no graph would stop serving.
    files = f"*{NETWORK_SUFFIXES[export_format]}" if export_format != "tensorflow" else GRAPH_FILE
    folders = (target / str(number) for number in numbered_folders(target))
    others = [folder for folder in folders if not any(folder.glob(files))]
    if others:
        raise InputError(
            f"{others[0]}: expected versions of the format {export_format} only, "
            "received another; choose another --out"
        )


def _require_text_model(run: Run) -> None:
    configurations = run.best_by_branch()
    if "text" not in configurations:
        raise InputError(
            f"{run.directory}: expected a trained model named text, received "
            f"{', '.join(map(str, configurations.values())) or 'a run without models'}; "
            "run `songpop-tf train --branch text`"
        )


def _write_saved_model(run: Run, name: str, directory: Path) -> None:
    model = ServingModel(run)
    functions: dict[str, Any] = dict(model.signatures)
    # A server calls this signature if a request names none.
    functions.setdefault(WITH_SPECTROGRAM, functions[METADATA_ONLY])
    with _calls_without_graph_optimizer():
        signatures = {
            name: function.get_concrete_function() for name, function in functions.items()
        }
        # The weights only: tf.functions of the saved object would be saved a second time.
        tf.saved_model.save(model.weights, str(directory), signatures)
    configurations = {
        branch: configuration.name for branch, configuration in model.configurations.items()
    }
    write_description(name, configurations, signatures, directory)
    if run.year_quantiles_path.is_file():  # not in runs of earlier versions
        shutil.copyfile(run.year_quantiles_path, directory / YEAR_QUANTILES_FILE)
    write_warmup(name, signatures, directory)


@contextmanager
def _calls_without_graph_optimizer() -> Iterator[None]:
    """Write into each call of a function that TensorFlow need not optimize the function.

    A call holds the settings with which it was traced, whatever the session says. Optimizing the
    functions takes ten seconds on the first song with sound, and later songs are no faster for it.
    """
    name = "disable_meta_optimizer"
    before = tf.config.optimizer.get_experimental_options().get(name, False)
    tf.config.optimizer.set_experimental_options({name: True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({name: before})


def _write_keras(run: Run, directory: Path) -> None:
    configurations = run.best_by_branch()
    if not configurations:
        raise InputError(f"{run.directory}: expected trained models, received a run without")
    directory.mkdir(parents=True)
    for branch, configuration in configurations.items():
        shutil.copyfile(run.model_path(configuration), directory / f"{branch}.keras")
        if configuration.reads_metadata:
            preprocessor = run.preprocessor_directory(configuration)
            shutil.copytree(preprocessor, directory / PREPROCESSORS_FOLDER / branch)


def _write_preset(run: Run, directory: Path) -> None:
    SongPopularity.from_run(run.directory).save_to_preset(directory)
    if run.year_quantiles_path.is_file():  # not in runs of earlier versions
        shutil.copyfile(run.year_quantiles_path, directory / YEAR_QUANTILES_FILE)
    if card := current_model_card(run):
        shutil.copyfile(card, directory / README)  # what hubs show as the model card


def _flush(directory: Path) -> None:
    for path in directory.rglob("*"):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
