"""The six models that a run may hold: three branches, each naive or pre-trained."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.errors import InputError

BRANCHES = ("text", "cnn", "combined")
APPROACHES = ("naive", "better", "both")


@dataclass(frozen=True)
class Configuration:
    """One model: which inputs it reads, and how it is trained.

    Attributes:
        branch: "text" reads artist, title and year, "cnn" the spectrogram, "combined" both.
        pretrained: trained in stages ("better"); False: from scratch on the songs that have a
            spectrogram ("naive").
    """

    branch: str
    pretrained: bool

    def __post_init__(self) -> None:
        if self.branch not in BRANCHES:
            raise ValueError(f"branch: expected one of {BRANCHES}, received {self.branch!r}")

    @property
    def name(self) -> str:
        """As in file names, reports and ``evaluation.json``: "text" or "text_naive"."""
        return self.branch if self.pretrained else f"{self.branch}_naive"

    @property
    def reads_metadata(self) -> bool:
        """Whether artist, title and year are among the model's inputs."""
        return self.branch != "cnn"

    @property
    def reads_spectrogram(self) -> bool:
        """Whether the spectrogram is among the model's inputs."""
        return self.branch != "text"

    def __str__(self) -> str:
        return self.name


CONFIGURATIONS = tuple(
    Configuration(branch, pretrained) for pretrained in (False, True) for branch in BRANCHES
)
"""All of them, in the order of reports."""

TRAINING_ORDER = tuple(
    Configuration(branch, pretrained) for branch in BRANCHES for pretrained in (False, True)
)
"""All of them, branch by branch. TensorFlow keeps the memory that convolutions took: the text
branches, whose tables fill memory too, come before them."""


def require_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Check the value of an argument.

    Raises:
        InputError: it is none of the choices.
    """
    if value not in choices:
        raise InputError(f"{name}: expected one of {', '.join(choices)}, received {value!r}")


def select_configurations(approach: str, branch: str) -> list[Configuration]:
    """The configurations that ``train --approach`` and ``--branch`` ask for.

    Args:
        approach: "naive", "better" or "both".
        branch: "text", "cnn", "combined" or "all".

    Raises:
        InputError: another approach or branch.
    """
    require_choice("approach", approach, APPROACHES)
    require_choice("branch", branch, (*BRANCHES, "all"))
    return [
        configuration
        for configuration in CONFIGURATIONS
        if branch in (configuration.branch, "all")
        and approach in ("better" if configuration.pretrained else "naive", "both")
    ]


def find_configuration(name: str) -> Configuration:
    """The configuration of a name.

    Raises:
        ValueError: there is none.
    """
    by_name = {configuration.name: configuration for configuration in CONFIGURATIONS}
    if name not in by_name:
        raise ValueError(f"expected one of {', '.join(by_name)}, received {name!r}")
    return by_name[name]
