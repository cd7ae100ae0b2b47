"""Write the models of a run as the next version of a model that others load."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import tensorflow as tf

from pipelines.errors import InputError
from songpop_tf.evaluation.card import CARD, card_of
from songpop_tf.serving.describe import describe
from songpop_tf.serving.names import METADATA_ONLY, WITH_SPECTROGRAM, numbers, versions
from songpop_tf.serving.signatures import SongModel
from songpop_tf.serving.warmup import write_warmup
from songpop_tf.training.run import Run

Format = Literal["savedmodel", "keras"]

WORDS_FOLDER = "words"
"""Beside ``.keras`` files: what turns artist, title and year into their inputs."""


def export(run: Run, target: Path, kind: Format = "savedmodel") -> Path:
    """Write the next version of a model.

    The new version appears whole or not at all: it is written beside its place under a name that no
    server takes for a version, flushed, and renamed.

    Args:
        run: a training run; for a SavedModel with a text model.
        target: the model's folder; its versions are numbered folders.
        kind: "savedmodel" takes PNG files and plain words, as TensorFlow Serving loads it; "keras"
            is the networks alone, as ``.keras`` files.

    Returns:
        The new version's folder.

    Raises:
        InputError: the run has no text model, or ``target`` is a file or holds versions of the
            other kind.
    """
    _check_target(run, target, kind)
    write: dict[Format, Callable[[Path], None]] = {
        "savedmodel": lambda directory: _write_saved_model(run, target.name, directory),
        "keras": lambda directory: _write_keras(run, directory),
    }
    version = target / str(max(numbers(target), default=0) + 1)
    temporary = target / f".{version.name}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        write[kind](temporary)
        if card := card_of(run):
            shutil.copyfile(card, temporary / CARD)
        _flush(temporary)
        temporary.rename(version)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return version


def _check_target(run: Run, target: Path, kind: Format) -> None:
    if target.exists() and not target.is_dir():
        raise InputError(f"{target}: expected a folder, found a file")
    if target.resolve() == run.directory.resolve():
        raise InputError(f"{target}: expected a folder of its own for the model, received the run")
    # A server that finds a newest version without a graph serves nothing any more.
    served = set(versions(target))
    others = [number for number in numbers(target) if (number in served) != (kind == "savedmodel")]
    if others:
        raise InputError(
            f"{target / str(others[0])}: expected versions of the format {kind} only, found "
            "another; choose another --out"
        )


def _write_saved_model(run: Run, name: str, directory: Path) -> None:
    model = SongModel(run)
    if METADATA_ONLY not in model.signatures:
        raise InputError(
            f"{run.directory}: expected a trained model named text, found "
            f"{', '.join(model.configurations.values())}; run `songpop-tf train --branch text`"
        )
    signatures: dict[str, Any] = dict(model.signatures)
    # A server asks for this one if a client names none.
    signatures.setdefault(WITH_SPECTROGRAM, signatures[METADATA_ONLY])
    concrete = {one: function.get_concrete_function() for one, function in signatures.items()}
    # Nothing but the weights: functions that hang on it would be saved besides the signatures.
    weights = tf.Module()
    weights.branches = model.branches
    tf.saved_model.save(weights, str(directory), concrete)
    describe(name, model.configurations, concrete, directory)
    write_warmup(name, concrete, directory)


def _write_keras(run: Run, directory: Path) -> None:
    configurations = run.best_by_branch()
    if not configurations:
        raise InputError(f"{run.directory}: expected trained models, found none")
    directory.mkdir(parents=True)
    for branch, name in configurations.items():
        shutil.copyfile(run.model_path(name), directory / f"{branch}.keras")
        if branch != "cnn":
            reader = run.reader_directory(name)
            shutil.copytree(reader, directory / WORDS_FOLDER / branch)


def _flush(directory: Path) -> None:
    for path in directory.rglob("*"):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
