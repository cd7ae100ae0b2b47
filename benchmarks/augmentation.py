"""What augmentation does for the CNN, and whether the whole song, shrunk, beats random crops of it.

    python benchmarks/augmentation.py --data sound/random-0/data --out augmentation

--data is a folder of `songpop-tf prepare` whose spectrogram files are still there. Every row is
the CNN of `songpop-tf train`, taught how songs sound, with the same number of steps, over several
seeds. Settings are chosen by the validation songs; the test songs stand beside them for the record.
A crop is 1,024 columns of the file as they are, five seconds; what is said of a song is then the
mean over its crops. What is finished in --out is kept.
"""

import argparse
import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from pipelines.datasets import spectrogram_dataset
from pipelines.files import read_json, write_atomically, write_json
from pipelines.prepared import PreparedData
from pipelines.records import parse_song, serialize_song
from pipelines.spectrogram import COLUMNS, stretch_to_bytes
from pipelines.splits import SIDES, TEST, TRAIN, VALIDATION
from songpop_tf.config import AugmentationConfig, RunConfig
from songpop_tf.console import Console
from songpop_tf.evaluation.metrics import Vector, r2
from songpop_tf.models import spectrogram_cnn
from songpop_tf.models.spectrogram_cnn import with_sound
from songpop_tf.training.fit import fit

OFF = AugmentationConfig(noise_stddev=0, patches=0)
NOISE = dataclasses.replace(OFF, noise_stddev=0.02)
PATCHES = dataclasses.replace(OFF, patches=5)
STUDY = AugmentationConfig(noise_stddev=0.02, patches=5)
MASKS = dataclasses.replace(OFF, time_mask=256, frequency_mask=32)
ALL = dataclasses.replace(STUDY, time_mask=256, frequency_mask=32)
MIX_UP = 0.2
CROPS = 4

Mix = Callable[..., tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]]


@dataclasses.dataclass(frozen=True)
class Arm:
    """One row: what is done to the training songs."""

    augmentation: AugmentationConfig
    mixed: bool = False
    cropped: bool = False


ARMS = {
    "whole songs, no augmentation": Arm(OFF),
    "noise": Arm(NOISE),
    "patches": Arm(PATCHES),
    "noise and patches (the study's)": Arm(STUDY),
    "time and frequency masks": Arm(MASKS),
    "noise, patches and masks": Arm(ALL),
    "mix-up": Arm(OFF, mixed=True),
    "random crops, no augmentation": Arm(OFF, cropped=True),
    "random crops, noise and patches": Arm(STUDY, cropped=True),
}


def mix_up(alpha: float, seed: int) -> Mix:
    """Blend each batch with itself in another order (Zhang et al. 2018), targets and all."""

    def mixed(
        inputs: dict[str, tf.Tensor], targets: dict[str, tf.Tensor]
    ) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
        size = tf.shape(inputs["columns"])[0]
        one, other = (tf.random.gamma([size], alpha, seed=seed + place) for place in range(2))
        share = one / (one + other)
        order = tf.random.shuffle(tf.range(size), seed=seed)

        def blend(tensor: tf.Tensor) -> tf.Tensor:
            tensor = tf.cast(tensor, tf.float32)
            by = tf.reshape(share, [-1, *[1] * (len(tensor.shape) - 1)])
            return by * tensor + (1 - by) * tf.gather(tensor, order)

        columns = tf.cast(blend(inputs["columns"]), tf.int64)
        image = blend(inputs["spectrogram"])
        return {"spectrogram": image, "columns": columns}, {
            name: blend(target) for name, target in targets.items()
        }

    return mixed


def crop_shards(data: PreparedData, out: Path, console: Console) -> dict[str, list[Path]]:
    """Record files with crops in the place of shrunk songs, one for each split and crop."""
    spectrograms = Path(data.manifest["sources"]["spectrograms"])
    found = {split: [out / f"{split}-{crop}.tfrecord" for crop in range(CROPS)] for split in SIDES}
    for split, paths in found.items():
        if all(path.is_file() for path in paths):
            continue
        songs = data.songs_of(split)
        rng = np.random.default_rng(0)
        records: list[list[bytes]] = [[] for _ in paths]
        shards = tf.data.TFRecordDataset([str(shard) for shard in data.shards_of(split)])
        files = [str(spectrograms / file) for file in songs.file]
        images = tf.data.Dataset.from_tensor_slices(files).map(
            lambda file: tf.io.decode_png(tf.io.read_file(file), channels=1)[:, :, 0],
            num_parallel_calls=2,
        )
        both = zip(songs.itertuples(), shards.map(parse_song), images, strict=True)
        for done, (row, song, image) in enumerate(both, start=1):
            for one in records:
                first = int(rng.integers(0, max(1, image.shape[1] - COLUMNS)))
                crop = tf.image.resize_with_crop_or_pad(
                    image[:, first : first + COLUMNS, tf.newaxis], 256, COLUMNS
                )
                pixels = stretch_to_bytes(tf.cast(crop[:, :, 0], tf.float32)).numpy().tobytes()
                columns = int(song["columns"])
                one.append(serialize_song(row._asdict(), song["sound"].numpy(), pixels, columns))
            console.progress(f"crops of {split} songs", done, len(songs))
        for path, one in zip(paths, records, strict=True):
            with write_atomically(path) as temporary, tf.io.TFRecordWriter(str(temporary)) as file:
                for record in one:
                    file.write(record)
    return found


def shards_of(data: PreparedData, arm: Arm, crops: dict[str, list[Path]]) -> dict[str, list[Path]]:
    """The record files of each split."""
    return crops if arm.cropped else {split: data.shards_of(split) for split in SIDES}


def train(
    data: PreparedData, arm: Arm, shards: dict[str, list[Path]], config: RunConfig, console: Console
) -> tuple[keras.Model, float]:
    """Train one CNN; the model, and the median seconds of an epoch as long as the songs are."""
    keras.utils.set_random_seed(config.seed)
    songs = data.songs_of(TRAIN)
    model = spectrogram_cnn(config.cnn, mean_popularity=songs.popularity.mean())
    settings = config.cnn_fit

    def dataset(epoch: int) -> tf.data.Dataset:
        found = spectrogram_dataset(
            shards[TRAIN],
            settings.batch_size,
            seed=config.seed,
            first_epoch=epoch,
            augmentation=arm.augmentation,
            with_sound=True,
        )
        return found.map(mix_up(MIX_UP, config.seed)) if arm.mixed else found

    watched = spectrogram_dataset(shards[VALIDATION], 64, with_sound=True)
    with tempfile.TemporaryDirectory() as folder:
        history = fit(
            with_sound(model),
            dataset,
            -(-len(songs) // settings.batch_size),
            watched,
            settings,
            Path(folder) / "state.npz",
            "cnn",
            console,
            {"sound": config.sound_weight},
        )
    return model, float(np.median([epoch["seconds"] for epoch in history]))


def predicted(model: keras.Model, shards: list[Path], songs: int) -> Vector:
    """The mean over the passes through the songs that the record files hold."""
    found = model.predict(spectrogram_dataset(shards, 64), verbose=0)[:, 0].astype("float64")
    mean: Vector = found.reshape(-1, songs).mean(axis=0)
    return mean


def measure(
    data: PreparedData, arm: Arm, shards: dict[str, list[Path]], config: RunConfig, console: Console
) -> dict[str, float]:
    """R2 on validation and test songs of one arm and seed."""
    model, seconds = train(data, arm, shards, config, console)
    measured = {"seconds": seconds}
    for split in (VALIDATION, TEST):
        truth = data.songs_of(split).popularity.to_numpy("float64")
        measured[split] = r2(truth, predicted(model, shards[split], len(truth)))
    keras.utils.clear_session(free_memory=True)
    return measured


def main() -> None:
    """Run what is not finished and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of `prepare`")
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True, help="folder for results")
    options = parser.parse_args()
    data = PreparedData.open(options.data)
    rows = []
    with Console() as console:
        needs_crops = any(ARMS[name].cropped for name in options.arms)
        crops = crop_shards(data, options.out / "crops", console) if needs_crops else {}
        for seed in range(options.seeds):
            for name in options.arms:
                path = options.out / f"{seed} {name}.json"
                if not path.is_file():
                    arm, config = ARMS[name], RunConfig(seed=seed)
                    shards = shards_of(data, arm, crops)
                    write_json(path, measure(data, arm, shards, config, console))
                rows.append({"training": name, **read_json(path)})
    table = pd.DataFrame(rows).groupby("training", sort=False).agg(["mean", "std"]).round(3)
    print(f"R2 of {options.seeds} seeds, seconds an epoch\n\n{table.to_string()}")


if __name__ == "__main__":
    main()
