"""Samplers and pruners by name, and a sampler that has values given."""

import inspect
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState


def built(module: ModuleType, base: type, role: str, given: Any, options: Mapping[str, Any]) -> Any:
    """The sampler or pruner of a name, or the one that was given ready-made.

    A seed among the options is dropped for a class that takes none.

    Raises:
        ValueError: for a name that Optuna does not have, an option that its class does not take, or
            any with an instance.
    """
    if isinstance(given, base):
        if options.keys() - {"seed"}:
            raise ValueError(f"expected no {role}_options with {given}, received {dict(options)}")
        return given
    known = {name: getattr(module, name) for name in module.__all__}
    known = {name: c for name, c in known.items() if inspect.isclass(c) and issubclass(c, base)}
    known = {name: c for name, c in known.items() if not inspect.isabstract(c)}
    if given not in known:
        raise ValueError(f"expected {role} to be one of {sorted(known)}, received {given!r}")
    takes = inspect.signature(known[given])
    kept = {k: v for k, v in options.items() if k != "seed" or k in takes.parameters}
    try:
        takes.bind(**kept)
    except TypeError as error:
        message = f"expected {role}_options as {given}{takes} takes them, received {kept}"
        raise ValueError(message) from error
    return known[given](**kept)


class Given(optuna.samplers.BaseSampler):
    """Has some parameters' values given, and the others drawn by another sampler.

    Args:
        values: the values that are given, by the parameters' names.
        other: the other sampler.
    """

    def __init__(self, values: Mapping[str, Any], other: optuna.samplers.BaseSampler) -> None:
        self._values, self._other = values, other

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """The other's search space, but for what is given."""
        space = self._other.infer_relative_search_space(study, trial)
        return {name: among for name, among in space.items() if name not in self._values}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """What the other draws together."""
        return self._other.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """The given value, or what the other draws by itself."""
        if param_name in self._values:
            return self._values[param_name]
        return self._other.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Lets the other prepare a trial."""
        self._other.before_trial(study, trial)

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Any
    ) -> None:
        """Lets the other see how a trial ended."""
        self._other.after_trial(study, trial, state, values)
