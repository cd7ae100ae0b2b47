"""Predict variants of one song: some fields unknown, or a patch of its image covered."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from songpop_tf.serving.backend import Backend, Inputs, RejectedBatchError, Rows
from songpop_tf.serving.predictor import Prediction
from songpop_tf.serving.schema import METADATA_ONLY, PATCH_INPUTS, WITH_OCCLUSION


class Patch(NamedTuple):
    """A part of a spectrogram in pixels of its file; the last ones are included."""

    first_column: int
    last_column: int
    first_row: int
    last_row: int


NO_PATCH = Patch(0, -1, 0, -1)


@dataclass(frozen=True)
class Variant:
    """The inputs of a song that the model receives.

    Attributes:
        artist, title: may be empty.
        year: 0 = unknown.
        has_sound: whether the model gets the spectrogram.
        covered: the part that is covered, see `pipelines.spectrograms.occlusion`.
    """

    artist: str = ""
    title: str = ""
    year: int = 0
    has_sound: bool = False
    covered: Patch = NO_PATCH


def predict_variants(
    backend: Backend, png: bytes | None, variants: Iterable[Variant]
) -> dict[Variant, Prediction]:
    """Predict variants of a song in at most two batches; the spectrogram is decoded once.

    Args:
        backend: a model with the signatures that the variants need.
        png: the song's spectrogram; None without a variant that has sound.
        variants: of the song; equal ones are predicted once.

    Returns:
        The prediction of each variant.

    Raises:
        RejectedBatchError: the spectrogram is not usable.
        InputError: the model cannot be reached.
    """
    silent, sounding = split_by_sound(dict.fromkeys(variants))
    rows: Rows = []
    if silent:
        rows += backend.predict_batch(METADATA_ONLY, _fields(silent))
    if sounding:
        rows += backend.predict_batch(WITH_OCCLUSION, _occlusion_inputs(sounding, png))
    if not all(row.usable for row in rows):
        raise RejectedBatchError(
            f"{backend.name}: expected a prediction of each part, received an unusable spectrogram"
        )
    predictions = (Prediction(row.popularity, row.low, row.high) for row in rows)
    return dict(zip([*silent, *sounding], predictions, strict=True))


def split_by_sound(variants: Iterable[Variant]) -> tuple[list[Variant], list[Variant]]:
    """The variants without sound, and those with sound."""
    variants = list(variants)
    silent = [variant for variant in variants if not variant.has_sound]
    return silent, [variant for variant in variants if variant.has_sound]


def _fields(variants: Sequence[Variant]) -> Inputs:
    return {
        "artist": [variant.artist for variant in variants],
        "title": [variant.title for variant in variants],
        "year": [variant.year for variant in variants],
    }


def _occlusion_inputs(variants: Sequence[Variant], png: bytes | None) -> Inputs:
    patches = zip(*(variant.covered for variant in variants), strict=True)
    columns = dict(zip(PATCH_INPUTS, map(list, patches), strict=True))
    return {"spectrogram_png": [png], **_fields(variants), **columns}
