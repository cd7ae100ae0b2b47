"""Keep of a pre-trained encoder what the bundled model needs: its first layers, the usual pieces.

Two thirds of a small BERT are the embeddings of word pieces, many of which occur in no artist and
no title. Names with a piece that is left out are spelt with shorter ones.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import load_file, save_file

from pipelines.metadata.tokenizer import MetadataTokenizer

FREQUENT_PIECES = 3_000
"""Kept whether they occur or not: BERT's vocabularies are sorted by frequency."""
MIN_NAMES = 2
"""Names in which another piece must occur."""
TOKENS = 64
"""Longest text that the encoder reads."""
_POSITIONS = "embeddings.position_embeddings.weight"
_EMBEDDINGS = "embeddings.word_embeddings.weight"
_VOCABULARY = "vocab.txt"


def reduce_preset(preset: Path, texts: pd.Series, layers: int, out: Path) -> None:
    """Write a preset in Hugging Face's layout with fewer layers and word pieces.

    Args:
        preset: folder in that layout, with `model.safetensors`.
        texts: names whose word pieces are kept.
        layers: number of transformer layers.
        out: folder to write.
    """
    vocabulary = (preset / _VOCABULARY).read_text(encoding="utf-8").splitlines()
    kept = kept_pieces(preset, vocabulary, texts)
    out.mkdir(parents=True)
    shutil.copyfile(preset / "tokenizer_config.json", out / "tokenizer_config.json")
    pieces = "".join(f"{vocabulary[number]}\n" for number in kept)
    (out / _VOCABULARY).write_text(pieces, encoding="utf-8")
    config = json.loads((preset / "config.json").read_text(encoding="utf-8"))
    config |= {
        "vocab_size": len(kept),
        "num_hidden_layers": layers,
        "max_position_embeddings": TOKENS,
    }
    (out / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    weights = load_file(preset / "model.safetensors")
    weights[_EMBEDDINGS] = np.ascontiguousarray(weights[_EMBEDDINGS][kept])
    weights[_POSITIONS] = np.ascontiguousarray(weights[_POSITIONS][:TOKENS])
    layer_names = tuple(f"encoder.layer.{number}." for number in range(layers))
    save_file(
        {
            name: values
            for name, values in weights.items()
            if not name.startswith("encoder.layer.") or name.startswith(layer_names)
        },
        out / "model.safetensors",
    )


def kept_pieces(preset: Path, vocabulary: list[str], texts: pd.Series) -> list[int]:
    """Numbers of the word pieces to keep: special, frequent, single characters, or in `texts`."""
    tokenizer = MetadataTokenizer.from_preset(str(preset), TOKENS)
    tokens = tokenizer.tokenize_column(texts.drop_duplicates())
    names = np.bincount(np.concatenate([np.unique(row) for row in tokens]))
    occurring = set(np.flatnonzero(names >= MIN_NAMES).tolist())
    return [
        number
        for number, piece in enumerate(vocabulary)
        if not piece.startswith("[unused")
        and (number in occurring or number < FREQUENT_PIECES or len(piece.removeprefix("##")) == 1)
    ]
