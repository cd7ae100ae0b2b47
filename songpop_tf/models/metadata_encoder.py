"""The text branch: from artist, title, year and the artists' other songs to popularity."""

from typing import Any

import keras
import keras_hub
from keras import layers, ops

from pipelines.discographies import OTHER_SONGS, TRAITS
from pipelines.tokens import PADDING
from songpop_tf.config import MetadataEncoderConfig
from songpop_tf.models.output import FEATURES, logits, popularity

_DEFAULT = MetadataEncoderConfig()
TEXTS = {"artist": "artist_text", "title": "title_text"}
"""The layers that hold what the transformer made of each text, by input."""

_MIDDLE_YEAR, _YEARS_PER_UNIT = 1990.0, 30.0
_YEAR_FEATURES = 32
_CAUTION = 1.5
"""Other songs count as if so many average ones stood beside them."""


def metadata_encoder(vocabulary_size: int, config: MetadataEncoderConfig = _DEFAULT) -> keras.Model:
    """Build the transformer encoder and what stands beside and behind it.

    Every song starts at the popularity that its year lets expect. From there the network corrects:
    by the other songs of the artists (each is read by itself, then they are pooled, so their order
    does not matter), and by what the transformer makes of the artist's name and the title.

    Args:
        vocabulary_size: of the tokenizer that makes the inputs.
        config: sizes, or the preset to take the transformer from.

    Returns:
        Model from the tensors of :class:`pipelines.metadata.MetadataReader` to ``(batch, 1)``
        popularity. Its layer ``features`` gives ``(batch, config.features)``.

    Raises:
        ValueError: the preset's vocabulary is not of ``vocabulary_size``.
    """
    inputs = _inputs()
    transformer = _transformer(vocabulary_size, config)
    texts = [
        layers.Identity(name=name)(_mean_token(transformer, inputs[text]))
        for text, name in TEXTS.items()
    ]
    text = layers.Dropout(config.text_dropout, name="text_dropout")(ops.concatenate(texts, -1))
    text = layers.Dense(config.text_features, activation="gelu", name="text")(text)
    year = _year_features(inputs)
    decades = year[:, :1]
    x = layers.Concatenate(name="all")(
        [
            year,
            layers.Dense(_YEAR_FEATURES, activation="tanh", name="year_features")(year),
            _other_songs(inputs["other_songs"], config),
            text,
            text * decades,  # what a name means changes with the time
        ]
    )
    x = layers.Dropout(config.dropout, name="all_dropout")(x)
    x = layers.Dense(config.features, activation="gelu", name=FEATURES)(x)
    x = layers.Dropout(config.dropout, name="features_dropout")(x)
    return keras.Model(inputs, popularity(x, logits(inputs["trend"])), name="metadata_encoder")


def without_transformer(encoder: keras.Model) -> keras.Model:
    """The encoder behind its transformer, sharing its weights.

    Returns:
        Model with the same inputs, but "artist" and "title" are what :func:`transformer_of` gives.
    """
    others = {tensor.name: tensor for tensor in encoder.inputs if tensor.name not in TEXTS}
    texts = {text: encoder.get_layer(name).output for text, name in TEXTS.items()}
    ends = {**others, **texts}
    part = keras.Model(list(ends.values()), encoder.output)
    inputs = {
        name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name)
        for name, tensor in ends.items()
    }
    return keras.Model(inputs, part(list(inputs.values())), name="without_transformer")


def transformer_of(encoder: keras.Model) -> keras.Model:
    """What turns tokens ``(batch, tokens)`` into text features ``(batch, width)``, in inference."""
    tokens = next(tensor for tensor in encoder.inputs if tensor.name == "artist")
    return keras.Model(tokens, encoder.get_layer(TEXTS["artist"]).output, name="text_features")


def _inputs() -> dict[str, keras.KerasTensor]:
    shapes: dict[str, tuple[tuple[int | None, ...], str]] = {
        "artist": ((None,), "int32"),
        "title": ((None,), "int32"),
        "year": ((), "int32"),
        "in_large": ((), "int32"),
        "artists": ((), "int32"),
        "trend": ((), "float32"),
        "other_songs": ((OTHER_SONGS, TRAITS), "float32"),
    }
    return {
        name: keras.Input(shape, dtype=dtype, name=name) for name, (shape, dtype) in shapes.items()
    }


def _transformer(vocabulary_size: int, config: MetadataEncoderConfig) -> keras.Model:
    backbone = _backbone(vocabulary_size, config)
    blocks = [layer for layer in backbone.layers if layer.name.startswith("transformer_layer")]
    last = blocks[min(config.layers, len(blocks)) - 1]
    # Only the tokens: the backbone's own pooling layer would be left without a gradient.
    transformer = keras.Model(backbone.input, last.output, name="transformer")
    transformer.trainable = not config.freeze_backbone
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
    backbone = keras_hub.models.BertBackbone.from_preset(config.preset)
    if backbone.vocabulary_size != vocabulary_size:
        raise ValueError(
            f"preset {config.preset}: expected a tokenizer of {backbone.vocabulary_size} word "
            f"pieces, received {vocabulary_size}"
        )
    return backbone


def _mean_token(transformer: keras.Model, tokens: Any) -> Any:
    """``(batch, width)``: the mean over the tokens, 0 for an empty text."""
    mask = ops.cast(ops.not_equal(tokens, PADDING), "int32")
    found = transformer(
        {"token_ids": tokens, "segment_ids": ops.zeros_like(tokens), "padding_mask": mask}
    )
    weight = ops.cast(mask, found.dtype)[:, :, None]
    return ops.sum(found * weight, axis=1) / ops.maximum(ops.sum(weight, axis=1), 1)


def _year_features(inputs: dict[str, keras.KerasTensor]) -> Any:
    """``(batch, 4)``: decades from the middle, and what else tells how to take the year."""
    known = ops.cast(ops.greater(inputs["year"], 0), "float32")
    year = (ops.cast(inputs["year"], "float32") - _MIDDLE_YEAR) / _YEARS_PER_UNIT
    others = (inputs["in_large"], inputs["artists"] - 1)
    numbers = [year * known, known, *(ops.cast(one, "float32") for one in others)]
    # As a song's popularity, the trend may say more or less; as a number it tells the time too.
    numbers.append(inputs["trend"] / 50.0 - 1.0)
    return ops.stack(numbers, axis=-1)


def _other_songs(songs: Any, config: MetadataEncoderConfig) -> Any:
    """Read each of the other songs by itself, then pool them."""
    weight, surplus, later = (songs[:, :, place : place + 1] for place in range(3))
    shown = ops.cast(ops.greater(weight, 0), "float32")
    near = ops.exp(-3.0 * ops.absolute(later))
    x = ops.concatenate([songs, ops.absolute(later), near, near * surplus], axis=-1)
    x = layers.Dense(config.song_features, activation="relu", name="other_song")(x)
    x = layers.Dense(config.song_features, activation="relu", name="other_song_features")(x)
    x = x * shown
    seen = ops.sum(shown, axis=1)
    pooled = [ops.sum(x, axis=1) / (seen + _CAUTION), ops.max(x, axis=1)]
    counts = [ops.log1p(seen), ops.log1p(ops.sum(weight, axis=1))]
    return layers.Dense(config.song_features, activation="relu", name="other_songs_features")(
        ops.concatenate([*pooled, *counts], axis=-1)
    )
