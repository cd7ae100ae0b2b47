"""Adaptive prediction intervals, calibrated by split conformal prediction.

The half width of a song's interval is the quantile of its group times the error expected for its
year and its predicted popularity: locally weighted split conformal prediction (Lei et al.,
Distribution-Free Predictive Inference for Regression, 2018, section 5.2), calibrated separately for
each group (Mondrian; Vovk et al., Algorithmic Learning in a Random World, 2005, section 4.5). A
group is a missingness pattern, and whether the model is shown other songs of the main artist.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from pipelines.constants import UNKNOWN_YEAR
from pipelines.metadata.known_fields import MISSINGNESS_PATTERNS
from songpop_tf.array_types import Vector

COVERAGE = 0.9
"""Target coverage: fraction of songs whose popularity is within the interval."""
YEARS = tuple(range(1960, 2021, 10))
POPULARITIES = tuple(range(0, 101, 20))
"""Knots of the piecewise linear functions that predict the error."""
N_FEATURES = len(YEARS) + len(POPULARITIES)

_MIN_SCALE = 0.25
"""Smallest expected error of a song, relative to the mean error of its group."""
_ARTIST_GROUPS = ("artist unknown", "artist known")


@dataclass(frozen=True)
class Covariates:
    """What the interval of each song depends on, besides its predicted popularity.

    The attributes are NumPy arrays or tensors, eager or of a graph, of the same shape.

    Attributes:
        pattern: integers, index in ``MISSINGNESS_PATTERNS``.
        year: integers as the model reads them, 0 = unknown.
        has_history: bool, whether the model is shown other songs of the main artist.
    """

    pattern: Any
    year: Any
    has_history: Any

    @classmethod
    def from_inputs(cls, inputs: dict[str, Any], pattern: Any) -> "Covariates":
        """Take them from the inputs of a model; one that reads no metadata has neither input."""
        if "history" not in inputs:
            return cls(pattern, ops.zeros_like(pattern), ops.zeros_like(pattern, "bool"))
        # Feature 4 is 1 for songs that credit the main artist; padding has zeros. The songs of a
        # guest alone tell too little: intervals calibrated on known artists would be too narrow.
        return cls(pattern, inputs["year"], ops.any(inputs["history"][:, :, 4] > 0, axis=1))

    def of_pattern(self, index: int) -> "Covariates":
        """Select one missingness pattern of arrays ``(8, songs)``."""
        return Covariates(self.pattern[index], self.year[index], self.has_history[index])


@dataclass(frozen=True)
class GroupCalibration:
    """The calibration of one group of songs.

    Attributes:
        quantile: of the absolute errors, each divided by the expected error.
        mean_error: of the group, in points.
        weights: ``(13,)`` change of the expected error at each of ``YEARS`` and ``POPULARITIES``,
            in points.
    """

    quantile: float
    mean_error: float
    weights: Vector

    def to_json(self) -> dict[str, Any]:
        """Convert to a dictionary for a JSON file."""
        by_year, by_popularity = np.split(self.weights, [len(YEARS)])
        return {
            "quantile": self.quantile,
            "mean_error": self.mean_error,
            "year": dict(zip(map(str, YEARS), by_year.tolist(), strict=True)),
            "popularity": dict(zip(map(str, POPULARITIES), by_popularity.tolist(), strict=True)),
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "GroupCalibration":
        """Read what `to_json` returned."""
        by_year = [content["year"][str(knot)] for knot in YEARS]
        by_popularity = [content["popularity"][str(knot)] for knot in POPULARITIES]
        weights = np.array([*by_year, *by_popularity])
        return cls(content["quantile"], content["mean_error"], weights)


WHOLE_SCALE = GroupCalibration(1.0, 100.0, np.zeros(N_FEATURES))
"""Half width 100 points: of a group with too few songs for any other interval."""


@dataclass(frozen=True)
class PredictionIntervals:
    """The intervals of a model.

    Attributes:
        groups: two for each of ``MISSINGNESS_PATTERNS``: of songs without and with a history.
    """

    groups: tuple[GroupCalibration, ...]

    def half_width(self, popularity: Any, covariates: Covariates) -> Any:
        """Half width of each song's interval, float32 tensor, in points.

        Also works inside a graph: evaluation and exported models share it.

        Args:
            popularity: predictions, 0-100, of any shape.
            covariates: of the same songs, in the same shape.
        """
        has_history = ops.cast(covariates.has_history, "int32")
        group = 2 * ops.cast(covariates.pattern, "int32") + has_history
        quantile, mean_error, weights = (
            ops.take(ops.convert_to_tensor(np.array(column, "float32")), group, axis=0)
            for column in zip(
                *((one.quantile, one.mean_error, one.weights) for one in self.groups), strict=True
            )
        )
        features = error_features(popularity, covariates.year)
        return quantile * expected_error(features, mean_error, weights)

    def ends(
        self, popularity: npt.NDArray[np.floating], covariates: Covariates
    ) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]:
        """Lower and upper end of each song's interval as NumPy arrays, clipped to 0-100.

        Args:
            popularity, covariates: as in `half_width`.
        """
        return interval(popularity, self.half_width(popularity, covariates).numpy())

    def to_json(self) -> dict[str, Any]:
        """Convert to a dictionary for a JSON file."""
        stored = iter([group.to_json() for group in self.groups])
        by_pattern = {
            _pattern_name(pattern): {name: next(stored) for name in _ARTIST_GROUPS}
            for pattern in MISSINGNESS_PATTERNS
        }
        return {"coverage": COVERAGE, "groups": by_pattern}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "PredictionIntervals":
        """Read what `to_json` returned."""
        stored = [content["groups"][_pattern_name(pattern)] for pattern in MISSINGNESS_PATTERNS]
        return cls(
            tuple(
                GroupCalibration.from_json(by_artist[name])
                for by_artist in stored
                for name in _ARTIST_GROUPS
            )
        )


def error_features(popularity: Any, year: Any) -> Any:
    """Features that predict a song's absolute error, ``(..., 13)`` float32 tensor.

    Hat functions: piecewise linear, 1 at one of the knots ``YEARS`` and ``POPULARITIES`` and 0 at
    the others; constant beyond the last knots. Those of the year are 0 if it is unknown.

    Args:
        popularity: predictions, 0-100, of any shape.
        year: of the same shape, 0 = unknown.
    """
    is_known = ops.cast(ops.not_equal(year, UNKNOWN_YEAR), "float32")
    by_year = _hat_functions(year, YEARS) * is_known[..., None]
    return ops.concatenate([by_year, _hat_functions(popularity, POPULARITIES)], axis=-1)


def _hat_functions(values: Any, knots: tuple[int, ...]) -> Any:
    clipped = ops.clip(ops.cast(values, "float32"), knots[0], knots[-1])[..., None]
    distance = ops.absolute(clipped - np.array(knots, "float32"))
    return ops.maximum(1.0 - distance / (knots[1] - knots[0]), 0.0)


def expected_error(features: Any, mean_error: Any, weights: Any) -> Any:
    """Absolute error expected of each song, in points.

    Args:
        features: ``(..., 13)`` of `error_features`.
        mean_error, weights: of the song's group, see `GroupCalibration`; one for each song, or one
            for all.
    """
    change = ops.sum(features * weights, axis=-1)
    # A linear function may become too small or negative.
    return ops.maximum(mean_error + change, _MIN_SCALE * mean_error)


def interval(
    popularity: npt.NDArray[np.floating], half_width: npt.NDArray[np.floating] | float
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]:
    """Lower and upper end of the interval of each prediction, clipped to 0-100."""
    return np.clip(popularity - half_width, 0, 100), np.clip(popularity + half_width, 0, 100)


def _pattern_name(pattern: tuple[str, ...]) -> str:
    return ", ".join(pattern) or "nothing"
