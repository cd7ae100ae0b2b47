"""The pre-trained model that is installed with the package."""

from pathlib import Path

_NAME = "songpop"


def pretrained_model() -> Path:
    """Folder of the exported model (artist, title, year, audio); each version has a model card."""
    # In a checkout and in an installation, `saved_models` is a sibling of this package.
    return Path(__file__).parents[2] / "saved_models" / _NAME
