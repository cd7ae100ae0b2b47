"""A pre-trained encoder from a local folder in Hugging Face's layout."""

import json
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from pipelines.discographies import Discographies
from pipelines.errors import InputError
from pipelines.metadata import TEXTS, MetadataReader
from pipelines.tokens import MetadataTokenizer
from songpop_tf.config import MetadataEncoderConfig
from songpop_tf.models import metadata_encoder
from songpop_tf.training.text import TextBranch, new_reader

WIDTH, INNER, POSITIONS = 8, 16, 20
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "beyonce", "halo", "2008", "dream", "##s"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of one layer with random weights."""
    directory = tmp_path_factory.mktemp("bert")
    random = np.random.default_rng(0)
    layer = "encoder.layer.0"
    shapes = {
        "embeddings.word_embeddings.weight": (len(PIECES), WIDTH),
        "embeddings.position_embeddings.weight": (POSITIONS, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        "pooler.dense.weight": (WIDTH, WIDTH),
        "pooler.dense.bias": (WIDTH,),
        f"{layer}.intermediate.dense.weight": (INNER, WIDTH),
        f"{layer}.intermediate.dense.bias": (INNER,),
        f"{layer}.output.dense.weight": (WIDTH, INNER),
        f"{layer}.output.dense.bias": (WIDTH,),
    }
    for part in ("self.query", "self.key", "self.value", "output.dense"):
        shapes[f"{layer}.attention.{part}.weight"] = (WIDTH, WIDTH)
        shapes[f"{layer}.attention.{part}.bias"] = (WIDTH,)
    for norm in ("embeddings", f"{layer}.attention.output", f"{layer}.output"):
        shapes[f"{norm}.LayerNorm.weight"] = shapes[f"{norm}.LayerNorm.bias"] = (WIDTH,)
    weights = {name: random.normal(size=shape).astype("float32") for name, shape in shapes.items()}
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
    config = {
        "model_type": "bert",
        "vocab_size": len(PIECES),
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "hidden_size": WIDTH,
        "intermediate_size": INNER,
        "max_position_embeddings": POSITIONS,
    }
    (directory / "config.json").write_text(json.dumps(config))
    (directory / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))
    (directory / "vocab.txt").write_text("\n".join(PIECES) + "\n")
    return directory


@pytest.mark.parametrize("freeze", [True, False])
def test_a_local_folder_gives_tokens_and_weights(
    folder: Path, freeze: bool, tmp_path: Path
) -> None:
    tokenizer = MetadataTokenizer.from_preset(str(folder), tokens=6)
    table = pd.DataFrame(
        {"artist": ["Beyoncé"], "title": ["Dreams"], "year": 2008, "popularity": 9.0, "in_large": 0}
    )
    reader = MetadataReader(tokenizer, Discographies.of(table))
    inputs = reader.inputs(reader.encode_table(table))
    pieces = [[tokenizer.vocabulary[token] for token in inputs[text][0]] for text in TEXTS]
    assert pieces == [["[CLS]", "beyonce", "[SEP]"], ["[CLS]", "dream", "##s", "[SEP]"]]
    config = MetadataEncoderConfig(preset=str(folder), freeze_backbone=freeze, tokens=6)
    model = metadata_encoder(len(tokenizer.vocabulary), config)
    transformer = model.get_layer("transformer")
    assert bool(transformer.trainable_variables) is not freeze
    keras.utils.set_random_seed(0)
    model.get_layer("score").set_weights([np.ones((64, 1)), np.zeros(1)])
    prediction = model(inputs).numpy()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(loaded(inputs), prediction, atol=1e-4)


def test_what_is_trained_behind_a_frozen_transformer_can_be_saved(
    folder: Path, tmp_path: Path
) -> None:
    table = pd.DataFrame(
        {
            "artist": ["Beyoncé"] * 8,
            "title": ["Halo", "Dreams"] * 4,
            "year": range(2001, 2009),
            "popularity": [10.0, 90.0] * 4,
            "in_large": 0,
        }
    )
    config = MetadataEncoderConfig(preset=str(folder), freeze_backbone=True, tokens=6)
    branch = TextBranch.new(new_reader(table, config), config)
    branch.trained.compile(keras.optimizers.Adam(0.05), "mse", jit_compile=False)
    branch.trained.fit(branch.dataset(table, 4), epochs=3, shuffle=False, verbose=0)
    expected = branch.trained.predict(branch.dataset(table, 4), verbose=0)
    assert np.ptp(expected) > 5
    branch.encoder().save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    inputs = branch.reader.inputs(branch.reader.encode_table(table))
    # What a frozen transformer finds is kept in half precision.
    np.testing.assert_allclose(loaded(inputs), expected, atol=0.1)


def test_a_vocabulary_of_another_size_is_refused(folder: Path) -> None:
    config = MetadataEncoderConfig(preset=str(folder))
    with pytest.raises(ValueError, match=f"expected a tokenizer of {len(PIECES)} word pieces"):
        metadata_encoder(99, config)


def test_a_preset_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        MetadataTokenizer.from_preset(str(tmp_path / "nowhere"), tokens=12)
