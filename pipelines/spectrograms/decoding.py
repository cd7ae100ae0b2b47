"""Decode the PNG file of a spectrogram, and decide whether it is usable.

`png_error` reads the file's ends, `decode_spectrogram` the image and `content_error` what it shows.
All functions can be traced into a graph.
"""

from collections.abc import Callable

import tensorflow as tf

from pipelines.audio.grayscale import FULL_SCALES

MIN_ROWS, MAX_ROWS = 32, 4096
MIN_COLUMNS = 32
MAX_PIXELS = 64 * 2**20
"""Largest image accepted: 21 minutes of 256 rows at 200 columns per second."""

MAX_TINT = 8
"""Largest difference between the channels of a gray image: those of JPEG files are rounded."""
MIN_CONTENT, BLANK_LEVELS = 0.001, 8
"""Part of the pixels that must be outside of any 8 adjacent gray levels. In the data set, that part
is white (`pipelines.audio.grayscale.CLIP_FRACTION`)."""
MAX_MEDIAN = 191
"""Largest median gray level. In the data set black is the background, with medians of 0 or 1; that
of the study's own files is 24 to 40, and noise over the whole range has one of 127."""
_CHECKED_COLUMNS = 512
"""Columns, evenly spread, whose content is checked."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_IEND_CHUNK = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_HEADER_SIZE = 26
"""Bytes: signature (8), then of the IHDR chunk length, type, width and height (4 each), bit depth
and color type."""
_SIGNATURE_BYTES, _CHUNK_TYPE_BYTES = slice(0, 8), slice(12, 16)
_WIDTH_BYTES, _HEIGHT_BYTES = slice(16, 20), slice(20, 24)
_BIT_DEPTH_BYTE, _COLOR_TYPE_BYTE = 24, 25
_COLOR_BIT = 2
"""Set in the color types of palettes, RGB and RGBA."""


def png_error(png: tf.Tensor) -> tf.Tensor:
    """Check PNG files by their first and last bytes, before they are decoded.

    What they show is checked by `decode_spectrogram`.

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


def decode_spectrogram(png: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Decode a PNG file to gray, and check what it shows.

    Args:
        png: scalar string, the bytes of a PNG file for which `png_error` is empty.

    Returns:
        ``(rows, columns)`` uint8; and a scalar string: empty for a usable spectrogram, else one
        line with what was expected and what was received.

    Raises:
        tf.errors.InvalidArgumentError: the file is damaged.
    """
    color_type = _header(png)[_COLOR_TYPE_BYTE]
    image, error = tf.cond(
        tf.equal(tf.bitwise.bitwise_and(color_type, _COLOR_BIT), 0),
        lambda: _decode_gray(png),
        lambda: _decode_color(png),
    )
    return image, error


def _decode_gray(png: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    image = tf.cond(
        _has_16_bits(png),
        lambda: _to_8_bits(*_decode_16_bits(png, channels=1)),
        lambda: tf.io.decode_png(png, 1, tf.uint8),
    )[:, :, 0]
    return image, content_error(image)


def _decode_color(png: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Decode an image of three channels, which must be alike; their mean would not show colors."""

    def decode_8_bits() -> tuple[tf.Tensor, tf.Tensor]:
        image = tf.io.decode_png(png, 3, tf.uint8)
        return image[:, :, 1:2], _spread_columns(image)

    def decode_16_bits() -> tuple[tf.Tensor, tf.Tensor]:
        image, full_scale = _decode_16_bits(png, channels=3)
        checked = _spread_columns(image)
        return _to_8_bits(image[:, :, 1:2], full_scale), _to_8_bits(checked, full_scale)

    green, checked = tf.cond(_has_16_bits(png), decode_16_bits, decode_8_bits)
    levels = tf.cast(checked, tf.int32)
    tint = tf.reduce_max(tf.reduce_max(levels, axis=2) - tf.reduce_min(levels, axis=2))
    tint_error = tf.strings.join(
        [
            "expected a gray image, received a color image whose channels differ by up to ",
            tf.strings.as_string(tint),
            " of 255 levels: save the spectrogram without a color map",
        ]
    )
    gray = green[:, :, 0]
    return gray, tf.where(tint > MAX_TINT, tint_error, content_error(gray))


def _has_16_bits(png: tf.Tensor) -> tf.Tensor:
    return tf.equal(_header(png)[_BIT_DEPTH_BYTE], 16)


def _decode_16_bits(png: tf.Tensor, channels: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Decode an image of 16 bits.

    Returns:
        ``(rows, columns, channels)`` uint16; and its white, scalar int32, as in
        `pipelines.audio.grayscale.to_8_bits`.
    """
    image = tf.io.decode_png(png, channels, tf.uint16)
    largest = tf.cast(tf.reduce_max(image), tf.int32)
    full_scale = tf.gather(FULL_SCALES, tf.searchsorted(FULL_SCALES, [largest]))[0]
    is_expanded = tf.reduce_all(_map_rows(_is_expanded, image, tf.bool))
    return image, tf.where(is_expanded, FULL_SCALES[-1], full_scale)


def _is_expanded(row: tf.Tensor) -> tf.Tensor:
    """Whether all levels were 8-bit ones."""
    return tf.reduce_all(tf.equal(tf.cast(row, tf.int32) % 257, 0))


def _to_8_bits(image: tf.Tensor, full_scale: tf.Tensor) -> tf.Tensor:
    scale = 255 / tf.cast(full_scale, tf.float32)
    return _map_rows(
        lambda row: tf.cast(tf.round(tf.cast(row, tf.float32) * scale), tf.uint8), image, tf.uint8
    )


def _map_rows(
    function: Callable[[tf.Tensor], tf.Tensor], image: tf.Tensor, dtype: tf.DType
) -> tf.Tensor:
    """Apply a function row by row: a large image in wider numbers would take gigabytes."""
    # Over the numbers of the rows, as map_fn copies what it maps over.
    rows = tf.range(tf.shape(image)[0])
    return tf.map_fn(lambda row: function(image[row]), rows, fn_output_signature=dtype)


def content_error(image: tf.Tensor) -> tf.Tensor:
    """Check that a gray image shows something, on black.

    Args:
        image: ``(rows, columns)`` uint8.

    Returns:
        Scalar string: empty, or one line with what was expected and what was received.
    """
    levels = tf.reshape(tf.cast(_spread_columns(image), tf.int32), [-1])
    histogram = tf.math.bincount(levels, minlength=256, maxlength=256, dtype=tf.int32)
    below = tf.pad(tf.cumsum(histogram), [[1, 0]])
    alike = tf.reduce_max(below[BLANK_LEVELS:] - below[:-BLANK_LEVELS]) / tf.size(levels)
    blank_error = tf.strings.join(
        [
            "expected a spectrogram, received a blank image: ",
            tf.strings.as_string(100 * alike, precision=2),
            f" % of its pixels are within {BLANK_LEVELS} of 256 gray levels",
        ]
    )
    median = tf.searchsorted(below[1:], [(tf.size(levels) + 1) // 2])[0]
    inverted_error = tf.strings.join(
        [
            "expected a spectrogram on black, received an image on white: half of its pixels are ",
            tf.strings.as_string(median),
            " or more of 255; save it with 0 for silence (of Matplotlib's color maps 'gray', not "
            "'Greys')",
        ]
    )
    error = tf.where(median > MAX_MEDIAN, inverted_error, "")
    return tf.where(1 - alike < MIN_CONTENT, blank_error, error)


def _spread_columns(image: tf.Tensor) -> tf.Tensor:
    """Return about `_CHECKED_COLUMNS` columns: counting all pixels of a song takes far longer."""
    return image[:, :: tf.maximum(1, tf.shape(image)[1] // _CHECKED_COLUMNS)]
