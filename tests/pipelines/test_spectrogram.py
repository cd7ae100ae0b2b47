"""From the bytes of a PNG to what the network sees."""

import struct

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

from pipelines.spectrogram import load_spectrogram, png_columns, png_problem, stretch_to_bytes
from tests.pipelines.images import encoded, pixels


def reference(image: np.ndarray) -> np.ndarray:
    """The study's way: SciPy along each axis, then min-max to 8 bit."""
    narrow = scipy.signal.resample(image.astype("float64"), 1024, axis=1)
    small = scipy.signal.resample(narrow, 256, axis=0) if image.shape[0] != 256 else narrow
    return (small - small.min()) / (small.max() - small.min()) * 255


@pytest.mark.parametrize(("rows", "columns"), [(256, 3001), (256, 500), (128, 1024), (600, 2500)])
def test_equals_the_studys_resizing(rows: int, columns: int) -> None:
    image = pixels(rows, columns)
    loaded = load_spectrogram(encoded(image))
    assert loaded.shape == (256, 1024)
    assert loaded.dtype == tf.uint8
    # Half a step of rounding, and what 1e-3 of full scale allows.
    assert np.abs(loaded.numpy() - reference(image)).max() < 0.5 + 0.255


@pytest.mark.parametrize("columns", [32, 300, 70_001])
def test_the_width_of_the_file_is_read_from_its_header(columns: int) -> None:
    assert png_columns(tf.constant(encoded(pixels(32, columns)))) == columns


def test_same_eagerly_and_inside_a_dataset() -> None:
    files = [encoded(pixels(256, width)) for width in (900, 2100)]
    dataset = tf.data.Dataset.from_tensor_slices(files).map(load_spectrogram)
    for file, loaded in zip(files, dataset, strict=True):
        # An FFT may round the other way in a graph.
        assert np.abs(loaded.numpy().astype(int) - load_spectrogram(file).numpy()).max() <= 1


def test_colour_images_are_converted_to_gray() -> None:
    gray = pixels(256, 300)
    colour = np.stack([gray] * 3, axis=-1)
    np.testing.assert_array_equal(
        load_spectrogram(encoded(colour)), load_spectrogram(encoded(gray))
    )


def test_an_even_image_becomes_zero() -> None:
    assert tf.reduce_max(stretch_to_bytes(tf.fill([4, 4], 9.0))) == 0


def with_size(rows: int, columns: int) -> bytes:
    """A PNG whose header lies about its size."""
    png = encoded(pixels(32, 32))
    return png[:16] + struct.pack(">II", columns, rows) + png[24:]


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (b"", "expected a PNG"),
        (b"\x89PNG\r\n\x1a\n", "expected a PNG"),
        (b"GIF89a" + bytes(100), "expected a PNG"),
        (encoded(pixels(256, 256), "JPEG"), "expected a PNG"),
        (encoded(pixels(256, 256))[:-20], "expected a whole PNG file"),
        (b"\x89PNG\r\n\x1a\n" + b"IEND", "expected a PNG"),
        (with_size(31, 100), "expected 32 to 4096 rows, received an image of 31 x 100"),
        (with_size(4097, 100), "received an image of 4097 x 100"),
        (with_size(256, 31), "expected at least 32 columns, received an image of 256 x 31"),
        (with_size(256, 300_000), "received an image of 256 x 300000"),
        (with_size(256, 2**31), "expected at most"),
    ],
)
def test_png_problems_are_named(file: bytes, message: str) -> None:
    assert message in png_problem(tf.constant(file)).numpy().decode()
    with pytest.raises(tf.errors.InvalidArgumentError):
        load_spectrogram(file)


def test_files_are_judged_one_by_one_or_many_together() -> None:
    files = tf.constant([encoded(pixels(32, 40)), b"", b"GIF89a", encoded(pixels(256, 999))])
    problems = png_problem(files)
    assert [bool(problem) for problem in problems.numpy()] == [False, True, True, False]
    for file, problem in zip(files, problems, strict=True):
        assert png_problem(file) == problem
    np.testing.assert_array_equal(png_columns(tf.gather(files, [[0, 3]])), [[40, 999]])
    assert png_problem(files[:0]).shape == (0,)


def test_a_good_file_has_no_problem() -> None:
    assert png_problem(tf.constant(encoded(pixels(256, 999)))) == b""
