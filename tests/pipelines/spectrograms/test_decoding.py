"""What makes the image of a PNG file a usable spectrogram."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from matplotlib import colormaps
from PIL import Image

from pipelines.spectrograms.decoding import content_error, decode_spectrogram
from tests.pipelines.images import encode_image, pixels

GRAY = pixels(256, 700)
NOISE = np.random.default_rng(3).integers(0, 5, (256, 700)).astype("uint8")
ALPHA_ONLY = np.stack([np.zeros_like(GRAY), GRAY], axis=-1)


def decode(image: np.ndarray) -> tuple[np.ndarray, str]:
    """Decode in a graph, as the exported model does."""
    decoded, error = tf.function(decode_spectrogram)(tf.constant(encode_image(image)))
    return decoded.numpy(), error.numpy().decode()


def colored(name: str) -> np.ndarray:
    return colormaps[name](GRAY, bytes=True)


def stray(image: np.ndarray) -> np.ndarray:
    return np.where(np.random.default_rng(1).random(image.shape) < 3e-4, 255, image)


def quiet() -> np.ndarray:
    """One sounding row in a thousand, each a single faint line."""
    image = np.zeros((1024, 700), "uint8")
    image[500:502] = 20
    return image


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((256, 400), "uint8"),
        np.full((256, 36_000), 255, "uint8"),
        np.full((64, 40, 3), 7, "uint8"),
        np.full((256, 400), 40_000, "uint16"),
        NOISE,
        NOISE + 120,
        stray(NOISE),
        ALPHA_ONLY,
        np.stack([NOISE, NOISE, NOISE, GRAY], axis=-1),
        (GRAY / 255).astype("uint8"),
    ],
)
def test_blank_image_is_an_error(image: np.ndarray) -> None:
    assert "expected a spectrogram, received a blank image" in decode(image)[1]


@pytest.mark.parametrize("image", [GRAY, GRAY // 8, GRAY // 2 + 40, quiet(), pixels(32, 32)])
def test_faint_or_sparse_image_is_usable(image: np.ndarray) -> None:
    decoded, error = decode(image)
    assert error == ""
    np.testing.assert_array_equal(decoded, image)


@pytest.mark.parametrize(
    "image",
    [
        255 - GRAY,
        colored("Greys"),
        colored("binary")[:, :, :3],
        (255 - GRAY).astype("uint16") * 257,
    ],
)
def test_image_on_white_is_an_error(image: np.ndarray) -> None:
    error = decode(image)[1]
    assert "expected a spectrogram on black, received an image on white: half of its" in error


@pytest.mark.parametrize(("level", "is_usable"), [(191, True), (192, False)])
def test_image_is_on_white_by_its_median(level: int, is_usable: bool) -> None:
    image = np.zeros((256, 400), "uint8")
    image[:, :201] = level
    assert (content_error(tf.constant(image)) == b"") == is_usable


@pytest.mark.skipif("SONGPOP_REAL_DATA" not in os.environ, reason="needs real spectrograms")
def test_spectrograms_of_real_songs_are_usable() -> None:
    files = sorted(Path(os.environ["SONGPOP_REAL_DATA"]).glob("spectrograms/*/*.png"))
    assert files
    for file in files[:: len(files) // 20 + 1]:
        assert decode_spectrogram(tf.constant(file.read_bytes()))[1] == b""


@pytest.mark.parametrize("name", ["jet", "turbo", "viridis", "magma", "inferno", "bone", "hot"])
def test_color_map_is_an_error(name: str) -> None:
    for image in (colored(name), colored(name)[:, :, :3]):
        assert "expected a gray image, received a color image" in decode(image)[1]


def test_palette_of_colors_is_an_error_and_one_of_grays_is_not() -> None:
    jet = colormaps["jet"](range(256), bytes=True)[:, :3]
    grays = np.stack([np.arange(256)] * 3, axis=1).astype("uint8")
    for palette, is_usable in ((jet, False), (grays, True)):
        image = Image.fromarray(GRAY)
        image.putpalette(palette.tobytes())
        file = io.BytesIO()
        image.save(file, "PNG")
        decoded, error = decode_spectrogram(tf.constant(file.getvalue()))
        assert (error.numpy() == b"") == is_usable
    np.testing.assert_array_equal(decoded, GRAY)


def test_gray_stored_as_color_is_usable() -> None:
    alpha = np.full_like(GRAY, 90)
    for channels in ([GRAY] * 3, [GRAY] * 3 + [alpha], [GRAY, alpha]):
        decoded, error = decode(np.stack(channels, axis=-1))
        assert error == ""
        np.testing.assert_array_equal(decoded, GRAY)


def test_gray_that_was_a_color_jpeg_is_usable() -> None:
    jpeg = encode_image(np.stack([GRAY] * 3, axis=-1), "JPEG")
    assert decode(np.asarray(Image.open(io.BytesIO(jpeg))))[1] == ""


@pytest.mark.parametrize("factor", [1, 4, 16, 64, 257])
def test_16_bit_image_has_the_levels_of_its_true_range(factor: int) -> None:
    decoded, error = decode(GRAY.astype("uint16") * factor)
    assert error == ""
    assert np.abs(decoded.astype(int) - GRAY).max() <= 1


def test_dark_image_expanded_to_16_bits_stays_dark() -> None:
    decoded, _ = decode(GRAY.astype("uint16") // 8 * 257)
    np.testing.assert_array_equal(decoded, GRAY // 8)


def test_checks_of_a_long_song_read_a_part_of_it() -> None:
    image = np.zeros((256, 36_000), "uint8")
    image[100:, 9_000:9_400] = 200
    assert content_error(tf.constant(image)) == b""
