"""Noise, Cutout patches, time and frequency masks."""

import warnings

import numpy as np
import pytest
import tensorflow as tf

from pipelines.config import AugmentationConfig
from pipelines.errors import InputError
from pipelines.spectrograms.augmentation import (
    add_noise,
    augment,
    cutout_patches,
    mask_columns,
    mask_length,
    random_span,
)

GRAY = tf.fill([256, 1024], 100.0)


def seeds(count: int) -> list[tf.Tensor]:
    return [tf.constant([number, 7]) for number in range(count)]


def test_same_seed_gives_same_augmentation_eagerly_and_inside_a_dataset() -> None:
    config = AugmentationConfig()
    dataset = tf.data.Dataset.from_tensor_slices(tf.stack(seeds(3))).map(
        lambda seed: augment(GRAY, config, seed)
    )
    for seed, image in zip(seeds(3), dataset, strict=True):
        np.testing.assert_allclose(image, augment(GRAY, config, seed), atol=1e-3)
    first, second = (augment(GRAY, config, seed).numpy() for seed in seeds(2))
    assert not np.array_equal(first, second)


def test_numpy_arrays_are_augmented_like_tensors() -> None:
    config = AugmentationConfig(time_mask=100, frequency_mask=20)
    expected = augment(GRAY, config, tf.constant([0, 7]))
    np.testing.assert_array_equal(augment(GRAY.numpy(), config, [0, 7]), expected)


def test_noise_has_the_configured_stddev_and_is_clipped_to_full_scale() -> None:
    noisy = add_noise(GRAY, 0.02, seeds(1)[0]).numpy()
    assert noisy.mean() == pytest.approx(100, abs=0.1)
    assert noisy.std() == pytest.approx(0.02 * 255, rel=0.02)
    dark = add_noise(tf.zeros_like(GRAY), 0.5, seeds(1)[0]).numpy()
    assert dark.min() == 0
    assert dark.max() == 255


def test_noise_is_white_and_independent_between_images() -> None:
    first, second = (add_noise(GRAY, 0.02, seed).numpy() - 100 for seed in seeds(2))
    correlation = np.corrcoef(first.reshape(-1), second.reshape(-1))[0, 1]
    assert abs(correlation) < 0.01
    along_time = np.corrcoef(first[:, 1:].reshape(-1), first[:, :-1].reshape(-1))[0, 1]
    assert abs(along_time) < 0.01


def test_patch_with_probability_1_masks_exactly_its_area() -> None:
    config = AugmentationConfig(patches=1, patch_probability=1.0, patch_rows=10, patch_columns=20)
    masked = cutout_patches(GRAY, config, seeds(1)[0]).numpy() == 0
    assert masked.sum() == 200
    rows, columns = np.where(masked)
    assert (np.ptp(rows), np.ptp(columns)) == (9, 19)


def test_patches_are_applied_with_their_probability() -> None:
    config = AugmentationConfig(patches=1, patch_probability=0.3, noise_stddev=0)
    applied = [bool((augment(GRAY, config, seed).numpy() == 0).any()) for seed in seeds(200)]
    assert np.mean(applied) == pytest.approx(0.3, abs=0.1)


def test_patch_larger_than_the_image_masks_all_of_it() -> None:
    config = AugmentationConfig(
        patches=1, patch_probability=1.0, patch_rows=999, patch_columns=9999
    )
    assert cutout_patches(GRAY, config, seeds(1)[0]).numpy().max() == 0


def test_time_and_frequency_masks_are_shorter_than_their_limits() -> None:
    config = AugmentationConfig(noise_stddev=0, patches=0, time_mask=100, frequency_mask=20)
    columns, rows = [], []
    for seed in seeds(60):
        masked = augment(GRAY, config, seed).numpy() == 0
        columns.append(masked.all(axis=0).sum())
        rows.append(masked.all(axis=1).sum())
        assert masked.sum() == 1024 * rows[-1] + 256 * columns[-1] - rows[-1] * columns[-1]
    assert max(columns) < 100
    assert max(rows) < 20
    assert np.mean(columns) == pytest.approx(50, abs=12)
    assert np.mean(rows) == pytest.approx(9.5, abs=2.5)


def test_span_is_inside_an_axis_shorter_than_its_limit() -> None:
    for seed in seeds(20):
        start, length = (value.numpy() for value in random_span(tf.constant(5), 100, seed))
        assert 0 <= length < 5
        assert 0 <= start < 5 - length


def test_masks_equal_those_of_tensorflow_io(monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        # Its compiled operations do not load with this TensorFlow; its masks need none of them.
        warnings.simplefilter("ignore")
        audio = pytest.importorskip("tensorflow_io", reason="needs tensorflow-io").audio
    length, start = 7, 90
    for mask, orient in ((audio.freq_mask, lambda x: x), (audio.time_mask, tf.transpose)):
        draws = iter([length, start])
        # It accepts no seed.
        monkeypatch.setattr(tf.random, "uniform", lambda *_, n=draws, **__: tf.constant(next(n)))
        expected = orient(mask(orient(GRAY), 20))
        np.testing.assert_array_equal(mask_columns(GRAY, tf.constant(start), length), expected)


def test_augmentation_can_be_disabled_completely() -> None:
    config = AugmentationConfig(noise_stddev=0, patches=0)
    np.testing.assert_array_equal(augment(GRAY, config, seeds(1)[0]), GRAY)


@pytest.mark.parametrize(
    "invalid",
    [
        {"noise_stddev": -1.0},
        {"patches": -1},
        {"patch_probability": 1.5},
        {"patch_rows": 0},
        {"time_mask": -1},
    ],
)
def test_invalid_settings_are_rejected(invalid: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(invalid))):
        AugmentationConfig(**invalid)


def test_length_is_masked_with_the_configured_rate() -> None:
    columns = tf.constant(3000, tf.int64)
    masked = [int(mask_length(columns, 0.25, seed)) for seed in seeds(400)]
    assert set(masked) == {0, 3000}
    assert masked.count(0) / 400 == pytest.approx(0.25, abs=0.08)
    assert mask_length(columns, 0.0, seeds(1)[0]) == 3000
    assert mask_length(columns, 1.0, seeds(1)[0]) == 0
