"""Gray levels: linear, clipped, calibrated."""

import numpy as np

from pipelines.audio.grayscale import (
    Histogram,
    Pixels,
    fit_curve,
    gray_histogram,
    gray_quantiles,
    grayscale_warning,
    to_grayscale,
)


def amplitudes(columns: int = 400) -> np.ndarray:
    """Mostly dark, with sparse bright points, as spectrograms are."""
    return np.random.default_rng(0).exponential(1.0, (columns, 256)).astype(np.float32) ** 3


def histograms(images: list[Pixels]) -> list[Histogram]:
    return [gray_histogram(image) for image in images]


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
    curve = fit_curve(histograms(originals), histograms(linear))
    assert curve.shape == (256,)
    assert np.all(np.diff(curve.astype(int)) >= 0)
    restored = [curve[image] for image in linear]
    difference = np.abs(
        gray_quantiles(histograms(restored)) - gray_quantiles(histograms(originals))
    )
    assert np.median(difference) <= 2
    assert difference.max() <= 12
    mapped = to_grayscale(amplitudes(), curve)
    np.testing.assert_array_equal(mapped, curve[to_grayscale(amplitudes())])


def test_black_stays_black() -> None:
    linear = [to_grayscale(amplitudes())]
    brighter = [np.maximum(image, 9) for image in linear]
    assert fit_curve(histograms(brighter), histograms(linear))[0] == 0


def test_histogram_counts_fractions() -> None:
    histogram = gray_histogram(np.array([[0, 0, 0, 255]], np.uint8))
    assert (histogram[0], histogram[255], histogram.sum()) == (0.75, 0.25, 1.0)


def test_decibel_scale_is_recognized() -> None:
    linear = to_grayscale(amplitudes())
    assert grayscale_warning([gray_histogram(linear)]) == ""
    decibels = np.clip(255 + 20 * np.log10(np.maximum(linear, 1) / 255) * 4, 0, 255)
    warning = grayscale_warning([gray_histogram(decibels.astype(np.uint8))])
    assert "probably a decibel scale" in warning
