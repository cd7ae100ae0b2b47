"""The text branch: from artist, title, year and the artists' other songs to popularity."""

from typing import Any

import keras
import keras_hub
from keras import layers, ops

from pipelines.constants import HISTORY_LENGTH, UNKNOWN_YEAR
from pipelines.errors import InputError
from pipelines.metadata.artist_history import HISTORY_FEATURES
from pipelines.metadata.presets import keras_hub_preset, loading_preset
from pipelines.metadata.tokenizer import PAD_ID
from songpop_tf.config import MetadataEncoderConfig
from songpop_tf.models.popularity_output import FEATURES, popularity_output, to_logits
from songpop_tf.models.quantization import round_large_weights

_DEFAULT_CONFIG = MetadataEncoderConfig()
_EMBEDDING_LAYERS = {"artist": "artist_embedding", "title": "title_embedding"}
"""Names of the layers that hold the transformer's output for each text input."""

_CENTER_YEAR, _YEARS_PER_UNIT = 1990.0, 30.0
_YEAR_FEATURES = 32
_PRIOR_SONGS = 1.5
"""Weight of a prior of zeros in the mean over the history, in songs."""


def metadata_encoder(
    vocabulary_size: int, config: MetadataEncoderConfig = _DEFAULT_CONFIG
) -> keras.Model:
    """Build the text branch: the transformer and the layers for year and artist history.

    The year baseline is the starting point of every prediction. The network corrects it by the
    other songs of the artists (encoded one by one and pooled, so their order does not matter) and
    by the transformer's embeddings of the artist's name and the title.

    Args:
        vocabulary_size: of the tokenizer that makes the inputs.
        config: layer sizes, or the preset of the transformer.

    Returns:
        Model from the outputs of `pipelines.metadata.preprocessor.MetadataPreprocessor` to
        ``(batch, 1)`` popularity. Its layer ``features`` outputs ``(batch, config.features)``.

    Raises:
        InputError: the preset cannot be loaded, or its vocabulary size is not ``vocabulary_size``.
    """
    inputs = _inputs()
    transformer = _transformer(vocabulary_size, config)
    embeddings = [
        layers.Identity(name=layer_name)(_mean_token(transformer, inputs[field]))
        for field, layer_name in _EMBEDDING_LAYERS.items()
    ]
    text = layers.Dropout(config.text_dropout, name="text_dropout")(ops.concatenate(embeddings, -1))
    text = layers.Dense(config.text_features, activation="gelu", name="text_features")(text)
    scalars = _scalar_features(inputs)
    x = layers.Concatenate(name="concatenated")(
        [
            scalars,
            layers.Dense(_YEAR_FEATURES, activation="tanh", name="year_features")(scalars),
            _history_features(inputs["history"], config),
            text,
            text * scalars[:, :1],  # the effect of a name changes over the years
        ]
    )
    x = layers.Dropout(config.dropout, name="concatenated_dropout")(x)
    x = layers.Dense(config.features, activation="gelu", name=FEATURES)(x)
    x = layers.Dropout(config.dropout, name="features_dropout")(x)
    popularity = popularity_output(x, to_logits(inputs["year_baseline"]))
    return keras.Model(inputs, popularity, name="metadata_encoder")


def without_text_encoder(encoder: keras.Model, *layer_names: str) -> keras.Model:
    """Build the part of the encoder after its transformer, sharing its weights.

    Args:
        encoder: from `metadata_encoder`.
        layer_names: layers whose outputs are wanted, by name, instead of the popularity.

    Returns:
        Model with the encoder's inputs, except that "artist" and "title" are outputs of
        `text_encoder`.
    """
    outputs = {name: encoder.get_layer(name).output for name in layer_names} or encoder.output
    other_inputs = {
        tensor.name: tensor for tensor in encoder.inputs if tensor.name not in _EMBEDDING_LAYERS
    }
    embeddings = {
        field: encoder.get_layer(layer_name).output
        for field, layer_name in _EMBEDDING_LAYERS.items()
    }
    tensors = {**other_inputs, **embeddings}
    # A model that starts at intermediate tensors has unnamed inputs: the outer model names them.
    part = keras.Model(list(tensors.values()), outputs)
    inputs = {
        name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name)
        for name, tensor in tensors.items()
    }
    return keras.Model(inputs, part(list(inputs.values())), name="without_text_encoder")


def text_encoder(encoder: keras.Model) -> keras.Model:
    """Build the transformer part: from tokens ``(batch, tokens)`` to ``(batch, width)``."""
    tokens = next(tensor for tensor in encoder.inputs if tensor.name == "artist")
    embedding = encoder.get_layer(_EMBEDDING_LAYERS["artist"]).output
    return keras.Model(tokens, embedding, name="text_encoder")


def _inputs() -> dict[str, keras.KerasTensor]:
    shapes: dict[str, tuple[tuple[int | None, ...], str]] = {
        "artist": ((None,), "int32"),
        "title": ((None,), "int32"),
        "year": ((), "int32"),
        "is_pretraining": ((), "int32"),
        "artist_count": ((), "int32"),
        "year_baseline": ((), "float32"),
        "history": ((HISTORY_LENGTH, HISTORY_FEATURES), "float32"),
    }
    return {
        name: keras.Input(shape, dtype=dtype, name=name) for name, (shape, dtype) in shapes.items()
    }


def _transformer(vocabulary_size: int, config: MetadataEncoderConfig) -> keras.Model:
    """Model from the backbone's inputs to the tokens ``(batch, tokens, width)``."""
    backbone = _backbone(vocabulary_size, config)
    blocks = [layer for layer in backbone.layers if layer.name.startswith("transformer_layer")]
    last_block = blocks[min(config.layers, len(blocks)) - 1]
    # Without the backbone's own pooling layer, which would get no gradient.
    transformer = keras.Model(backbone.input, last_block.output, name="transformer")
    transformer.trainable = not config.freeze_backbone
    if config.freeze_backbone:
        transformer.get_layer("token_embedding").quantize("int8")
        round_large_weights(transformer)
    return transformer


def _backbone(vocabulary_size: int, config: MetadataEncoderConfig) -> keras.Model:
    if not config.preset:
        return keras_hub.models.BertBackbone(
            vocabulary_size=vocabulary_size,
            num_layers=config.layers,
            num_heads=config.heads,
            hidden_dim=config.width,
            intermediate_dim=2 * config.width,
            dropout=config.transformer_dropout,
            max_sequence_length=config.tokens,
            num_segments=1,
        )
    with loading_preset(config.preset), keras_hub_preset(config.preset) as (preset, options):
        backbone = keras_hub.models.BertBackbone.from_preset(preset, **options)
    if backbone.vocabulary_size != vocabulary_size:
        raise InputError(
            f"preset {config.preset}: expected a tokenizer of {backbone.vocabulary_size} word "
            f"pieces, received {vocabulary_size}"
        )
    return backbone


def _mean_token(transformer: keras.Model, token_ids: Any) -> Any:
    """``(batch, width)``: the mean over the tokens that are no padding, 0 for an empty text."""
    mask = ops.cast(ops.not_equal(token_ids, PAD_ID), "int32")
    tokens = transformer(
        {"token_ids": token_ids, "segment_ids": ops.zeros_like(token_ids), "padding_mask": mask}
    )
    weights = ops.cast(mask, tokens.dtype)[:, :, None]
    return ops.sum(tokens * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1)


def _scalar_features(inputs: dict[str, keras.KerasTensor]) -> Any:
    """``(batch, 5)``: year, whether it is known, source, further artists and year baseline."""
    is_known = ops.cast(ops.not_equal(inputs["year"], UNKNOWN_YEAR), "float32")
    year = (ops.cast(inputs["year"], "float32") - _CENTER_YEAR) / _YEARS_PER_UNIT
    further_artists = inputs["artist_count"] - 1
    columns = [
        year * is_known,
        is_known,
        ops.cast(inputs["is_pretraining"], "float32"),
        ops.cast(further_artists, "float32"),
        # The year baseline is added to the output as a logit. As a feature it lets the network
        # weaken or strengthen that.
        inputs["year_baseline"] / 50.0 - 1.0,
    ]
    return ops.stack(columns, axis=-1)


def _history_features(history: Any, config: MetadataEncoderConfig) -> Any:
    """Encode each of the artists' other songs by itself, then pool (as in Deep Sets).

    Args:
        history: ``(batch, songs, 5)`` from `ArtistHistory.lookup`.
        config: width of the layers.

    Returns:
        ``(batch, config.history_features)``; the order of the songs does not matter.
    """
    weight, residual, decades_later = (history[:, :, column : column + 1] for column in range(3))
    mask = ops.cast(ops.greater(weight, 0), "float32")
    distance = ops.absolute(decades_later)
    proximity = ops.exp(-3.0 * distance)
    x = ops.concatenate([history, distance, proximity, proximity * residual], axis=-1)
    x = layers.Dense(config.history_features, activation="relu", name="history_song_hidden")(x)
    x = layers.Dense(config.history_features, activation="relu", name="history_song_features")(x)
    x = x * mask
    count = ops.sum(mask, axis=1)
    pooled = [ops.sum(x, axis=1) / (count + _PRIOR_SONGS), ops.max(x, axis=1)]
    log_counts = [ops.log1p(count), ops.log1p(ops.sum(weight, axis=1))]
    return layers.Dense(config.history_features, activation="relu", name="history_features")(
        ops.concatenate([*pooled, *log_counts], axis=-1)
    )
