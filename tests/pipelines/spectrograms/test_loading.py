"""From the bytes of a PNG file to the model input."""

import struct

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

from pipelines.spectrograms.decoding import png_error
from pipelines.spectrograms.loading import (
    CNN_INPUTS,
    cnn_inputs,
    load_spectrogram,
    scale_to_uint8,
)
from pipelines.spectrograms.statistics import spectrogram_statistics
from tests.pipelines.images import encode_image, pixels


def resize_with_scipy(image: np.ndarray) -> np.ndarray:
    """Resize with SciPy along each axis, clip below 0 and scale the maximum to 255."""
    image = scipy.signal.resample(image.astype("float64"), 1024, axis=1)
    if image.shape[0] != 256:
        image = scipy.signal.resample(image, 256, axis=0)
    return np.maximum(image, 0) / image.max() * 255


@pytest.mark.parametrize(("rows", "columns"), [(256, 3001), (256, 500), (128, 1024), (600, 2500)])
def test_resizing_equals_scipy(rows: int, columns: int) -> None:
    image = pixels(rows, columns)
    loaded = load_spectrogram(encode_image(image))["spectrogram"]
    # Half a unit of rounding, and a tolerance of 1e-3 of full scale.
    assert np.abs(loaded.numpy() - resize_with_scipy(image)).max() < 0.5 + 0.255


@pytest.mark.parametrize("columns", [32, 300, 70_001])
def test_inputs_of_the_cnn(columns: int) -> None:
    image = pixels(256, columns)
    inputs = load_spectrogram(encode_image(image))
    assert inputs["columns"] == columns
    np.testing.assert_array_equal(
        inputs["statistics"], spectrogram_statistics(tf.constant(image, tf.uint8))
    )
    assert {name: tf.TensorSpec.from_tensor(value) for name, value in inputs.items()} == CNN_INPUTS
    for name, value in cnn_inputs(tf.constant(image)).items():
        np.testing.assert_array_equal(value, inputs[name])


def test_same_result_eagerly_and_inside_a_dataset() -> None:
    files = [encode_image(pixels(256, width)) for width in (900, 2100)]
    dataset = tf.data.Dataset.from_tensor_slices(files).map(load_spectrogram)
    for file, loaded in zip(files, dataset, strict=True):
        expected = load_spectrogram(file)
        # An FFT inside a graph may round differently.
        difference = loaded["spectrogram"].numpy().astype(int) - expected["spectrogram"].numpy()
        assert np.abs(difference).max() <= 1
        np.testing.assert_allclose(loaded["statistics"], expected["statistics"], atol=1e-3)


def test_color_images_are_converted_to_gray() -> None:
    gray = pixels(256, 300)
    color = np.stack([gray] * 3, axis=-1)
    np.testing.assert_array_equal(
        load_spectrogram(encode_image(color))["spectrogram"],
        load_spectrogram(encode_image(gray))["spectrogram"],
    )


def test_scaling_keeps_black_black_and_ratios_of_levels() -> None:
    image = tf.constant([[-20.0, 0.0, 25.5], [51.0, 102.0, 5.1]])
    np.testing.assert_array_equal(scale_to_uint8(image), [[0, 0, 64], [128, 255, 13]])
    np.testing.assert_array_equal(scale_to_uint8(image * 3), scale_to_uint8(image))
    assert tf.reduce_max(scale_to_uint8(tf.zeros([4, 4]))) == 0


def test_black_between_bright_pixels_stays_black() -> None:
    image = np.zeros((256, 4096), np.uint8)
    image[100, ::512] = 255
    loaded = cnn_inputs(tf.constant(image))["spectrogram"].numpy()
    assert np.median(loaded) == 0
    assert np.all(loaded[:90] == 0)


def study_image(image: np.ndarray) -> np.ndarray:
    """Resize as the study did: scaled from the minimum to the maximum, not from 0."""
    resized = scipy.signal.resample(image.astype("float64"), 1024, axis=1)
    low, high = resized.min(), resized.max()
    return np.round((resized - low) / (high - low) * 255).astype("uint8")


def test_resized_file_has_unknown_length_and_black_again() -> None:
    image = np.zeros((256, 4096), np.uint8)
    image[::3] = pixels(86, 4096)
    resized = study_image(image)
    assert np.median(resized) > 10
    inputs = load_spectrogram(encode_image(resized))
    assert inputs["columns"] == 0
    expected = load_spectrogram(encode_image(image))["spectrogram"].numpy().astype(int)
    assert np.abs(inputs["spectrogram"].numpy() - expected).max() <= 3


def test_only_files_may_have_been_resized() -> None:
    image = pixels(256, 1024)
    assert cnn_inputs(tf.constant(image))["columns"] == 1024
    np.testing.assert_array_equal(
        load_spectrogram(encode_image(image))["spectrogram"],
        cnn_inputs(tf.constant(image))["spectrogram"],
    )


def png_with_header_size(rows: int, columns: int) -> bytes:
    """Return a PNG file whose header declares a wrong size."""
    png = encode_image(pixels(32, 32))
    return png[:16] + struct.pack(">II", columns, rows) + png[24:]


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (b"", "expected a PNG"),
        (b"\x89PNG\r\n\x1a\n", "expected a PNG"),
        (b"GIF89a" + bytes(100), "expected a PNG"),
        (encode_image(pixels(256, 256), "JPEG"), "expected a PNG"),
        (encode_image(pixels(256, 256))[:-20], "expected a whole PNG file"),
        (b"\x89PNG\r\n\x1a\n" + b"IEND", "expected a PNG"),
        (
            png_with_header_size(31, 100),
            "expected 32 to 4096 rows, received an image of 31 x 100",
        ),
        (png_with_header_size(4097, 100), "received an image of 4097 x 100"),
        (
            png_with_header_size(256, 31),
            "expected at least 32 columns, received an image of 256 x 31",
        ),
        (png_with_header_size(256, 300_000), "received an image of 256 x 300000"),
        (png_with_header_size(256, 2**31), "expected at most"),
    ],
)
def test_invalid_png_is_rejected_with_its_reason(file: bytes, message: str) -> None:
    assert message in png_error(tf.constant(file)).numpy().decode()
    with pytest.raises(tf.errors.InvalidArgumentError):
        load_spectrogram(file)


def test_batch_is_checked_like_single_files() -> None:
    files = tf.constant(
        [encode_image(pixels(32, 40)), b"", b"GIF89a", encode_image(pixels(256, 999))]
    )
    errors = png_error(files)
    assert [bool(error) for error in errors.numpy()] == [False, True, True, False]
    for file, error in zip(files, errors, strict=True):
        assert png_error(file) == error
    assert png_error(files[:0]).shape == (0,)


def test_valid_png_has_no_error() -> None:
    assert png_error(tf.constant(encode_image(pixels(256, 999)))) == b""
