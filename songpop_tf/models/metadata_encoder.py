"""The text branch: from artist, title and year to popularity."""

from typing import Any

import keras
import keras_hub
from keras import layers, ops

from songpop_tf.config import MetadataEncoderConfig
from songpop_tf.models.output import FEATURES, popularity

_DEFAULT = MetadataEncoderConfig()
_SEGMENTS = 3
_MIDDLE_YEAR, _YEARS_PER_UNIT = 1990.0, 20.0
_YEAR_FEATURES = 32


def metadata_encoder(
    vocabulary_size: int,
    config: MetadataEncoderConfig = _DEFAULT,
    *,
    mean_popularity: float = 50.0,
) -> keras.Model:
    """Build the transformer encoder and what stands beside and behind it.

    Args:
        vocabulary_size: of the tokenizer that makes the inputs.
        config: sizes, or the preset to take the transformer from.
        mean_popularity: of the training songs, 0-100.

    Returns:
        Model from the tensors of :class:`pipelines.metadata.MetadataTokenizer`, whose sequences may
        be cut to the longest of a batch, to ``(batch, 1)`` popularity. Its layer ``features`` gives
        ``(batch, config.features)``.

    Raises:
        ValueError: the preset's vocabulary is not of ``vocabulary_size``.
    """
    inputs = {
        name: keras.Input((None,), dtype="int32", name=name)
        for name in ("token_ids", "segment_ids", "padding_mask")
    }
    year = keras.Input((), dtype="int32", name="year")
    backbone = _backbone(vocabulary_size, config)
    # A pre-trained encoder may know fewer segments than artist, title and year.
    segment_ids = ops.minimum(inputs["segment_ids"], backbone.num_segments - 1)
    # Only the tokens: the backbone's own pooling layer would be left without a gradient.
    transformer = keras.Model(
        backbone.input, backbone.output["sequence_output"], name="transformer"
    )
    tokens = transformer({**inputs, "segment_ids": segment_ids})
    text = layers.GlobalAveragePooling1D(name="mean_token")(
        tokens, mask=ops.cast(inputs["padding_mask"], "bool")
    )
    x = layers.Concatenate(name="text_and_year")([text, _year_features(year)])
    x = layers.Dropout(config.dropout, name="pooled_dropout")(x)
    x = layers.Dense(config.features, activation="gelu", name=FEATURES)(x)
    x = layers.Dropout(config.dropout, name="features_dropout")(x)
    return keras.Model(
        {**inputs, "year": year}, popularity(x, mean_popularity), name="metadata_encoder"
    )


def _backbone(vocabulary_size: int, config: MetadataEncoderConfig) -> keras.Model:
    if not config.preset:
        return keras_hub.models.BertBackbone(
            vocabulary_size=vocabulary_size,
            num_layers=config.layers,
            num_heads=config.heads,
            hidden_dim=config.width,
            intermediate_dim=2 * config.width,
            dropout=config.dropout,
            max_sequence_length=config.tokens,
            num_segments=_SEGMENTS,
        )
    backbone = keras_hub.models.BertBackbone.from_preset(config.preset)
    if backbone.vocabulary_size != vocabulary_size:
        raise ValueError(
            f"preset {config.preset}: expected a tokenizer of {backbone.vocabulary_size} word "
            f"pieces, received {vocabulary_size}"
        )
    backbone.trainable = not config.freeze_backbone
    return backbone


def _year_features(year: Any) -> Any:
    """The year as a few smooth functions of it; an unknown year is a value of its own."""
    known = ops.cast(ops.greater(year, 0), "float32")
    scaled = (ops.cast(year, "float32") - _MIDDLE_YEAR) / _YEARS_PER_UNIT * known
    both = ops.stack([scaled, known], axis=-1)
    return layers.Dense(_YEAR_FEATURES, activation="tanh", name="year_features")(both)
