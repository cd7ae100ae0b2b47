"""Samplers and pruners by name, and samplers with fixed parameters."""

import inspect
import warnings
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import optuna
from optuna.samplers import BaseSampler, PartialFixedSampler


def create_sampler_or_pruner(
    module: ModuleType, base: type, role: str, name_or_instance: Any, options: Mapping[str, Any]
) -> Any:
    """Create a sampler or pruner from its class name; return an instance unchanged.

    Args:
        module: `optuna.samplers` or `optuna.pruners`.
        base: base class of the result.
        role: "sampler" or "pruner", for error messages.
        name_or_instance: name of a class in the module, or an instance of `base`.
        options: keyword arguments of the class. A class without a `seed` argument gets none.

    Raises:
        ValueError: the module has no such class, the class does not accept the options, or options
            come with an instance.
    """
    if isinstance(name_or_instance, base):
        if options.keys() - {"seed"}:
            raise ValueError(
                f"{role}_options: expected none with {name_or_instance}, received {dict(options)}"
            )
        return name_or_instance
    classes = _concrete_classes(module, base)
    if name_or_instance not in classes:
        raise ValueError(
            f"{role}: expected one of {sorted(classes)}, received {name_or_instance!r}"
        )
    signature = inspect.signature(classes[name_or_instance])
    accepted = {k: v for k, v in options.items() if k != "seed" or k in signature.parameters}
    try:
        signature.bind(**accepted)
    except TypeError as error:
        raise ValueError(
            f"{role}_options: expected arguments of {name_or_instance}{signature}, "
            f"received {accepted}"
        ) from error
    return classes[name_or_instance](**accepted)


def _concrete_classes(module: ModuleType, base: type) -> dict[str, type]:
    exports = {name: getattr(module, name) for name in module.__all__}
    return {
        name: export
        for name, export in exports.items()
        if inspect.isclass(export) and issubclass(export, base) and not inspect.isabstract(export)
    }


def fix_params(fixed_params: Mapping[str, Any], sampler: BaseSampler) -> BaseSampler:
    """Return a sampler with some parameters fixed; the given sampler draws the others."""
    if not fixed_params:
        return sampler
    with warnings.catch_warnings():
        # The class is marked experimental since Optuna 2.4.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return PartialFixedSampler(dict(fixed_params), sampler)
