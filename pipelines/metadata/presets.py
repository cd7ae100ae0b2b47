"""Presets: pre-trained BERTs of KerasHub, or folders in Hugging Face's layout."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from safetensors.numpy import load_file, save_file

from pipelines.file_errors import file_problem, reading, translating
from pipelines.io import read_json

_VOCABULARY_FILE = "vocab.txt"
_SETTINGS_FILE = "tokenizer_config.json"
_LOWERCASE = "do_lower_case"
_CONFIG_FILE, _WEIGHTS_FILE = "config.json", "model.safetensors"
_POSITIONS = "max_position_embeddings"
_ENCODER_WEIGHT = re.compile(r"(embeddings|encoder|pooler)\.")
_SUFFIXES = (".json", ".txt", ".safetensors", ".h5")
_MAX_LENGTH = 300


@contextmanager
def loading_preset(preset: str) -> Iterator[None]:
    """Translate any error of loading a preset.

    Raises:
        InputError: the preset does not exist, is no BERT, or its files are damaged.
    """
    with translating(
        lambda error: (
            f"preset {preset!r}: expected the name or folder of a BERT preset, "
            f"received: {_received(Path(preset), error)}"
        )
    ):
        yield


def _received(folder: Path, error: Exception) -> str:
    if folder.is_dir():
        for file in sorted(folder.iterdir()):
            if file.suffix in _SUFFIXES and file.is_file() and (problem := file_problem(file)):
                return f"{problem} ({file.name})"
    reason = " ".join(str(error).partition(". ")[0].split())[:_MAX_LENGTH]
    return (
        reason if isinstance(error, (ValueError, OSError)) else f"{type(error).__name__}: {reason}"
    )


@contextmanager
def keras_hub_preset(preset: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Make a preset one that every supported version of KerasHub reads.

    KerasHub 0.26 expects the weights' names of the first BERT, such as
    ``bert.embeddings.LayerNorm.gamma``; sentence-transformers have ``embeddings.LayerNorm.weight``.
    It also assumes 512 positions.

    Yields:
        Preset and keyword arguments for ``from_preset``. The preset is a temporary copy if weights
        of a Hugging Face folder must be renamed.
    """
    folder = Path(preset)
    if not (is_hugging_face_folder(folder) and (folder / _WEIGHTS_FILE).is_file()):
        yield preset, {}
        return
    options = {"max_sequence_length": read_json(folder / _CONFIG_FILE)[_POSITIONS]}
    weights = load_file(folder / _WEIGHTS_FILE)
    renamed = {_original_name(name): weight for name, weight in weights.items()}
    if set(renamed) == set(weights):
        yield preset, options
        return
    with TemporaryDirectory() as copy:
        shutil.copyfile(folder / _CONFIG_FILE, Path(copy) / _CONFIG_FILE)
        save_file(renamed, Path(copy) / _WEIGHTS_FILE)
        yield copy, options


def _original_name(name: str) -> str:
    """The name that a weight has in the first BERT's checkpoints."""
    name = f"bert.{name}" if _ENCODER_WEIGHT.match(name) else name
    for new, old in (("weight", "gamma"), ("bias", "beta")):
        name = name.replace(f"LayerNorm.{new}", f"LayerNorm.{old}")
    return name


def is_hugging_face_folder(folder: Path) -> bool:
    """Whether a folder has a vocabulary in Hugging Face's layout."""
    return (folder / _VOCABULARY_FILE).is_file()


def read_hugging_face_vocabulary(folder: Path) -> tuple[list[str], bool]:
    """Read the word pieces, and whether they are in lower case.

    Not by KerasHub: it needs ``do_lower_case``, which BERT's tokenizer assumes to be true.

    Raises:
        InputError: a file is damaged.
    """
    path, settings_path = folder / _VOCABULARY_FILE, folder / _SETTINGS_FILE
    with reading(path, "a vocabulary"):
        text = path.read_text(encoding="utf-8")
    settings = {}
    if settings_path.is_file():
        with reading(settings_path, "a tokenizer's settings"):
            settings = dict(read_json(settings_path))
    return text.removesuffix("\n").split("\n"), bool(settings.get(_LOWERCASE, True))
