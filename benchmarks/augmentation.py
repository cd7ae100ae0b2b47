"""Effect of augmentation on the CNN, and of random crops in place of the whole resized song.

    python benchmarks/augmentation.py --data audio/random-0/data --out augmentation

--data is a folder of `songpop-tf prepare` whose spectrogram files still exist. Every variant trains
the CNN of `songpop-tf train`, with audio features as auxiliary targets and the same number of
steps, over several seeds. Settings are chosen on the validation songs; the test songs are reported
as well. A crop is 1,024 unchanged columns of the file, five seconds; a song's prediction is the
mean over its crops. Finished results in --out are kept.
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

from pipelines.config import AugmentationConfig
from pipelines.datasets import spectrogram_dataset
from pipelines.io import read_json, write_atomically, write_json
from pipelines.prepared_data import PreparedData
from pipelines.spectrograms.loading import COLUMNS, ROWS, scale_to_uint8
from pipelines.spectrograms.tfrecords import parse_song, serialize_song
from pipelines.splits import SPLITS, TEST, TRAIN, VALIDATION
from songpop_tf.config import RunConfig
from songpop_tf.console import Console
from songpop_tf.evaluation.metrics import Vector, r2
from songpop_tf.models import spectrogram_cnn
from songpop_tf.models.spectrogram_cnn import AUDIO_FEATURES_LAYER, with_auxiliary_output
from songpop_tf.training.callbacks import Checkpoint, ConsoleLog
from songpop_tf.training.fit import fit

NONE = AugmentationConfig(noise_stddev=0, patches=0)
NOISE = dataclasses.replace(NONE, noise_stddev=0.02)
PATCHES = dataclasses.replace(NONE, patches=5)
STUDY = AugmentationConfig(noise_stddev=0.02, patches=5)
MASKS = dataclasses.replace(NONE, time_mask=256, frequency_mask=32)
ALL = dataclasses.replace(STUDY, time_mask=256, frequency_mask=32)
MIX_UP_ALPHA = 0.2
CROPS = 4
VALIDATION_BATCH_SIZE = 64

Tensors = dict[str, tf.Tensor]
ShardsBySplit = dict[str, list[Path]]


@dataclasses.dataclass(frozen=True)
class Variant:
    """How the training songs are changed."""

    augmentation: AugmentationConfig
    mix_up: bool = False
    crops: bool = False


VARIANTS = {
    "whole songs, no augmentation": Variant(NONE),
    "noise": Variant(NOISE),
    "patches": Variant(PATCHES),
    "noise and patches (the study's)": Variant(STUDY),
    "time and frequency masks": Variant(MASKS),
    "noise, patches and masks": Variant(ALL),
    "mix-up": Variant(NONE, mix_up=True),
    "random crops, no augmentation": Variant(NONE, crops=True),
    "random crops, noise and patches": Variant(STUDY, crops=True),
}


def mix_up(alpha: float, seed: int) -> Callable[[Tensors, Tensors], tuple[Tensors, Tensors]]:
    """Blend each batch with a permutation of itself, targets included (Zhang et al., 2018)."""

    def mix_batch(inputs: Tensors, targets: Tensors) -> tuple[Tensors, Tensors]:
        size = tf.shape(inputs["columns"])[0]
        # The ratio of two gamma variables is beta distributed.
        gamma, other_gamma = (
            tf.random.gamma([size], alpha, seed=seed + offset) for offset in range(2)
        )
        weight = gamma / (gamma + other_gamma)
        permutation = tf.random.shuffle(tf.range(size), seed=seed)

        def blend(tensor: tf.Tensor) -> tf.Tensor:
            tensor = tf.cast(tensor, tf.float32)
            factor = tf.reshape(weight, [-1, *[1] * (len(tensor.shape) - 1)])
            return factor * tensor + (1 - factor) * tf.gather(tensor, permutation)

        blended = {name: blend(value) for name, value in inputs.items()}
        blended["columns"] = tf.cast(blended["columns"], tf.int64)
        return blended, {name: blend(target) for name, target in targets.items()}

    return mix_batch


def write_crop_shards(data: PreparedData, out: Path, console: Console) -> ShardsBySplit:
    """Write TFRecord files with random crops; a split has `CROPS` files, each with every song."""
    shards = {
        split: [out / f"{split}-{number}.tfrecord" for number in range(CROPS)] for split in SPLITS
    }
    for split, paths in shards.items():
        if all(path.is_file() for path in paths):
            continue
        for path, records in zip(paths, crop_records(data, split, console), strict=True):
            with (
                write_atomically(path) as temporary,
                tf.io.TFRecordWriter(str(temporary)) as writer,
            ):
                for record in records:
                    writer.write(record)
    return shards


def crop_records(data: PreparedData, split: str, console: Console) -> list[list[bytes]]:
    """`CROPS` lists of records, each with one random crop of every song."""
    songs = data.songs_of(split)
    rng = np.random.default_rng(0)
    records: list[list[bytes]] = [[] for _ in range(CROPS)]
    shards = tf.data.TFRecordDataset([str(shard) for shard in data.shards_of(split)])
    files = [str(data.folders.path(file)) for file in songs.file]
    images = tf.data.Dataset.from_tensor_slices(files).map(
        lambda file: tf.io.decode_png(tf.io.read_file(file), channels=1)[:, :, 0],
        num_parallel_calls=2,
    )
    examples = zip(songs.itertuples(), shards.map(parse_song), images, strict=True)
    for done, (row, song, image) in enumerate(examples, start=1):
        for crops in records:
            inputs = {
                "spectrogram": random_crop(image, rng),
                "columns": song["columns"].numpy(),
                "statistics": song["statistics"].numpy(),
            }
            crops.append(serialize_song(row._asdict(), song["audio_features"].numpy(), inputs))
        console.progress(f"crops of {split} songs", done, len(songs))
    return records


def random_crop(image: tf.Tensor, rng: np.random.Generator) -> np.ndarray:
    """1,024 columns that begin at a random one."""
    first = int(rng.integers(0, max(1, image.shape[1] - COLUMNS)))
    crop = tf.image.resize_with_crop_or_pad(
        image[:, first : first + COLUMNS, tf.newaxis], ROWS, COLUMNS
    )
    return scale_to_uint8(tf.cast(crop[:, :, 0], tf.float32)).numpy()


def train(
    data: PreparedData,
    variant: Variant,
    shards: ShardsBySplit,
    config: RunConfig,
    console: Console,
) -> tuple[keras.Model, float]:
    """Train one CNN; return it, and the median seconds of an epoch."""
    keras.utils.set_random_seed(config.seed)
    songs = data.songs_of(TRAIN)
    model = spectrogram_cnn(config.cnn, mean_popularity=songs.popularity.mean())
    fit_config = config.cnn_fit
    dataset = spectrogram_dataset(
        shards[TRAIN],
        fit_config.batch_size,
        seed=config.seed,
        augmentation=variant.augmentation,
        with_auxiliary_targets=True,
    )
    if variant.mix_up:
        dataset = dataset.map(mix_up(MIX_UP_ALPHA, config.seed))
    with tempfile.TemporaryDirectory() as folder:
        history = fit(
            with_auxiliary_output(model),
            dataset,
            spectrogram_dataset(
                shards[VALIDATION], VALIDATION_BATCH_SIZE, with_auxiliary_targets=True
            ),
            stage="cnn",
            config=fit_config,
            steps_per_epoch=-(-len(songs) // fit_config.batch_size),
            checkpoint=Checkpoint(Path(folder) / "fit.npz", patience=fit_config.patience),
            callbacks=[ConsoleLog(console, "cnn")],
            loss_weights={AUDIO_FEATURES_LAYER: config.auxiliary_weight},
        )
    return model, float(np.median([epoch["seconds"] for epoch in history]))


def predict(model: keras.Model, shards: list[Path], songs: int) -> Vector:
    """Predict `(songs,)`, the mean over all records of a song."""
    dataset = spectrogram_dataset(shards, VALIDATION_BATCH_SIZE)
    prediction = model.predict(dataset, verbose=0)[:, 0].astype("float64")
    mean: Vector = prediction.reshape(-1, songs).mean(axis=0)
    return mean


def measure(
    data: PreparedData,
    variant: Variant,
    shards: ShardsBySplit,
    config: RunConfig,
    console: Console,
) -> dict[str, float]:
    """R2 on validation and test songs for one variant and seed, and the seconds of an epoch."""
    model, seconds = train(data, variant, shards, config, console)
    measured = {"seconds": seconds}
    for split in (VALIDATION, TEST):
        truth = data.songs_of(split).popularity.to_numpy("float64")
        measured[split] = r2(truth, predict(model, shards[split], len(truth)))
    keras.utils.clear_session(free_memory=True)
    return measured


def main() -> None:
    """Train the variants that are not finished and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of `prepare`")
    parser.add_argument(
        "--arms", dest="variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS)
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True, help="folder for results")
    options = parser.parse_args()
    data = PreparedData.open(options.data)
    whole_songs = {split: data.shards_of(split) for split in SPLITS}
    rows = []
    with Console() as console:
        needs_crops = any(VARIANTS[name].crops for name in options.variants)
        crops = write_crop_shards(data, options.out / "crops", console) if needs_crops else {}
        for seed in range(options.seeds):
            for name in options.variants:
                path = options.out / f"{seed} {name}.json"
                if not path.is_file():
                    variant, config = VARIANTS[name], RunConfig(seed=seed)
                    shards = crops if variant.crops else whole_songs
                    write_json(path, measure(data, variant, shards, config, console))
                rows.append({"training": name, **read_json(path)})
    table = pd.DataFrame(rows).groupby("training", sort=False).agg(["mean", "std"]).round(3)
    print(f"R2 of {options.seeds} seeds, seconds per epoch\n\n{table.to_string()}")


if __name__ == "__main__":
    main()
