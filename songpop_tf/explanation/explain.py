"""Explain the prediction of a song with any model: a run, an exported one, or a server's."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from pipelines.errors import InputError
from songpop_tf.explanation.history import HistoryEffect, history_effect
from songpop_tf.explanation.occlusion import (
    BandEffect,
    SegmentEffect,
    band_effects,
    band_patches,
    covered_variants,
    segment_effects,
    segment_patches,
)
from songpop_tf.explanation.place import Place, place_within_year
from songpop_tf.explanation.shapley import Fields, shapley_values, subset_variants, waterfall
from songpop_tf.explanation.words import WordEffect, word_effects, word_variants
from songpop_tf.serving.backend import RejectedBatchError
from songpop_tf.serving.predictor import Prediction, Predictor
from songpop_tf.serving.schema import METADATA_ONLY, WITH_OCCLUSION
from songpop_tf.serving.song import Song, load_png
from songpop_tf.serving.variants import Variant, predict_variants, split_by_sound

Result = TypeVar("Result")

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class FieldExplanation:
    """A prediction and what its fields contribute.

    Attributes:
        prediction: of the song.
        nothing_known: popularity that the model predicts if nothing is known, 0-100.
        shapley: each known field's share of ``prediction - nothing_known``, in points.
        waterfall: the changes as year, artist, title and sound become known, in points.
        place: within the year; None if that is not known.
    """

    prediction: Prediction
    nothing_known: float
    shapley: dict[str, float]
    waterfall: dict[str, float]
    place: Place | None

    def to_json(self) -> dict[str, Any]:
        """Convert to a dictionary for JSON, without the prediction; rounded to 0.0001."""
        rounded: dict[str, Any] = _rounded(
            {
                "nothing_known": self.nothing_known,
                "shapley": self.shapley,
                "waterfall": self.waterfall,
                "place": None if self.place is None else asdict(self.place),
            }
        )
        return rounded


@dataclass(frozen=True)
class Explanation:
    """Everything that explains a prediction.

    Attributes:
        song: the song.
        fields: the prediction and what the fields contribute.
        words: of the artist and the title, then the year.
        history: of the artists' other songs.
        segments: of the song's time; empty without sound.
        bands: of the frequencies, from low to high; empty without sound.
        png: the spectrogram's file; None without sound.
    """

    song: Song
    fields: FieldExplanation
    words: tuple[WordEffect, ...]
    history: HistoryEffect
    segments: tuple[SegmentEffect, ...] = ()
    bands: tuple[BandEffect, ...] = ()
    png: bytes | None = None

    @property
    def prediction(self) -> Prediction:
        """Of the song."""
        return self.fields.prediction

    def to_json(self) -> dict[str, Any]:
        """Convert to a dictionary for JSON; points are rounded to 0.0001."""
        popularity, low, high = self.prediction
        parts = {
            name: [asdict(part) for part in getattr(self, name)]
            for name in ("words", "segments", "bands")
        }
        content: dict[str, Any] = {
            "artist": self.song.artist,
            "title": self.song.title,
            "year": self.song.year or None,
            "popularity": popularity,
            "popularity_low": low,
            "popularity_high": high,
            **self.fields.to_json(),
            "history": asdict(self.history),
            **parts,
        }
        rounded: dict[str, Any] = _rounded(content)
        return rounded


def explanation_problem(predictor: Predictor, song: Song) -> str:
    """Why a model can predict a song, but not explain it; empty if it can do both."""
    backend = predictor.backend
    needed = [METADATA_ONLY, *([WITH_OCCLUSION] if song.image_file else [])]
    missing = [name for name in needed if name not in backend.signatures]
    if not missing:
        return ""
    return (
        f"{backend.name}: expected a model with the signature {missing[0]}, received one with "
        f"{', '.join(backend.signatures)}; "
        + (
            "train its text branch"
            if missing[0] == METADATA_ONLY
            else "export the run again with this version"
        )
    )


def explain_fields(predictor: Predictor, song: Song) -> FieldExplanation:
    """Predict a song, and find what its fields contribute.

    Args:
        predictor: of the model.
        song: has passed ``predictor.check``.

    Raises:
        InputError: the model cannot predict or explain the song, or cannot be reached.
    """
    _require_explainable(predictor, song)
    subsets = subset_variants(song)
    silent, sounding = split_by_sound(subsets.values())
    png, predictions = _load_png_during(song, lambda: _predict(predictor, song, None, silent))
    predictions |= _predict(predictor, song, png, sounding)
    return _field_explanation(predictor, song, subsets, predictions)


def explain(predictor: Predictor, song: Song) -> Explanation:
    """Predict a song, and find what each part of it contributes.

    Parts are its fields, words, seconds and frequency bands, and the artists' other songs.

    Args:
        predictor: of the model.
        song: has passed ``predictor.check``.

    Raises:
        InputError: the model cannot predict or explain the song, or cannot be reached.
    """
    _require_explainable(predictor, song)
    subsets = subset_variants(song)
    whole = _whole(subsets)
    words = word_variants(song, whole)
    silent, sounding = split_by_sound([*subsets.values(), *(word.variant for word in words)])
    png, (predictions, history) = _load_png_during(
        song,
        lambda: (
            _predict(predictor, song, None, silent),
            history_effect(predictor.backend, song),
        ),
    )
    rows, columns = (0, 0) if png is None else _size(predictor, song, png)
    segments = covered_variants(whole, segment_patches(rows, columns) if png else [])
    bands = covered_variants(whole, band_patches(rows, columns) if png else [])
    predictions |= _predict(predictor, song, png, [*sounding, *segments, *bands])
    popularity = predictions[whole].popularity
    return Explanation(
        song,
        _field_explanation(predictor, song, subsets, predictions),
        word_effects(words, predictions, popularity),
        history,
        segment_effects(segments, predictions, popularity),
        band_effects(bands, predictions, popularity, rows),
        png,
    )


def _require_explainable(predictor: Predictor, song: Song) -> None:
    if problem := explanation_problem(predictor, song):
        raise InputError(problem)


def _whole(subsets: Mapping[Fields, Variant]) -> Variant:
    return subsets[max(subsets, key=len)]


def _load_png_during(song: Song, work: Callable[[], Result]) -> tuple[bytes | None, Result]:
    """Load a song's spectrogram, while a thread does work that does not need it.

    Drawing the spectrogram of a sound file takes seconds, and so do a model's first calls.

    Raises:
        InputError: the sound file cannot be decoded.
    """
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        png = load_png(song)
        return png, working.result()


def _predict(
    predictor: Predictor, song: Song, png: bytes | None, variants: list[Variant]
) -> dict[Variant, Prediction]:
    try:
        return predict_variants(predictor.backend, png, variants)
    except RejectedBatchError as rejection:
        raise _reason(predictor, song) or rejection from None


def _reason(predictor: Predictor, song: Song) -> InputError | None:
    """Why the model does not predict the song, if it does not."""
    prediction = predictor.predict_songs([song])[0]
    return prediction if isinstance(prediction, InputError) else None


def _size(predictor: Predictor, song: Song, png: bytes) -> tuple[int, int]:
    """Rows and columns of a PNG file, from its header."""
    if not png.startswith(_PNG_SIGNATURE):
        raise _reason(predictor, song) or InputError(
            f"{song.image_file}: expected a PNG file, received something else"
        )
    return int.from_bytes(png[20:24]), int.from_bytes(png[16:20])


def _field_explanation(
    predictor: Predictor,
    song: Song,
    subsets: Mapping[Fields, Variant],
    predictions: Mapping[Variant, Prediction],
) -> FieldExplanation:
    popularity = {fields: predictions[variant].popularity for fields, variant in subsets.items()}
    prediction = predictions[_whole(subsets)]
    return FieldExplanation(
        prediction,
        popularity[frozenset()],
        shapley_values(popularity),
        waterfall(popularity),
        place_within_year(prediction.popularity, song.year, predictor.backend.year_quantiles),
    )


def _rounded(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: _rounded(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_rounded(value) for value in content]
    return round(content, 4) if isinstance(content, float) else content
