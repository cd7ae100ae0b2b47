"""Speed of tokenizing a pre-training set and of training the text branch, against PyTorch.

    python benchmarks/text_branch_vs_pytorch.py --tracks tracks.csv --rows 586672

The rows are those of --tracks (else of a generated sample), repeated as often as needed with titles
recombined from two. One-time work is timed once: training the vocabulary, collecting the artist
histories, tokenizing all rows. Then the following run interleaved on a part of the table:
tokenizing, including TensorFlow's tracing, against Hugging Face's `tokenizers` with the same
vocabulary; and training steps with the default settings, against a PyTorch transformer of the same
size on the same tokens, padded to the maximum, without artist histories and masking, with one
thread or one per core, whichever is faster. The time of an epoch is extrapolated from these steps.
"""

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from pytorch_models import TextEncoder, train_step
from result_table import Row, format_number, print_table
from timing import log, measure_interleaved, time_call
from tokenizers import BertWordPieceTokenizer
from training_steps import compile_for_training, time_fit

from pipelines.metadata.artist_history import ArtistHistory
from pipelines.metadata.preprocessor import MetadataPreprocessor
from pipelines.metadata.tokenizer import MetadataTokenizer, train_vocabulary
from pipelines.synthetic import write_sample
from pipelines.tables.tracks import read_tracks
from songpop_tf.config import RunConfig
from songpop_tf.training.text_branch import TextBranch

ROWS = 586_672
"""Rows of the Kaggle table of tracks."""
SAMPLE_SONGS = 200
MAX_EPOCH_MINUTES = 4
_TITLE_OFFSET = 7919
"""A prime: each pass through the table combines a title with that of a more distant row."""


def read(tracks: Path | None) -> pd.DataFrame:
    """A table of tracks, or that of a small generated sample."""
    if tracks is not None:
        return read_tracks([tracks])[0]
    with tempfile.TemporaryDirectory() as folder:
        write_sample(Path(folder), SAMPLE_SONGS, seconds=1, workers=1)
        return read_tracks([Path(folder) / "tracks.csv"])[0]


def repeat_rows(table: pd.DataFrame, rows: int) -> pd.DataFrame:
    """Repeat the table with other titles: the first half of one, the second half of another."""
    count = len(table)
    row = np.arange(rows)
    other_row = (row + row // count * _TITLE_OFFSET) % count
    words = [title.split() for title in table.title]
    titles = [
        " ".join(
            [
                *words[first][: (len(words[first]) + 1) // 2],
                *words[second][(len(words[second]) + 1) // 2 :],
            ]
        )
        for first, second in zip((row % count).tolist(), other_row.tolist(), strict=True)
    ]
    repeated = table.iloc[row % count][["artist", "title", "year", "popularity"]]
    return repeated.assign(title=titles, is_pretraining=1).reset_index(drop=True)


class HuggingFaceTokenizer:
    """Tokenizes with `tokenizers`, padded to the maximum.

    Args:
        vocabulary, tokens: as of the project's tokenizer.
    """

    def __init__(self, vocabulary: list[str], tokens: int) -> None:
        ids = {piece: number for number, piece in enumerate(vocabulary)}
        self._tokenizer = BertWordPieceTokenizer(vocab=ids, lowercase=True, strip_accents=True)
        self._tokenizer.enable_truncation(tokens)
        self._tokenizer.enable_padding(length=tokens)

    def __call__(self, texts: pd.Series) -> np.ndarray:
        """`(rows, tokens)` int64."""
        encodings = self._tokenizer.encode_batch(texts.tolist())
        return np.array([encoding.ids for encoding in encodings])


def agreement(
    tokenizer: MetadataTokenizer, hugging_face: HuggingFaceTokenizer, titles: pd.Series
) -> float:
    """The share of titles that both tokenize alike."""
    same = tokenizer.tokenize_column(titles) == hugging_face(titles)
    return float(same.all(axis=1).mean())


def torch_training(
    table: pd.DataFrame,
    tokenizer: HuggingFaceTokenizer,
    vocabulary_size: int,
    config: RunConfig,
    steps: int,
) -> Callable[[int], float]:
    """A function that times `steps` training steps in PyTorch with a number of threads."""
    batch_size, text = config.text_pretraining_fit.batch_size, config.metadata
    model = TextEncoder(
        vocabulary_size, text.tokens, text.width, text.layers, text.heads, text.transformer_dropout
    )
    optimizer = torch.optim.AdamW(model.parameters(), config.text_pretraining_fit.learning_rate)
    artist, title = (torch.from_numpy(tokenizer(table[name])) for name in ("artist", "title"))
    year = torch.tensor((table.year.to_numpy("float32") - 1990) / 30)[:, None]
    popularity = torch.tensor(table.popularity.to_numpy("float32") / 100)

    def train(count: int) -> None:
        for _ in range(count):
            rows = torch.randint(len(table), (batch_size,))
            inputs = artist[rows], title[rows], year[rows]
            train_step(model, optimizer, inputs, popularity[rows])

    def time_training(threads: int) -> float:
        torch.set_num_threads(threads)
        train(1)
        return time_call(lambda: train(steps))

    return time_training


def measure(table: pd.DataFrame, config: RunConfig, options: argparse.Namespace) -> list[Row]:
    """All rows of the table of results."""
    count = f"{len(table):,} rows"
    vocabulary: list[str] = []
    log("training the vocabulary")
    vocabulary_seconds = time_call(
        lambda: vocabulary.extend(train_vocabulary(table, config.metadata.vocabulary_size))
    )
    tokenizer = MetadataTokenizer(vocabulary, config.metadata.tokens)
    histories: list[ArtistHistory] = []
    log("collecting the artist histories")
    history_seconds = time_call(lambda: histories.append(ArtistHistory.from_table(table)))
    preprocessor = MetadataPreprocessor(tokenizer, histories[0])
    log("tokenizing all rows")
    tokenize_seconds = time_call(lambda: preprocessor.tokenize_table(table))
    return [
        Row(f"training the vocabulary on {count}", f"{vocabulary_seconds:.1f} s"),
        Row(f"collecting artist histories from {count}", f"{history_seconds:.1f} s"),
        Row(f"tokenizing {count}", f"{tokenize_seconds:.1f} s"),
        *comparison_rows(table, preprocessor, config, options),
    ]


def measure_rates(
    table: pd.DataFrame,
    preprocessor: MetadataPreprocessor,
    hugging_face: HuggingFaceTokenizer,
    config: RunConfig,
    options: argparse.Namespace,
) -> dict[str, float]:
    """Rows per second of tokenizing and training, with the project and with the references."""
    batch_size, steps = config.text_pretraining_fit.batch_size, options.steps
    branch = TextBranch.create(preprocessor, config.metadata)
    model = compile_for_training(branch.trained_part)
    dataset = branch.train_dataset(table, batch_size, masking=config.masking, seed=config.seed)
    measurements = {
        "tokenize": lambda: time_call(lambda: preprocessor.tokenize_table(table)),
        "tokenizers": lambda: time_call(
            lambda: [hugging_face(table[name]) for name in ("artist", "title")]
        ),
        "train": partial(time_fit, model, dataset, steps),
    }
    # The network is so small that one thread may be faster than one per core.
    vocabulary_size = len(preprocessor.tokenizer.vocabulary)
    time_torch = torch_training(table, hugging_face, vocabulary_size, config, steps)
    threads = {f"torch, threads: {count}": count for count in (1, torch.get_num_threads())}
    measurements |= {name: partial(time_torch, count) for name, count in threads.items()}
    seconds = measure_interleaved(measurements, options.rounds)
    seconds["torch"] = min(seconds[name] for name in threads)
    rates = {name: len(table) / seconds[name] for name in ("tokenize", "tokenizers")}
    return rates | {name: batch_size * steps / seconds[name] for name in ("train", "torch")}


def comparison_rows(
    table: pd.DataFrame,
    preprocessor: MetadataPreprocessor,
    config: RunConfig,
    options: argparse.Namespace,
) -> list[Row]:
    """Tokenizing and training, compared with the references."""
    tokenizer = preprocessor.tokenizer
    hugging_face = HuggingFaceTokenizer(tokenizer.vocabulary, tokenizer.tokens)
    part = table.iloc[: options.window]
    rates = measure_rates(part, preprocessor, hugging_face, config, options)
    shown = {name: f"{format_number(rate)} rows/s" for name, rate in rates.items()}
    minutes, torch_minutes = (len(table) / rates[name] / 60 for name in ("train", "torch"))
    same = agreement(tokenizer, hugging_face, part.title) * 100
    return [
        Row(
            "tokenizing, against Hugging Face tokenizers",
            shown["tokenize"],
            shown["tokenizers"],
            rates["tokenize"] / rates["tokenizers"],
        ),
        Row("titles with the same tokens as Hugging Face", result=same, unit="%"),
        Row(
            "training, against PyTorch",
            shown["train"],
            shown["torch"],
            rates["train"] / rates["torch"],
        ),
        Row(
            f"an epoch of {len(table):,} rows, extrapolated from {options.steps} steps",
            f"{minutes:.1f} min",
            f"{torch_minutes:.1f} min",
            minutes,
            "min",
            maximum=MAX_EPOCH_MINUTES,
        ),
    ]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--tracks", type=Path, help="in the layout of tracks.csv")
    parser.add_argument("--rows", type=int, default=ROWS, help="of the repeated table")
    parser.add_argument("--window", type=int, default=200_000, help="rows tokenized per round")
    parser.add_argument("--steps", type=int, default=100, help="training steps per round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    table = repeat_rows(read(options.tracks), options.rows)
    print_table(measure(table, RunConfig(), options))


if __name__ == "__main__":
    main()
