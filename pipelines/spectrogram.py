"""What happens to a spectrogram between its PNG file and the network: one function for all uses.

Preparation and prediction call the same :func:`load_spectrogram`, so that training and serving
cannot drift apart; it can be traced into a graph.
"""

import tensorflow as tf

from pipelines.resample import fft_resample

ROWS = 256
"""Frequency rows that the network sees; low frequencies at the bottom."""
COLUMNS = 1024
"""Time columns that the network sees, whatever the length of the song."""
FULL_SCALE = 255.0
"""Largest value of a pixel; images keep the scale of their 8-bit files all the way."""
MIN_ROWS, MAX_ROWS = 32, 4096
MIN_COLUMNS = 32
MAX_PIXELS = 64 * 2**20
"""Largest image taken: 21 minutes of 256 rows at 200 columns a second."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_BYTES = 24  # signature, chunk length and type, width, height
_COLUMNS_AT, _ROWS_AT = slice(16, 20), slice(20, 24)
_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"


def png_problem(png: tf.Tensor) -> tf.Tensor:
    """Say what is wrong with PNG files judging by their first and last bytes, before decoding.

    ``tf.io.decode_png`` alone would take JPEG and GIF files and images of up to 2^29 pixels. What
    it still may refuse is a file whose inside is damaged.

    Args:
        png: strings of any shape, the bytes of each file.

    Returns:
        Strings of that shape: empty where this looks like a usable spectrogram, else one line that
        says what was expected and what was received.
    """
    header = _header(png)
    is_png = _equals(header[..., :8], _PNG_SIGNATURE) & _equals(header[..., 12:16], b"IHDR")
    columns, rows = _big_endian(header[..., _COLUMNS_AT]), _big_endian(header[..., _ROWS_AT])
    size = tf.strings.join([tf.strings.as_string(rows), " x ", tf.strings.as_string(columns)])
    checks = [
        (is_png, tf.constant("expected a PNG file, received something else")),
        (
            tf.equal(_last_bytes(png, len(_END)), _END),
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
    problem = tf.constant("")
    for passed, message in reversed(checks):
        problem = tf.where(passed, problem, message)
    return problem


def png_columns(png: tf.Tensor) -> tf.Tensor:
    """How many columns images have: int64 of the shape of ``png``, read from the headers.

    Args:
        png: strings of any shape, the bytes of files that :func:`png_problem` takes.
    """
    return _big_endian(_header(png)[..., _COLUMNS_AT])


def _header(png: tf.Tensor) -> tf.Tensor:
    """The first bytes as uint8 ``(..., _HEADER_BYTES)``, zeros where a file is shorter."""
    return tf.io.decode_raw(png, tf.uint8, fixed_length=_HEADER_BYTES)


def _equals(some_bytes: tf.Tensor, expected: bytes) -> tf.Tensor:
    return tf.reduce_all(tf.equal(some_bytes, list(expected)), axis=-1)


def _last_bytes(text: tf.Tensor, count: int) -> tf.Tensor:
    """The last ``count`` bytes, of a shorter string all of it."""
    taken = tf.minimum(tf.strings.length(text), count)
    return tf.strings.substr(text, -taken, taken)


def _big_endian(four_bytes: tf.Tensor) -> tf.Tensor:
    place_values = tf.constant([2**24, 2**16, 2**8, 1], tf.int64)
    return tf.reduce_sum(tf.cast(four_bytes, tf.int64) * place_values, axis=-1)


def load_spectrogram(png: tf.Tensor) -> tf.Tensor:
    """Decode a PNG file and shrink it to the size that the network sees.

    Args:
        png: scalar string, the bytes of a PNG file of any size that :func:`png_problem` takes.
            Colour and 16-bit images are converted to 8-bit gray.

    Returns:
        ``(256, 1024)`` uint8, scaled so that its smallest value is 0 and its largest 255.

    Raises:
        tf.errors.InvalidArgumentError: the file is refused or the image cannot be decoded.
    """
    problem = png_problem(png)
    usable = tf.debugging.Assert(tf.equal(problem, ""), [problem])
    with tf.control_dependencies([usable] if usable is not None else []):
        image = tf.io.decode_png(tf.identity(png), channels=1, dtype=tf.uint8)
    return shrink(tf.squeeze(image, axis=2))


def shrink(image: tf.Tensor) -> tf.Tensor:
    """Resample a gray image of any size to ``(256, 1024)`` uint8, stretched to the full range.

    The study does the same: ``scipy.signal.resample`` along each axis, then min-max to 8 bit.

    Args:
        image: ``(rows, columns)``, uint8 or float.
    """
    narrow = fft_resample(image, COLUMNS)
    return stretch_to_bytes(tf.ensure_shape(_resample_rows(narrow), [ROWS, COLUMNS]))


def _resample_rows(image: tf.Tensor) -> tf.Tensor:
    """Resample along the first axis; an image of the right height already is left alone."""
    return tf.cond(
        tf.equal(tf.shape(image)[0], ROWS),
        lambda: image,
        lambda: tf.transpose(fft_resample(tf.transpose(image), ROWS)),
    )


def stretch_to_bytes(image: tf.Tensor) -> tf.Tensor:
    """Map the smallest value to 0 and the largest to 255 (uint8); an even image becomes 0."""
    low, high = tf.reduce_min(image), tf.reduce_max(image)
    return tf.cast(tf.round(tf.math.divide_no_nan(image - low, high - low) * FULL_SCALE), tf.uint8)
