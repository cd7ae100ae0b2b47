"""Presets: pre-trained BERTs of KerasHub, or folders in Hugging Face's layout."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.file_errors import file_problem, reading, translating
from pipelines.io import read_json

_VOCABULARY_FILE = "vocab.txt"
_SETTINGS_FILE = "tokenizer_config.json"
_LOWERCASE = "do_lower_case"
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
