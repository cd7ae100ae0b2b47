"""Keras Tuner's hyperparameters as parameters of an Optuna study, and back.

An unordered `Choice` and a `Boolean` are drawn as categories, numbers as numbers. By the place
among its values, as Keras Tuner defines them, is drawn what Optuna has no distribution for: an
ordered `Choice`, a `Float` with a step (whose sums Optuna rounds in its own way) and anything with
a step on a log scale, which multiplies. `reverse_log` is drawn on a log scale and mirrored, to
min + max - drawn. A `Fixed` is not asked for.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine import hyperparameters as kinds
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

Distribution = CategoricalDistribution | FloatDistribution | IntDistribution


def filled(space: list[Any], value_of: Callable[[Any], Any]) -> dict[str, Any]:
    """Values of the hyperparameters that are active, parents before what depends on them."""
    values = keras_tuner.HyperParameters()
    for hp in space:
        values.merge([hp])
        if values.is_active(hp):
            values.values[hp.name] = value_of(hp)
    return dict(values.values)


def suggested(asked: optuna.Trial, space: list[Any]) -> dict[str, Any]:
    """Values for a trial, each asked of Optuna once its conditions are known to hold."""
    return filled(space, lambda hp: _suggested(asked, hp))


def as_params(
    space: list[Any], values: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Distribution]]:
    """Values as parameters of the study, and these parameters' distributions.

    Raises:
        ValueError: for a value that is none of its hyperparameter's.
    """
    params, distributions = {}, {}

    def take(hp: Any) -> Any:
        if hp.name in values and not isinstance(hp, kinds.Fixed):
            params[_name(hp)] = _encoded(hp, values[hp.name])
            distributions[_name(hp)] = _distribution(hp)
        return values.get(hp.name, hp.default)

    filled(space, take)
    return params, distributions


def _name(hp: Any) -> str:
    """Keras Tuner tells hyperparameters of one name apart by their conditions."""
    where = " & ".join(f"{condition.name} in {condition.values}" for condition in hp.conditions)
    return f"{hp.name} | {where}" if where else str(hp.name)


def _steps(hp: Any) -> list[Any] | None:
    """The values of a hyperparameter that is drawn by its place among them, else None."""
    if isinstance(hp, kinds.Choice):
        return list(hp.values) if hp.ordered else None
    if getattr(hp, "step", None) is None or (isinstance(hp, kinds.Int) and hp.sampling == "linear"):
        return None
    count = sum(1 for _ in hp.values)
    return [hp.prob_to_value((place + 0.5) / count) for place in range(count)]


def _distribution(hp: Any) -> Distribution:
    steps = _steps(hp)
    if steps is not None:
        return IntDistribution(0, len(steps) - 1)
    if isinstance(hp, kinds.Choice | kinds.Boolean):
        return CategoricalDistribution(tuple(hp.values))
    if isinstance(hp, kinds.Float):
        return FloatDistribution(hp.min_value, hp.max_value, log=hp.sampling != "linear")
    if hp.sampling == "linear":  # Optuna warns of a maximum that the steps do not hit
        span = hp.max_value - hp.min_value
        return IntDistribution(hp.min_value, hp.max_value - span % hp.step, step=hp.step)
    return IntDistribution(hp.min_value, hp.max_value, log=True)


def _suggested(asked: optuna.Trial, hp: Any) -> Any:
    if isinstance(hp, kinds.Fixed):
        return hp.value
    name, steps, among = _name(hp), _steps(hp), _distribution(hp)
    if isinstance(among, CategoricalDistribution):
        return asked.suggest_categorical(name, among.choices)
    if isinstance(among, FloatDistribution):
        return _mirrored(hp, asked.suggest_float(name, among.low, among.high, log=among.log))
    drawn = asked.suggest_int(name, among.low, among.high, step=among.step, log=among.log)
    return _mirrored(hp, drawn) if steps is None else steps[drawn]


def _encoded(hp: Any, value: Any) -> Any:
    steps, among = _steps(hp), _distribution(hp)
    if steps is not None:
        places = [place for place, step in enumerate(steps) if math.isclose(step, value)]
        param, known = places[0] if places else None, bool(places)
    elif isinstance(among, CategoricalDistribution):
        param, known = value, value in among.choices
    else:
        value = _within(hp, value)
        param, known = _mirrored(hp, value), hp.min_value <= value <= hp.max_value
    if isinstance(among, IntDistribution) and param is not None:
        known = known and param in range(among.low, among.high + 1, among.step)
    if not known:
        raise ValueError(f"expected a value of {hp}, received {value!r}")
    return param


def _within(hp: Any, value: Any) -> Any:
    """A value that rounding has carried over an end of its range, back on that end."""
    for end in (hp.min_value, hp.max_value):
        if value != end and math.isclose(value, end, rel_tol=1e-12):
            return end
    return value


def _mirrored(hp: Any, value: Any) -> Any:
    if getattr(hp, "sampling", None) != "reverse_log":
        return value
    return min(max(hp.min_value + hp.max_value - value, hp.min_value), hp.max_value)
