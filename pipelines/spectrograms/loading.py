"""From a PNG file to the inputs of the CNN.

Preparation and prediction call the same `load_spectrogram`, which prevents a difference
between training and serving. All functions can be traced into a graph.
"""

import tensorflow as tf

from pipelines.spectrograms.resampling import fft_resample
from pipelines.spectrograms.statistics import STATISTICS, spectrogram_statistics

ROWS = 256
"""Frequency rows of the model input; low frequencies are at the bottom."""
COLUMNS = 1024
"""Time columns of the model input, independent of the song's duration."""
FULL_SCALE = 255.0
"""Largest pixel value; images keep the range of their 8-bit files up to the model."""
MIN_ROWS, MAX_ROWS = 32, 4096
MIN_COLUMNS = 32
MAX_PIXELS = 64 * 2**20
"""Largest image accepted: 21 minutes of 256 rows at 200 columns per second."""

CNN_INPUTS = {
    "spectrogram": tf.TensorSpec([ROWS, COLUMNS], tf.uint8),
    "columns": tf.TensorSpec([], tf.int64),
    "statistics": tf.TensorSpec([STATISTICS], tf.float32),
}
"""What `cnn_inputs` returns."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_IEND_CHUNK = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_HEADER_SIZE = (
    24  # bytes: signature (8), then of the IHDR chunk length, type, width, height (4 each)
)
_SIGNATURE_BYTES, _CHUNK_TYPE_BYTES = slice(0, 8), slice(12, 16)
_WIDTH_BYTES, _HEIGHT_BYTES = slice(16, 20), slice(20, 24)


def png_error(png: tf.Tensor) -> tf.Tensor:
    """Check PNG files by their first and last bytes, before they are decoded.

    ``tf.io.decode_png`` alone would accept JPEG and GIF files, and images of up to 2^29 pixels. It
    still detects damage between header and end.

    Args:
        png: strings of any shape, the bytes of each file.

    Returns:
        Strings of that shape: empty for a usable spectrogram, else one line with what was expected
        and what was received.
    """
    header = _header(png)
    is_png = _equals(header[..., _SIGNATURE_BYTES], _PNG_SIGNATURE) & _equals(
        header[..., _CHUNK_TYPE_BYTES], b"IHDR"
    )
    columns, rows = _big_endian(header[..., _WIDTH_BYTES]), _big_endian(header[..., _HEIGHT_BYTES])
    size = tf.strings.join([tf.strings.as_string(rows), " x ", tf.strings.as_string(columns)])
    checks = [
        (is_png, tf.constant("expected a PNG file, received something else")),
        (
            tf.equal(_last_bytes(png, len(_PNG_IEND_CHUNK)), _PNG_IEND_CHUNK),
            tf.constant("expected a whole PNG file, received one without its end"),
        ),
        (
            tf.logical_and(rows >= MIN_ROWS, rows <= MAX_ROWS),
            f"expected {MIN_ROWS} to {MAX_ROWS} rows, received an image of " + size,
        ),
        (
            columns >= MIN_COLUMNS,
            f"expected at least {MIN_COLUMNS} columns, received an image of " + size,
        ),
        (
            rows * columns <= MAX_PIXELS,
            f"expected at most {MAX_PIXELS} pixels, received an image of " + size,
        ),
    ]
    # In reverse order, so that the first failed check gives the message.
    error = tf.constant("")
    for passed, message in reversed(checks):
        error = tf.where(passed, error, message)
    return error


def _header(png: tf.Tensor) -> tf.Tensor:
    """Return the first bytes as ``(..., _HEADER_SIZE)`` uint8; a shorter file is zero-padded."""
    return tf.io.decode_raw(png, tf.uint8, fixed_length=_HEADER_SIZE)


def _equals(received: tf.Tensor, expected: bytes) -> tf.Tensor:
    return tf.reduce_all(tf.equal(received, list(expected)), axis=-1)


def _last_bytes(text: tf.Tensor, count: int) -> tf.Tensor:
    """Return the last ``count`` bytes, or the whole string if it is shorter."""
    length = tf.minimum(tf.strings.length(text), count)
    return tf.strings.substr(text, -length, length)


def _big_endian(four_bytes: tf.Tensor) -> tf.Tensor:
    place_values = tf.constant([2**24, 2**16, 2**8, 1], tf.int64)
    return tf.reduce_sum(tf.cast(four_bytes, tf.int64) * place_values, axis=-1)


def load_spectrogram(png: tf.Tensor) -> dict[str, tf.Tensor]:
    """Decode a PNG file and compute the inputs of the CNN.

    Args:
        png: scalar string, the bytes of a PNG file for which `png_error` is empty. Color and
            16-bit images are converted to 8-bit gray.

    Returns:
        As `cnn_inputs`.

    Raises:
        tf.errors.InvalidArgumentError: the file is rejected by `png_error` or cannot be
            decoded.
    """
    error = png_error(png)
    # In a graph the assertion is an operation, which decoding must wait for. Eagerly it is None.
    assertion = tf.debugging.Assert(tf.equal(error, ""), [error])
    with tf.control_dependencies([assertion] if assertion is not None else []):
        image = tf.io.decode_png(tf.identity(png), channels=1, dtype=tf.uint8)
    return cnn_inputs(tf.squeeze(image, axis=2))


def cnn_inputs(image: tf.Tensor) -> dict[str, tf.Tensor]:
    """Compute the inputs of the CNN from a gray image of any size.

    Args:
        image: ``(rows, columns)`` uint8, 200 columns a second.

    Returns:
        ``spectrogram``: ``(256, 1024)`` uint8, the resized image; ``columns``: scalar int64, the
        width of the image; ``statistics``: ``(STATISTICS,)`` float32 of the image before resizing.
    """
    return {
        "spectrogram": resize_spectrogram(image),
        "columns": tf.shape(image, tf.int64)[1],
        "statistics": spectrogram_statistics(image),
    }


def resize_spectrogram(image: tf.Tensor) -> tf.Tensor:
    """Resample a gray image of any size to ``(256, 1024)`` and scale it to 8 bits.

    ``scipy.signal.resample`` along each axis. The resize rings: next to bright pixels values are
    below 0. They become 0; the study's min-max scaling made black gray instead, by 30 levels of 255
    in songs, brighter than their faint pixels.

    Args:
        image: ``(rows, columns)``, uint8 or float.

    Returns:
        ``(256, 1024)`` uint8.
    """
    image = fft_resample(image, COLUMNS)
    return scale_to_uint8(tf.ensure_shape(_resample_rows(image), [ROWS, COLUMNS]))


def _resample_rows(image: tf.Tensor) -> tf.Tensor:
    """Resample along the first axis; an image of the right height is returned unchanged."""
    return tf.cond(
        tf.equal(tf.shape(image)[0], ROWS),
        lambda: image,
        lambda: tf.transpose(fft_resample(tf.transpose(image), ROWS)),
    )


def scale_to_uint8(image: tf.Tensor) -> tf.Tensor:
    """Scale the largest value to 255 (uint8); negative values become 0, as does a black image."""
    image = tf.nn.relu(image)
    scaled = tf.math.divide_no_nan(image, tf.reduce_max(image)) * FULL_SCALE
    return tf.cast(tf.round(scaled), tf.uint8)
