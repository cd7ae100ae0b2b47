"""The text branch with a preset: a pre-trained BERT in Hugging Face's folder layout."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from pipelines.errors import InputError
from pipelines.metadata.artist_history import ArtistHistory
from pipelines.metadata.preprocessor import TEXT_FIELDS, MetadataPreprocessor
from pipelines.metadata.tokenizer import MetadataTokenizer
from songpop_tf.config import MetadataEncoderConfig
from songpop_tf.models import metadata_encoder
from songpop_tf.training.text_branch import TextBranch, build_preprocessor

WIDTH, INTERMEDIATE_WIDTH, POSITIONS = 8, 16, 20
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "beyonce", "halo", "2008", "dream", "##s"]


@pytest.fixture(scope="module")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT with one layer and random weights."""
    directory = tmp_path_factory.mktemp("bert")
    rng = np.random.default_rng(0)
    layer = "encoder.layer.0"
    shapes = {
        "embeddings.word_embeddings.weight": (len(PIECES), WIDTH),
        "embeddings.position_embeddings.weight": (POSITIONS, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        "pooler.dense.weight": (WIDTH, WIDTH),
        "pooler.dense.bias": (WIDTH,),
        f"{layer}.intermediate.dense.weight": (INTERMEDIATE_WIDTH, WIDTH),
        f"{layer}.intermediate.dense.bias": (INTERMEDIATE_WIDTH,),
        f"{layer}.output.dense.weight": (WIDTH, INTERMEDIATE_WIDTH),
        f"{layer}.output.dense.bias": (WIDTH,),
    }
    for part in ("self.query", "self.key", "self.value", "output.dense"):
        shapes[f"{layer}.attention.{part}.weight"] = (WIDTH, WIDTH)
        shapes[f"{layer}.attention.{part}.bias"] = (WIDTH,)
    for norm in ("embeddings", f"{layer}.attention.output", f"{layer}.output"):
        shapes[f"{norm}.LayerNorm.weight"] = shapes[f"{norm}.LayerNorm.bias"] = (WIDTH,)
    weights = {name: rng.normal(size=shape).astype("float32") for name, shape in shapes.items()}
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
    config = {
        "model_type": "bert",
        "vocab_size": len(PIECES),
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "hidden_size": WIDTH,
        "intermediate_size": INTERMEDIATE_WIDTH,
        "max_position_embeddings": POSITIONS,
    }
    (directory / "config.json").write_text(json.dumps(config))
    (directory / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))
    (directory / "vocab.txt").write_text("\n".join(PIECES) + "\n")
    return directory


@pytest.mark.parametrize("freeze", [True, False])
def test_local_folder_provides_vocabulary_and_weights(
    bert_folder: Path, freeze: bool, tmp_path: Path
) -> None:
    tokenizer = MetadataTokenizer.from_preset(str(bert_folder), tokens=6)
    table = pd.DataFrame(
        {
            "artist": ["Beyoncé"],
            "title": ["Dreams"],
            "year": 2008,
            "popularity": 9.0,
            "is_pretraining": 0,
        }
    )
    preprocessor = MetadataPreprocessor(tokenizer, ArtistHistory.from_table(table))
    inputs = preprocessor.to_model_inputs(preprocessor.tokenize_table(table))
    pieces = [[tokenizer.vocabulary[token] for token in inputs[field][0]] for field in TEXT_FIELDS]
    assert pieces == [["[CLS]", "beyonce", "[SEP]"], ["[CLS]", "dream", "##s", "[SEP]"]]
    config = MetadataEncoderConfig(preset=str(bert_folder), freeze_backbone=freeze, tokens=6)
    model = metadata_encoder(len(tokenizer.vocabulary), config)
    transformer = model.get_layer("transformer")
    assert bool(transformer.trainable_variables) is not freeze
    # Nobody trains a frozen transformer: a byte is enough for each number of its embeddings.
    dtypes = {weight.dtype for weight in transformer.get_layer("token_embedding").weights}
    assert ("int8" in dtypes) is freeze
    keras.utils.set_random_seed(0)
    model.get_layer("correction").set_weights([np.ones((64, 1)), np.zeros(1)])
    prediction = model(inputs).numpy()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(loaded(inputs), prediction, atol=1e-4)


def test_encoder_trained_after_a_frozen_transformer_can_be_saved(
    bert_folder: Path, tmp_path: Path
) -> None:
    table = pd.DataFrame(
        {
            "artist": ["Beyoncé"] * 8,
            "title": ["Halo", "Dreams"] * 4,
            "year": range(2001, 2009),
            "popularity": [10.0, 90.0] * 4,
            "is_pretraining": 0,
        }
    )
    config = MetadataEncoderConfig(preset=str(bert_folder), freeze_backbone=True, tokens=6)
    branch = TextBranch.create(build_preprocessor(table, config), config)
    branch.trained_part.compile(keras.optimizers.Adam(0.05), "mse", jit_compile=False)
    branch.trained_part.fit(branch.dataset(table, 4), epochs=3, shuffle=False, verbose=0)
    expected = branch.trained_part.predict(branch.dataset(table, 4), verbose=0)
    assert np.ptp(expected) > 5
    branch.trained_encoder().save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    inputs = branch.preprocessor.to_model_inputs(branch.preprocessor.tokenize_table(table))
    # The features of a frozen transformer are cached in half precision.
    np.testing.assert_allclose(loaded(inputs), expected, atol=0.1)


def test_vocabulary_of_another_size_is_refused(bert_folder: Path) -> None:
    config = MetadataEncoderConfig(preset=str(bert_folder))
    with pytest.raises(ValueError, match=f"expected a tokenizer of {len(PIECES)} word pieces"):
        metadata_encoder(99, config)


def test_error_names_a_missing_preset(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing"):
        MetadataTokenizer.from_preset(str(tmp_path / "missing"), tokens=12)


@pytest.fixture
def copied_folder(bert_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bert_folder, tmp_path / "bert"))


@pytest.mark.parametrize("settings", [None, {}, {"tokenizer_class": "BertTokenizer"}])
def test_lower_case_is_the_default(copied_folder: Path, settings: dict[str, str] | None) -> None:
    path = copied_folder / "tokenizer_config.json"
    path.unlink()
    if settings is not None:
        path.write_text(json.dumps(settings))
    assert MetadataTokenizer.from_preset(str(copied_folder), tokens=6).lowercase
    path.write_text(json.dumps({"do_lower_case": False}))
    assert not MetadataTokenizer.from_preset(str(copied_folder), tokens=6).lowercase


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("vocab.txt", "\n".join([*PIECES[1:], PIECES[0]]), r"expected \[PAD\] as first word piece"),
        ("vocab.txt", "[PAD]\nhalo\n", "received: "),
        ("tokenizer_config.json", "{", "tokenizer_config.json: expected JSON"),
        ("tokenizer_config.json", "", "tokenizer_config.json: expected JSON"),
    ],
)
def test_error_names_a_folder_without_a_usable_tokenizer(
    copied_folder: Path, name: str, content: str, message: str
) -> None:
    (copied_folder / name).write_text(content)
    with pytest.raises(InputError, match=message) as error:
        MetadataTokenizer.from_preset(str(copied_folder), tokens=6)
    assert str(copied_folder) in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.safetensors", "version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        ("model.safetensors", "", r"an empty file \(model.safetensors\)"),
        ("model.safetensors", "cut", "received: "),
        ("config.json", '{"model_type": "gpt2"}', "received: "),
        ("config.json", '{"model_type": "bert"}', "received: KeyError"),
    ],
)
def test_error_names_a_folder_without_a_usable_model(
    copied_folder: Path, name: str, content: str, message: str
) -> None:
    (copied_folder / name).write_text(content)
    config = MetadataEncoderConfig(preset=str(copied_folder))
    with pytest.raises(InputError, match=message) as error:
        metadata_encoder(len(PIECES), config)
    assert str(copied_folder) in str(error.value)
    assert "\n" not in str(error.value)
