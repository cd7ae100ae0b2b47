"""Gray levels: linear, clipped, calibrated."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.audio.grayscale import (
    MIN_ORIGINALS,
    fit_curve,
    gray_quantiles,
    grayscale_warning,
    load_curve,
    load_originals,
    save_curve,
    to_grayscale,
)
from pipelines.errors import InputError


def amplitudes(columns: int = 400) -> np.ndarray:
    """Mostly dark, with sparse bright points, as spectrograms are."""
    return np.random.default_rng(0).exponential(1.0, (columns, 256)).astype(np.float32) ** 3


def test_levels_are_linear_and_clipped_at_the_quantile() -> None:
    values = np.zeros((100, 256), np.float32)
    values[:, 0] = np.linspace(0, 1, 100)
    values[5, 255] = 1e6  # one click must not darken the song
    image = to_grayscale(values)
    assert image.shape == (256, 100)
    assert image.dtype == np.uint8
    assert image[255].max() == 255, "low frequencies are at the bottom"
    assert image[0, 5] == 255
    rank = np.sort(values, axis=None)[int(0.999 * (values.size - 1))]
    np.testing.assert_array_equal(image[255], np.rint(np.minimum(values[:, 0] / rank, 1) * 255))


def test_gain_changes_nothing() -> None:
    np.testing.assert_array_equal(to_grayscale(amplitudes()), to_grayscale(0.125 * amplitudes()))


def test_silence_is_black() -> None:
    assert to_grayscale(np.zeros((50, 256), np.float32)).max() == 0


def test_curve_restores_another_gray_mapping() -> None:
    linear = [to_grayscale(amplitudes()), to_grayscale(amplitudes(300))]
    originals = [np.rint(255 * (image / 255.0) ** 0.5).astype(np.uint8) for image in linear]
    curve = fit_curve(originals, linear)
    assert curve.shape == (256,)
    assert np.all(np.diff(curve.astype(int)) >= 0)
    restored = [curve[image] for image in linear]
    difference = np.abs(gray_quantiles(restored) - gray_quantiles(originals))
    assert np.median(difference) <= 2
    assert difference.max() <= 12
    mapped = to_grayscale(amplitudes(), curve)
    np.testing.assert_array_equal(mapped, curve[to_grayscale(amplitudes())])


def test_curve_is_stored(tmp_path: Path) -> None:
    curve = np.arange(256, dtype=np.uint8)
    save_curve(tmp_path / "curve.json", curve)
    np.testing.assert_array_equal(load_curve(tmp_path / "curve.json"), curve)
    (tmp_path / "other.json").write_text('{"gray_levels": [1, 2]}')
    with pytest.raises(InputError, match=r"other\.json: expected 256 gray levels"):
        load_curve(tmp_path / "other.json")


def test_decibel_scale_is_recognized() -> None:
    linear = to_grayscale(amplitudes())
    assert grayscale_warning([linear]) == ""
    decibels = np.clip(255 + 20 * np.log10(np.maximum(linear, 1) / 255) * 4, 0, 255)
    assert "probably a decibel scale" in grayscale_warning([decibels.astype(np.uint8)])


def test_too_few_originals_are_refused(tmp_path: Path) -> None:
    Image.fromarray(to_grayscale(amplitudes())).save(tmp_path / "one.png")
    with pytest.raises(InputError, match=f"at least {MIN_ORIGINALS} original.*found 1"):
        load_originals(tmp_path)
