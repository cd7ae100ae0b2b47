"""The frequency axis of the image, and drawing on it."""

import numpy as np
import pytest

from pipelines.synthetic.drawing import ROWS, frequency_to_row, harmonic_rows, row_frequencies


def test_rows_are_logarithmic_from_30_hertz_at_the_bottom_to_12_kilohertz():
    hertz = row_frequencies()
    assert hertz[-1] == pytest.approx(30.0)
    assert hertz[0] == pytest.approx(12_000.0)
    np.testing.assert_allclose(frequency_to_row(hertz), np.arange(ROWS), atol=1e-3)
    assert harmonic_rows(69.0, 2).tolist() == [
        round(255 * (1 - np.log(f / 30) / np.log(400))) for f in (440, 880)
    ]
