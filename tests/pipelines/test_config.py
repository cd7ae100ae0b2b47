"""Validation of the pipelines' settings."""

import pytest

from pipelines.config import AugmentationConfig, MaskingConfig, SplitConfig
from pipelines.errors import InputError


@pytest.mark.parametrize(
    ("config", "settings", "message"),
    [
        (SplitConfig, {"test": 1.0}, "test: expected between 0 and 1, received 1.0"),
        (SplitConfig, {"seed": -1}, "seed: expected 0 to 4294967295, received -1"),
        (AugmentationConfig, {"patch_rows": 0}, "patch_rows: expected 1 or more, received 0"),
        (AugmentationConfig, {"patch_probability": 2}, "patch_probability: expected 0 to 1"),
        (MaskingConfig, {"year_rate": 1.1}, "year_rate: expected 0 to 1, received 1.1"),
    ],
)
def test_invalid_settings_are_refused(config: type, settings: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        config(**settings)
