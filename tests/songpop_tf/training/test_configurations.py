"""The six configurations and their names."""

import pytest

from songpop_tf.training.configurations import (
    CONFIGURATIONS,
    TRAINING_ORDER,
    Configuration,
    find_configuration,
    select_configurations,
)


@pytest.mark.parametrize(
    ("approach", "branch", "names"),
    [
        ("naive", "text", ["text_naive"]),
        ("better", "cnn", ["cnn"]),
        ("both", "combined", ["combined_naive", "combined"]),
        ("better", "all", ["text", "cnn", "combined"]),
    ],
)
def test_selection_by_approach_and_branch(approach: str, branch: str, names: list[str]) -> None:
    assert [one.name for one in select_configurations(approach, branch)] == names


def test_names_identify_configurations() -> None:
    assert [find_configuration(one.name) for one in CONFIGURATIONS] == list(CONFIGURATIONS)
    assert str(Configuration("cnn", pretrained=False)) == "cnn_naive"


def test_inputs_of_each_branch() -> None:
    reads = {one.branch: (one.reads_metadata, one.reads_spectrogram) for one in CONFIGURATIONS}
    assert reads == {"text": (True, False), "cnn": (False, True), "combined": (True, True)}


def test_branches_are_trained_before_the_models_that_need_them() -> None:
    assert set(TRAINING_ORDER) == set(CONFIGURATIONS)
    names = [one.name for one in TRAINING_ORDER]
    assert names.index("text") < names.index("combined") > names.index("cnn")
    # The pre-training set is no longer in use when the first image is read.
    assert names.index("text") < names.index("cnn_naive")


def test_unknown_names_are_errors() -> None:
    with pytest.raises(ValueError, match="branch: expected one of .* received 'audio'"):
        Configuration("audio", pretrained=True)
    with pytest.raises(ValueError, match="approach: expected one of .* received 'best'"):
        select_configurations("best", "text")
    with pytest.raises(ValueError, match="branch: expected one of .* received 'audio'"):
        select_configurations("both", "audio")
    with pytest.raises(ValueError, match="expected one of .* received 'audio'"):
        find_configuration("audio")
