"""Write the models of a run as one SavedModel, as TensorFlow Serving loads it."""

import os
import shutil
from pathlib import Path
from typing import Any

import tensorflow as tf

from pipelines.errors import InputError
from pipelines.files import write_json
from songpop_tf.evaluation.card import CARD
from songpop_tf.serving.names import (
    ANSWERED_BY,
    METADATA_ONLY,
    SIGNATURES_FILE,
    WITH_SPECTROGRAM,
    answering,
    versions,
)
from songpop_tf.serving.signatures import SongModel
from songpop_tf.training.run import Run

_KNOWN = {
    "text": "artist, title or year",
    "cnn": "spectrogram",
    "combined": "spectrogram and artist, title or year",
}
_MEANINGS = {
    "spectrogram_png": "bytes of a PNG file of any width; empty = no spectrogram",
    "artist": "may be empty",
    "title": "may be empty",
    "year": "of release; 0 = unknown",
    "popularity": "0-100; NaN if the image cannot be used, or no model fits what is given",
    "popularity_low": "9 of 10 songs are not less popular than this",
    "popularity_high": "nor more popular than this",
}


def export(run: Run, target: Path) -> Path:
    """Write the next version of a model.

    The new version appears whole or not at all: it is written beside its place under a name that no
    server takes for a version, flushed, and renamed.

    Args:
        run: a training run with a text model.
        target: the model's folder; its versions are numbered folders.

    Returns:
        The new version's folder.

    Raises:
        InputError: the run has no text model, or ``target`` is a file.
    """
    model = SongModel(run)
    if METADATA_ONLY not in model.signatures:
        raise InputError(
            f"{run.directory}: expected a trained model named text, found "
            f"{', '.join(model.configurations.values())}; run `songpop-tf train --branch text`"
        )
    if target.exists() and not target.is_dir():
        raise InputError(f"{target}: expected a folder, found a file")
    if target.resolve() == run.directory.resolve():
        raise InputError(f"{target}: expected a folder of its own for the model, received the run")
    version = target / str(max(versions(target), default=0) + 1)
    temporary = target / f".{version.name}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        _save(model, temporary)
        _describe(model, run, temporary)
        _flush(temporary)
        temporary.rename(version)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return version


def _save(model: SongModel, directory: Path) -> None:
    signatures: dict[str, Any] = dict(model.signatures)
    # A server asks for this one if a client names none.
    signatures.setdefault(WITH_SPECTROGRAM, signatures[METADATA_ONLY])
    concrete = {name: function.get_concrete_function() for name, function in signatures.items()}
    # Nothing but the weights: functions that hang on it would be saved besides the signatures.
    weights = tf.Module()
    weights.branches = model.branches
    tf.saved_model.save(weights, str(directory), concrete)


def _describe(model: SongModel, run: Run, directory: Path) -> None:
    """Say beside the graph what goes in and out."""
    described = {name: _tensors_of(function) for name, function in model.signatures.items()}
    described.setdefault(WITH_SPECTROGRAM, described[METADATA_ONLY])
    answers = {known: answering(known, model.configurations) for known in ANSWERED_BY}
    content = {
        "configurations": model.configurations,
        "answered_by": {
            _KNOWN[known]: model.configurations[branch] if branch else None
            for known, branch in answers.items()
        },
        "signatures": described,
    }
    write_json(directory / SIGNATURES_FILE, content)
    if (run.directory / CARD).is_file():
        shutil.copyfile(run.directory / CARD, directory / CARD)


def _tensors_of(function: Any) -> dict[str, dict[str, dict[str, str]]]:
    concrete = function.get_concrete_function()
    inputs = {spec.name: spec for spec in function.input_signature}
    return {
        side: {
            name: {"dtype": spec.dtype.name, "shape": "(batch,)", "meaning": _MEANINGS[name]}
            for name, spec in specs.items()
        }
        for side, specs in (("inputs", inputs), ("outputs", concrete.structured_outputs))
    }


def _flush(directory: Path) -> None:
    for path in directory.rglob("*"):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
