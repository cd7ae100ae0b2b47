"""Noise and cover patches."""

import warnings

import numpy as np
import pytest
import tensorflow as tf

from pipelines.augmentation import add_noise, augment, cover_patches, cover_run
from pipelines.errors import InputError
from songpop_tf.config import AugmentationConfig

GRAY = tf.fill([256, 1024], 100.0)


def seeds(count: int) -> list[tf.Tensor]:
    return [tf.constant([number, 7]) for number in range(count)]


def test_same_seed_same_augmentation_eagerly_and_inside_a_dataset() -> None:
    config = AugmentationConfig()
    dataset = tf.data.Dataset.from_tensor_slices(tf.stack(seeds(3))).map(
        lambda seed: augment(GRAY, config, seed)
    )
    for seed, image in zip(seeds(3), dataset, strict=True):
        np.testing.assert_allclose(image, augment(GRAY, config, seed), atol=1e-3)
    first, second = (augment(GRAY, config, seed).numpy() for seed in seeds(2))
    assert not np.array_equal(first, second)


def test_arrays_are_augmented_as_tensors_are() -> None:
    config = AugmentationConfig(time_mask=100, frequency_mask=20)
    expected = augment(GRAY, config, tf.constant([0, 7]))
    np.testing.assert_array_equal(augment(GRAY.numpy(), config, [0, 7]), expected)


def test_noise_has_the_asked_strength_and_stays_on_the_scale() -> None:
    noisy = add_noise(GRAY, 0.02, seeds(1)[0]).numpy()
    assert noisy.mean() == pytest.approx(100, abs=0.1)
    assert noisy.std() == pytest.approx(0.02 * 255, rel=0.02)
    dark = add_noise(tf.zeros_like(GRAY), 0.5, seeds(1)[0]).numpy()
    assert dark.min() == 0
    assert dark.max() == 255


def test_a_certain_patch_covers_exactly_its_area() -> None:
    config = AugmentationConfig(patches=1, patch_probability=1.0, patch_rows=10, patch_columns=20)
    covered = cover_patches(GRAY, config, seeds(1)[0]).numpy() == 0
    assert covered.sum() == 200
    rows, columns = np.where(covered)
    assert (np.ptp(rows), np.ptp(columns)) == (9, 19)


def test_patches_come_as_often_as_asked() -> None:
    config = AugmentationConfig(patches=1, patch_probability=0.3, noise_stddev=0)
    placed = [bool((augment(GRAY, config, seed).numpy() == 0).any()) for seed in seeds(200)]
    assert np.mean(placed) == pytest.approx(0.3, abs=0.1)


def test_a_patch_larger_than_the_image_covers_it() -> None:
    config = AugmentationConfig(
        patches=1, patch_probability=1.0, patch_rows=999, patch_columns=9999
    )
    assert cover_patches(GRAY, config, seeds(1)[0]).numpy().max() == 0


def test_two_images_get_other_noise() -> None:
    first, second = (add_noise(GRAY, 0.02, seed).numpy() - 100 for seed in seeds(2))
    correlation = np.corrcoef(first.reshape(-1), second.reshape(-1))[0, 1]
    assert abs(correlation) < 0.01
    along_time = np.corrcoef(first[:, 1:].reshape(-1), first[:, :-1].reshape(-1))[0, 1]
    assert abs(along_time) < 0.01


def test_masks_cover_whole_columns_and_rows_shorter_than_the_longest() -> None:
    config = AugmentationConfig(noise_stddev=0, patches=0, time_mask=100, frequency_mask=20)
    columns, rows = [], []
    for seed in seeds(60):
        covered = augment(GRAY, config, seed).numpy() == 0
        columns.append(covered.all(axis=0).sum())
        rows.append(covered.all(axis=1).sum())
        assert covered.sum() == 1024 * rows[-1] + 256 * columns[-1] - rows[-1] * columns[-1]
    assert max(columns) < 100
    assert max(rows) < 20
    assert np.mean(columns) == pytest.approx(50, abs=12)
    assert np.mean(rows) == pytest.approx(9.5, abs=2.5)


def test_masks_are_those_of_tensorflow_io(monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        # Its compiled operations do not load on this TensorFlow; its masks need none of them.
        warnings.simplefilter("ignore")
        audio = pytest.importorskip("tensorflow_io", reason="needs tensorflow-io").audio
    drawn = [7, 90]  # length, then place
    for mask, of in ((audio.freq_mask, lambda x: x), (audio.time_mask, tf.transpose)):
        numbers = iter(drawn)
        # It takes no seed.
        monkeypatch.setattr(tf.random, "uniform", lambda *_, n=numbers, **__: tf.constant(next(n)))
        length, place = drawn
        expected = of(mask(of(GRAY), 20))
        np.testing.assert_array_equal(cover_run(GRAY, tf.constant(place), length), expected)


def test_everything_can_be_switched_off() -> None:
    config = AugmentationConfig(noise_stddev=0, patches=0)
    np.testing.assert_array_equal(augment(GRAY, config, seeds(1)[0]), GRAY)


@pytest.mark.parametrize(
    "wrong",
    [
        {"noise_stddev": -1.0},
        {"patches": -1},
        {"patch_probability": 1.5},
        {"patch_rows": 0},
        {"time_mask": -1},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        AugmentationConfig(**wrong)
