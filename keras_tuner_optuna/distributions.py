"""Conversion between Keras Tuner's hyperparameters and the parameters of an Optuna study.

An unordered `Choice` and a `Boolean` become categorical distributions, numbers become numeric ones.
Optuna has no distribution for an ordered `Choice`, for a `Float` with a step (Optuna rounds its
sums differently) and for a step on a log scale, which multiplies: of these, the parameter is the
value's index among the hyperparameter's values as Keras Tuner defines them. `reverse_log` is
sampled on a log scale and mirrored, to min + max - sample. A `Fixed` is no parameter.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine import hyperparameters as hp_types
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

Distribution = CategoricalDistribution | FloatDistribution | IntDistribution


def fill_values(space: list[Any], value_of: Callable[[Any], Any]) -> dict[str, Any]:
    """Compute the values of the active hyperparameters, parents before their children."""
    hps = keras_tuner.HyperParameters()
    for hp in space:
        hps.merge([hp])
        if hps.is_active(hp):
            hps.values[hp.name] = value_of(hp)
    return dict(hps.values)


def suggest_values(optuna_trial: optuna.Trial, space: list[Any]) -> dict[str, Any]:
    """Suggest a trial's values; of conditional hyperparameters only the active ones."""
    return fill_values(space, lambda hp: _suggest(optuna_trial, hp))


def to_params(
    space: list[Any], values: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Distribution]]:
    """Convert values to parameters of the study.

    Returns:
        The parameters and their distributions, both by parameter name.

    Raises:
        ValueError: a value is outside its hyperparameter's range.
    """
    params, distributions = {}, {}

    def convert(hp: Any) -> Any:
        if hp.name in values and not isinstance(hp, hp_types.Fixed):
            params[_param_name(hp)] = _to_param(hp, values[hp.name])
            distributions[_param_name(hp)] = _distribution(hp)
        return values.get(hp.name, hp.default)

    fill_values(space, convert)
    return params, distributions


def _param_name(hp: Any) -> str:
    """Name with conditions: Keras Tuner allows one name under several conditions."""
    conditions = " & ".join(f"{parent.name} in {parent.values}" for parent in hp.conditions)
    return f"{hp.name} | {conditions}" if conditions else str(hp.name)


def _indexed_values(hp: Any) -> list[Any] | None:
    """All values of a hyperparameter whose parameter is an index, else None."""
    if isinstance(hp, hp_types.Choice):
        return list(hp.values) if hp.ordered else None
    has_step = getattr(hp, "step", None) is not None
    if not has_step or (isinstance(hp, hp_types.Int) and hp.sampling == "linear"):
        return None
    count = sum(1 for _ in hp.values)
    # Keras Tuner divides [0, 1] into one interval per value; the middle of each gives its value.
    return [hp.prob_to_value((index + 0.5) / count) for index in range(count)]


def _distribution(hp: Any) -> Distribution:
    indexed = _indexed_values(hp)
    if indexed is not None:
        return IntDistribution(0, len(indexed) - 1)
    if isinstance(hp, hp_types.Choice | hp_types.Boolean):
        return CategoricalDistribution(tuple(hp.values))
    if isinstance(hp, hp_types.Float):
        return FloatDistribution(hp.min_value, hp.max_value, log=hp.sampling != "linear")
    if hp.sampling == "linear":  # Optuna warns of a maximum that the steps do not reach
        span = hp.max_value - hp.min_value
        return IntDistribution(hp.min_value, hp.max_value - span % hp.step, step=hp.step)
    return IntDistribution(hp.min_value, hp.max_value, log=True)


def _suggest(optuna_trial: optuna.Trial, hp: Any) -> Any:
    if isinstance(hp, hp_types.Fixed):
        return hp.value
    name, indexed, distribution = _param_name(hp), _indexed_values(hp), _distribution(hp)
    if isinstance(distribution, CategoricalDistribution):
        return optuna_trial.suggest_categorical(name, distribution.choices)
    low, high, log = distribution.low, distribution.high, distribution.log
    if isinstance(distribution, FloatDistribution):
        return _mirror(hp, optuna_trial.suggest_float(name, low, high, log=log))
    param = optuna_trial.suggest_int(name, int(low), int(high), step=distribution.step, log=log)
    return _mirror(hp, param) if indexed is None else indexed[param]


def _to_param(hp: Any, value: Any) -> Any:
    indexed, distribution = _indexed_values(hp), _distribution(hp)
    param: Any = None
    if indexed is not None:
        matches = [index for index, known in enumerate(indexed) if math.isclose(known, value)]
        param, valid = matches[0] if matches else None, bool(matches)
    elif isinstance(distribution, CategoricalDistribution):
        param, valid = value, value in distribution.choices
    else:
        value = _snap_to_bounds(hp, value)
        param, valid = _mirror(hp, value), hp.min_value <= value <= hp.max_value
    if isinstance(distribution, IntDistribution) and param is not None:
        valid = valid and param in range(distribution.low, distribution.high + 1, distribution.step)
    if not valid:
        raise ValueError(f"{hp.name}: expected a value of {hp}, received {value!r}")
    return param


def _snap_to_bounds(hp: Any, value: Any) -> Any:
    """Move a value that rounding has put just beyond a bound back to that bound."""
    for bound in (hp.min_value, hp.max_value):
        if value != bound and math.isclose(value, bound, rel_tol=1e-12):
            return bound
    return value


def _mirror(hp: Any, value: Any) -> Any:
    """Convert between the value and the parameter of a `reverse_log`; others stay as they are."""
    if getattr(hp, "sampling", None) != "reverse_log":
        return value
    return min(max(hp.min_value + hp.max_value - value, hp.min_value), hp.max_value)
