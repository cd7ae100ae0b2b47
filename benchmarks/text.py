"""How fast the text branch reads a large table and trains on it, against PyTorch.

    python benchmarks/text.py --tracks tracks.csv --rows 586672

The rows are those of --tracks (else of a generated sample), as often as needed, each time with
other titles put together from two. What comes once is timed once: learning the vocabulary,
collecting the artists' songs, encoding all rows. Then, in turn, parts of the table: encoding, with
TensorFlow's tracing, beside Hugging Face's `tokenizers` with the same vocabulary; and training
steps with the default settings, beside a PyTorch transformer of the same size on the same tokens,
padded to the maximum, which does without the artists' other songs and without hiding, with one
thread or one a core, whichever is faster. An epoch is extrapolated from these steps.
"""

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from pytorch import TextEncoder, train_step
from steps import compiled, fit_seconds
from timing import Row, in_turn, print_table, rounded, say, seconds
from tokenizers import BertWordPieceTokenizer

from pipelines.discographies import Discographies
from pipelines.kaggle import read_tracks
from pipelines.metadata import MetadataReader
from pipelines.sample import write_sample
from pipelines.tokens import MetadataTokenizer, learn_vocabulary
from songpop_tf.config import RunConfig
from songpop_tf.training.text import TextBranch

ROWS = 586_672
"""In the table of tracks that the program is made for."""
SAMPLE_SONGS = 200
MOST_MINUTES = 4


def read(tracks: Path | None) -> pd.DataFrame:
    """A table of tracks, or that of a small sample."""
    if tracks is not None:
        return read_tracks([tracks])[0]
    with tempfile.TemporaryDirectory() as folder:
        write_sample(Path(folder), SAMPLE_SONGS, seconds=1, workers=1)
        return read_tracks([Path(folder) / "tracks.csv"])[0]


def repeated(table: pd.DataFrame, rows: int) -> pd.DataFrame:
    """So many rows; no title twice with an artist, as far as the words reach."""
    count = len(table)
    place = np.arange(rows)
    # The second half of another row's title, one further away in each pass through the table.
    other = (place + place // count * 7919) % count
    words = [title.split() for title in table.title]
    titles = [
        " ".join(
            words[one][: (len(words[one]) + 1) // 2] + words[two][(len(words[two]) + 1) // 2 :]
        )
        for one, two in zip((place % count).tolist(), other.tolist(), strict=True)
    ]
    found = table.iloc[place % count][["artist", "title", "year", "popularity"]]
    return found.assign(title=titles, in_large=1).reset_index(drop=True)


class HuggingFace:
    """Artists and titles as `tokenizers` encodes them, padded to the maximum.

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
        return np.array([one.ids for one in self._tokenizer.encode_batch(texts.tolist())])


def same_tokens(tokenizer: MetadataTokenizer, theirs: HuggingFace, titles: pd.Series) -> float:
    """The share of titles that both turn into the same tokens."""
    return float((tokenizer.encode(titles) == theirs(titles)).all(axis=1).mean())


def torch_training(
    table: pd.DataFrame, theirs: HuggingFace, vocabulary: int, config: RunConfig, steps: int
) -> Callable[[int], float]:
    """What times so many training steps with a number of threads."""
    size, text = config.text_fit.batch_size, config.metadata
    model = TextEncoder(
        vocabulary, text.tokens, text.width, text.layers, text.heads, text.transformer_dropout
    )
    optimizer = torch.optim.AdamW(model.parameters(), config.text_fit.learning_rate)
    artist, title = (torch.from_numpy(theirs(table[name])) for name in ("artist", "title"))
    year = torch.tensor((table.year.to_numpy("float32") - 1990) / 30)[:, None]
    popularity = torch.tensor(table.popularity.to_numpy("float32") / 100)

    def train(count: int) -> None:
        for _ in range(count):
            rows = torch.randint(len(table), (size,))
            inputs = artist[rows], title[rows], year[rows]
            train_step(model, optimizer, inputs, popularity[rows])

    def measure(threads: int) -> float:
        torch.set_num_threads(threads)
        train(1)
        return seconds(lambda: train(steps))

    return measure


def measure(table: pd.DataFrame, config: RunConfig, options: argparse.Namespace) -> list[Row]:
    """All rows of the table that is printed."""
    count = f"of {len(table):,} rows"
    vocabulary: list[str] = []
    say("learns the vocabulary")
    learning = seconds(
        lambda: vocabulary.extend(learn_vocabulary(table, config.metadata.vocabulary_size))
    )
    tokenizer = MetadataTokenizer(vocabulary, config.metadata.tokens)
    found: list[Discographies] = []
    say("collects the artists' songs")
    collecting = seconds(lambda: found.append(Discographies.of(table)))
    reader = MetadataReader(tokenizer, found[0])
    say("encodes all rows")
    encoding = seconds(lambda: reader.encode_table(table))
    once = [
        Row(f"vocabulary {count}", f"{learning:.1f} s"),
        Row(f"artists' songs {count}", f"{collecting:.1f} s"),
        Row(f"encoding {count}", f"{encoding:.1f} s"),
    ]
    return once + windows(table, reader, config, options)


def windows(
    table: pd.DataFrame, reader: MetadataReader, config: RunConfig, options: argparse.Namespace
) -> list[Row]:
    """Encoding and training, in turn with what stands beside them."""
    theirs = HuggingFace(reader.tokenizer.vocabulary, reader.tokenizer.tokens)
    part = table.iloc[: options.window]
    size, steps = config.text_fit.batch_size, options.steps
    branch = TextBranch.new(reader, config.metadata)
    model = compiled(branch.trained)
    dataset = branch.train_dataset(table, size, config.hiding, config.seed)(0)
    pieces = len(reader.tokenizer.vocabulary)
    measures = {
        "encode": lambda: seconds(lambda: reader.encode_table(part)),
        "tokenizers": lambda: seconds(lambda: [theirs(part[name]) for name in ("artist", "title")]),
        "train": partial(fit_seconds, model, dataset, steps),
    }
    # The network is so small that a thread a core may be slower than one.
    torch_seconds = torch_training(part, theirs, pieces, config, steps)
    threads = {f"torch, threads: {count}": count for count in (1, torch.get_num_threads())}
    measures |= {name: partial(torch_seconds, count) for name, count in threads.items()}
    taken = in_turn(measures, options.rounds)
    taken["torch"] = min(taken[name] for name in threads)
    rates = {name: len(part) / taken[name] for name in ("encode", "tokenizers")}
    rates |= {name: size * steps / taken[name] for name in ("train", "torch")}
    shown = {name: f"{rounded(rate)} rows/s" for name, rate in rates.items()}
    ours, beside = (len(table) / rates[name] / 60 for name in ("train", "torch"))
    same = same_tokens(reader.tokenizer, theirs, part.title) * 100
    return [
        Row(
            "encoding, beside Hugging Face's tokenizers",
            shown["encode"],
            shown["tokenizers"],
            rates["encode"] / rates["tokenizers"],
        ),
        Row("titles with the same tokens as theirs", result=same, unit="%"),
        Row(
            "training, beside PyTorch",
            shown["train"],
            shown["torch"],
            rates["train"] / rates["torch"],
        ),
        Row(
            f"an epoch of {len(table):,} rows, extrapolated from {steps} steps",
            f"{ours:.1f} min",
            f"{beside:.1f} min",
            ours,
            "min",
            at_most=MOST_MINUTES,
        ),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--tracks", type=Path, help="in the layout of tracks.csv")
    parser.add_argument("--rows", type=int, default=ROWS, help="of the table that is read")
    parser.add_argument("--window", type=int, default=200_000, help="rows encoded in a round")
    parser.add_argument("--steps", type=int, default=100, help="of training in a round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    table = repeated(read(options.tracks), options.rows)
    print_table(measure(table, RunConfig(), options))


if __name__ == "__main__":
    main()
