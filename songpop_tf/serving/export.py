"""Export the models of a run as the next version of a served model."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import tensorflow as tf

from pipelines.errors import InputError
from pipelines.io import StrPath
from pipelines.locks import locked_folder
from songpop_tf.constants import MODEL_CARD_FILE
from songpop_tf.evaluation.model_card import current_model_card
from songpop_tf.serving.export_readme import write_description
from songpop_tf.serving.schema import (
    METADATA_ONLY,
    WITH_SPECTROGRAM,
    YEAR_QUANTILES_FILE,
    numbered_folders,
    versions,
)
from songpop_tf.serving.serving_model import ServingModel
from songpop_tf.serving.warmup import write_warmup
from songpop_tf.training.run import Run

Format = Literal["savedmodel", "keras"]

PREPROCESSORS_FOLDER = "preprocessors"
"""Folder of a "keras" export: a preprocessor for each branch that reads metadata."""


def export(run: Run, target: StrPath, export_format: Format = "savedmodel") -> Path:
    """Write the next version of a model.

    The version appears atomically: it is written into a hidden folder that no server takes for a
    version, flushed, and renamed.

    Args:
        run: a training run; a SavedModel requires its text model.
        target: the model's folder; its versions are numbered folders.
        export_format: "savedmodel" takes PNG files and plain text, for TensorFlow Serving; "keras"
            is the networks only, as ``.keras`` files.

    Returns:
        The new version's folder.

    Raises:
        InputError: the run has no text model, or ``target`` is a file or holds versions of the
            other format, or another process writes there.
    """
    target = Path(target)
    _check_target(run, target, export_format)
    with locked_folder(target):
        return _write_version(run, target, export_format)


def _write_version(run: Run, target: Path, export_format: Format) -> Path:
    writers: dict[Format, Callable[[Path], None]] = {
        "savedmodel": lambda directory: _write_saved_model(run, target.name, directory),
        "keras": lambda directory: _write_keras(run, directory),
    }
    version = target / str(max(numbered_folders(target), default=0) + 1)
    temporary = target / f".{version.name}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        writers[export_format](temporary)
        if card := current_model_card(run):
            shutil.copyfile(card, temporary / MODEL_CARD_FILE)
        _flush(temporary)
        temporary.rename(version)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return version


def _check_target(run: Run, target: Path, export_format: Format) -> None:
    if target.exists() and not target.is_dir():
        raise InputError(f"{target}: expected a folder, received a file")
    if target.resolve() == run.directory.resolve():
        raise InputError(f"{target}: expected a separate folder for the model, received the run")
    # A server whose newest version has no graph would stop serving.
    saved_models = set(versions(target))
    others = [
        number
        for number in numbered_folders(target)
        if (number in saved_models) != (export_format == "savedmodel")
    ]
    if others:
        raise InputError(
            f"{target / str(others[0])}: expected versions of the format {export_format} only, "
            "received another; choose another --out"
        )


def _write_saved_model(run: Run, name: str, directory: Path) -> None:
    model = ServingModel(run)
    if METADATA_ONLY not in model.signatures:
        raise InputError(
            f"{run.directory}: expected a trained model named text, received "
            f"{', '.join(map(str, model.configurations.values()))}; "
            "run `songpop-tf train --branch text`"
        )
    functions: dict[str, Any] = dict(model.signatures)
    # A server calls this signature if a request names none.
    functions.setdefault(WITH_SPECTROGRAM, functions[METADATA_ONLY])
    signatures = {name: function.get_concrete_function() for name, function in functions.items()}
    # The weights only: tf.functions of the saved object would be saved a second time.
    tf.saved_model.save(model.weights, str(directory), signatures)
    configurations = {
        branch: configuration.name for branch, configuration in model.configurations.items()
    }
    write_description(name, configurations, signatures, directory)
    if run.year_quantiles_path.is_file():  # not in runs of earlier versions
        shutil.copyfile(run.year_quantiles_path, directory / YEAR_QUANTILES_FILE)
    write_warmup(name, signatures, directory)


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


def _flush(directory: Path) -> None:
    for path in directory.rglob("*"):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
